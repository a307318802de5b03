// `omens report …` over a fake service: a hundred columns, colors only for people, and exit codes for monitoring.
import { describe, expect, test } from '@jest/globals';
import { cutMiddle, wrap } from '../../../src/cli/narrow.ts';
import { run } from '../../../src/cli/program.ts';
import type { ExpiryItem, ExpiryReport } from '../../../src/domain/report-wire.ts';
import { fakeWorld } from '../../fakes/service.ts';
import { expiryItem, reports } from '../../http/support/reports.ts';

const time = '2026-11-23T12:00:00Z';
const item = (over: Partial<ExpiryItem> = {}): ExpiryItem => ({ ...expiryItem, level: 'warning', ...over });
const report = (over: Partial<ExpiryReport> = {}): ExpiryReport => ({
  ...{ generatedAt: time, summary: { ok: 3, warning: 1, critical: 0 }, otherWarnings: 0, items: [item()], next: null },
  ...over,
});
const widths = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

describe('the expiry report for monitoring', () => {
  for (const [level, summary, code] of [
    ['OK', { ok: 3, warning: 0, critical: 0 }, 0],
    ['WARNING', { ok: 3, warning: 1, critical: 0 }, 1],
    ['CRITICAL', { ok: 3, warning: 1, critical: 1 }, 2],
  ] as const) {
    test(`is ${level} with exit code ${code}, in one line with performance data`, async () => {
      const world = fakeWorld({ expiryReport: report({ summary }) });
      expect(await run(['report', 'expiry', '--exit-code'], world)).toBe(code);
      expect(world.out()).toMatch(new RegExp(`^EXPIRY ${level} - [^\n|]* \\| critical=[0-9 a-zA-Z=]*\n$`));
      expect(world.out()).toContain(`critical=${summary.critical} warning=${summary.warning} ok=3 otherWarnings=0`);
    });
  }

  test('names the first of the worst level, and how many other warnings are open, which decide nothing', async () => {
    const expiryReport = ({ level }: { level?: string }) =>
      report({ otherWarnings: 4, items: level === 'warning' ? [item({ subject: 'a|b\nc', reason: '3 d left' })] : [] });
    const world = fakeWorld({ expiryReport });
    expect(await run(['report', 'expiry', '--exit-code'], world)).toBe(1);
    expect(world.out()).toBe(
      'EXPIRY WARNING - 0 critical, 1 warning, 3 ok; first: nginx-vhost a/b c (3 d left); 4 other warnings open' +
        ' | critical=0 warning=1 ok=3 otherWarnings=4\n',
    );
  });

  test('counts what was asked for, where something was', async () => {
    const world = fakeWorld({ expiryReport: report({ items: [item({ level: 'critical' }), item()] }) });
    expect(await run(['report', 'expiry', '--exit-code', '--device', 'tower.example.org'], world)).toBe(2);
    expect(world.out()).toContain('1 critical, 1 warning, 0 ok; first: nginx-vhost');
    expect(world.calls).toEqual([['expiryReport', expect.objectContaining({ device: 'tower.example.org' })]]);
  });

  test('is UNKNOWN with exit code 3 when the service does not answer', async () => {
    const world = fakeWorld({ expiryReport: { fault: { reason: 'serverUnreachable', detail: 'gone' } } });
    expect(await run(['report', 'expiry', '--exit-code'], world)).toBe(3);
    expect(world.out()).toBe('EXPIRY UNKNOWN - cannot reach the service: gone\n');
  });

  test('is whole without --exit-code, however many pages it has', async () => {
    const world = fakeWorld({ expiryReport: report() });
    expect(await run(['report', 'expiry', '--json'], world)).toBe(0);
    expect(JSON.parse(world.out())).toEqual(report());
  });
});

describe('the expiry report for people', () => {
  const long = `very-long-name-${'x'.repeat(80)}.example.org`;
  const items = [
    item({ level: 'critical', subject: long, reason: 'expired 3 d ago; its host was not seen for 12 d 4 h'.repeat(3) }),
    item({ device: 'gate.example.org', profile: 'keylime-agent-with-a-long-name', subject: 'gate.example.org' }),
    item({ kind: 'issuer', device: null, profile: 'issuer', subject: '\x1b[2Jca', level: 'ok' }),
  ];

  test('fits a hundred columns, with both ends of long names, the most urgent first', async () => {
    for (const group of ['urgency', 'host']) {
      const world = fakeWorld({ expiryReport: report({ items }) });
      expect(await run(['report', 'expiry', '--group', group], world)).toBe(0);
      expect(widths(world.out())).toBeLessThanOrEqual(100);
      expect(world.out()).toMatch(/very-long-\S*…\S*example\.org/);
      expect(world.out()).not.toContain('\x1b');
    }
  });

  test('is grouped by urgency, or by host', async () => {
    const urgency = fakeWorld({ expiryReport: report({ items }) });
    await run(['report', 'expiry'], urgency);
    expect(urgency.out()).toMatch(
      /^CRITICAL \(1\)\n[^]*^WARNING \(1\)\n[^]*^OK \(1\)\n[^]*0 critical, 1 warning, 3 ok/m,
    );
    const host = fakeWorld({ expiryReport: report({ items }) });
    await run(['report', 'expiry', '--group', 'host'], host);
    expect(host.out()).toMatch(/^tower\.example\.org\n {2}critical {2}[^]*^gate\.example\.org\n[^]*^on no host\n/m);
  });

  test('has colors only where somebody sees them', async () => {
    const world = fakeWorld({ expiryReport: report({ items }) }, { isColorful: true });
    await run(['report', 'expiry'], world);
    expect(world.out()).toContain('\x1b[1;31mCRITICAL (1)\x1b[0m');
    expect(world.out()).not.toContain('\x1b[2J');
  });

  test('has the rows of all pages', async () => {
    const expiryReport = ({ cursor }: { cursor?: string }) =>
      report({
        items: [item({ device: null, subject: `${cursor ?? 'first'}.example.org` })],
        next: cursor === undefined ? 'second' : null,
      });
    const world = fakeWorld({ expiryReport });
    expect(await run(['report', 'expiry'], world)).toBe(0);
    expect(world.out()).toMatch(/first\.example\.org[^]*second\.example\.org/);
  });

  test('as CSV has every row and one header line', async () => {
    const pages: Readonly<Record<string, object>> = {
      first: { text: 'certificate,reason\r\naa,"one\r\ntwo"\r\n', next: 'second' },
      second: { text: 'certificate,reason\r\nbb,x\r\n', next: 'third' },
      third: { text: 'certificate,reason\r\ncc,y\r\n', next: null },
    };
    const reportCsv = (_: string, { cursor = 'first' }: { cursor?: string }) => pages[cursor];
    const world = fakeWorld({ reportCsv });
    expect(await run(['report', 'expiry', '--within', '30d', '--format', 'csv'], world)).toBe(0);
    expect(world.out()).toBe('certificate,reason\r\naa,"one\r\ntwo"\r\nbb,x\r\ncc,y\r\n');
    expect(world.calls.map(([, name, query]) => [name, (query as { within: string }).within])).toEqual([
      ...[
        ['expiry', '30d'],
        ['expiry', '30d'],
        ['expiry', '30d'],
      ],
    ]);
  });

  test('takes no duration that is none', async () => {
    const world = fakeWorld({});
    expect(await run(['report', 'expiry', '--within', 'soon'], world)).toBe(2);
    expect(world.errors()).toContain('accepted: 90s, 15m, 12h, 30d, 2w');
  });
});

describe('the other reports', () => {
  test.each([
    [
      'issuance',
      'issuanceReport',
      reports.issuanceReport(86_400, new Date()),
      /devid +86400 +1 +0[^]*0\.5 issued an hour/,
    ],
    [
      'rotation',
      'rotationReport',
      reports.rotationReport(new Date()),
      /devid +1 [^]*LATE HOST[^]*keys +running[^]*2026-01-03/,
    ],
    [
      'devices',
      'devicesReport',
      reports.devicesReport({ limit: 1 }, new Date()),
      /tower\.example\.org +active [^]*1 ok +- +1 warn/,
    ],
  ])('%s fits a hundred columns, and is the resource as JSON', async (name, operation, resource, text) => {
    const answer = { ...(await resource), next: null };
    const world = fakeWorld({ [operation]: answer });
    expect(await run(['report', name], world)).toBe(0);
    expect(world.out()).toMatch(text);
    expect(widths(world.out())).toBeLessThanOrEqual(100);
    const json = fakeWorld({ [operation]: answer });
    expect(await run(['report', name, '--format', 'json'], json)).toBe(0);
    expect(JSON.parse(json.out())).toEqual(answer);
  });
});

test('a text is cut in the middle, and wrapped between words', () => {
  expect(cutMiddle('abcdefghij', 5)).toBe('ab…ij');
  expect(cutMiddle('abc', 5)).toBe('abc');
  expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
});
