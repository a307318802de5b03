// `omens warnings` and `omens channels`: what is asked of the service, and what people and scripts read.
import { describe, expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import type { ChannelResource, WarningPage, WarningResource } from '../../../src/domain/warning-wire.ts';
import { type Answers, fakeWorld } from '../../fakes/service.ts';

const time = '2026-11-23T12:00:00Z';
const id = '4444aaaa-4444-4444-8444-444444444444';
const other = '4444bbbb-4444-4444-8444-444444444444';

const warning: WarningResource = {
  ...{ id, condition: 'renewalMissed', subject: `lineage:${other}`, level: 'critical', device: other, lineage: other },
  reason: 'due since 14 h; connect ECONNREFUSED 127.0.0.1:8200 (9 attempts)',
  facts: { name: 'tower.example.org', profile: 'devid', notAfter: time },
  ...{ openedAt: time, levelAt: time, closedAt: null, acknowledgedAt: null, acknowledgedBy: null },
  ...{ snoozedUntil: null, snoozedBy: null, note: null },
};
const longName = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.org`;
const long: WarningResource = {
  ...{ ...warning, id: other, condition: 'endorsementCertificateEnding', facts: { name: longName } },
  ...{ reason: 'word '.repeat(60), acknowledgedAt: time, acknowledgedBy: `operator:${'n'.repeat(64)}:${id}` },
  told: [{ channel: 'c'.repeat(64), kind: 'escalation:1', at: time, deliveredAt: null }],
};
const page = (...items: readonly WarningResource[]): WarningPage => ({ items, next: null });

async function omens(args: readonly string[], answers: Answers = {}) {
  const world = fakeWorld(answers);
  const code = await run(args, world);
  return { code, out: world.out(), errors: world.errors(), calls: world.calls };
}

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

describe('omens warnings list', () => {
  test('shows the open ones: which, how badly, since when, about whom, and why', async () => {
    const { out, calls } = await omens(['warnings', 'list'], { listWarnings: page(warning) });
    expect(calls).toEqual([['listWarnings', { limit: undefined, cursor: undefined, state: 'open' }]]);
    expect(out).toBe(
      `4444aaaa  CRITICAL  ${time}  renewalMissed  tower.example.org
          due since 14 h; connect ECONNREFUSED 127.0.0.1:8200 (9 attempts)\n`,
    );
  });
  test('fits a hundred columns whatever hosts are called, and says who looks after it', async () => {
    const { out } = await omens(['warnings', 'list'], { listWarnings: page(long) });
    expect(widest(out)).toBeLessThanOrEqual(100);
    expect(out).toContain('[acknowledged] word word');
  });
  test('asks for what was said, a host by its name', async () => {
    const args = ['warnings', 'list', '--state', 'closed', '--level', 'critical', '--device', 'tower.example.org'];
    const { calls, errors } = await omens([...args, '--limit', '2'], {
      listDevices: { items: [{ id: other, hostName: 'tower.example.org', state: 'active' }], next: null },
      listWarnings: { items: [warning], next: 'bmV4dA' },
    });
    expect(calls.at(-1)).toEqual([
      'listWarnings',
      { limit: 2, cursor: undefined, state: 'closed', level: 'critical', device: other },
    ]);
    expect(errors).toBe('omens: there is more: --cursor bmV4dA\n');
  });
  test('prints the resource unchanged with --json', async () => {
    const { out } = await omens(['warnings', 'list', '--json'], { listWarnings: page(warning) });
    expect(JSON.parse(out)).toEqual(page(warning));
  });
  test('says nothing where all is well', async () => {
    expect((await omens(['warnings', 'list'], { listWarnings: page() })).out).toBe('nothing\n');
  });
});

describe('omens warnings show', () => {
  test('finds a warning by the beginning of its id, and says everything within a hundred columns', async () => {
    const { out, calls } = await omens(['warnings', 'show', '4444bb'], {
      listWarnings: page(warning, long),
      showWarning: long,
    });
    expect(calls.at(-1)).toEqual(['showWarning', other]);
    expect(widest(out)).toBeLessThanOrEqual(100);
    expect(out).toContain('condition     endorsementCertificateEnding: the EK certificate of a TPM ends\n');
    expect(out).toMatch(/^c+…c+ {2}escalation:1 {2}2026-11-23T12:00:00Z {2}waits$/m);
  });
  test('looks among the closed ones for what is not open', async () => {
    const { calls } = await omens(['warnings', 'show', '4444a'], {
      listWarnings: ({ state }: { readonly state: string }) => (state === 'open' ? page() : page(warning)),
      showWarning: warning,
    });
    expect(calls.at(-1)).toEqual(['showWarning', id]);
  });
  test.each([
    ['4444', 'several warnings begin with 4444', `more of the id: ${id}, ${other}`],
    ['5555', 'there is no warning 5555', '`omens warnings list` shows the open ones'],
  ])('does not guess: %s', async (text, what, hint) => {
    const { code, errors } = await omens(['warnings', 'show', text], {
      listWarnings: ({ state }: { readonly state: string }) => (state === 'open' ? page(warning, long) : page()),
    });
    expect(code).toBe(1);
    expect(errors).toContain(`omens: ${what}\nhint: ${hint}`);
  });
  test('of a name is wrong usage', async () => {
    const { code, errors } = await omens(['warnings', 'show', 'tower']);
    expect({ code, errors }).toMatchObject({ code: 2, errors: expect.stringContaining('`omens warnings list`') });
  });
});

describe('omens warnings acknowledge and snooze', () => {
  test('an acknowledgement goes with its note', async () => {
    const { out, calls } = await omens(['warnings', 'acknowledge', id, '--note', 'on my way'], {
      acknowledgeWarning: { ...warning, acknowledgedAt: time, acknowledgedBy: 'operator:me', note: 'on my way' },
    });
    expect(calls).toEqual([['acknowledgeWarning', id, { note: 'on my way' }]]);
    expect(out).toContain('acknowledged  2026-11-23T12:00:00Z by operator:me\n');
    expect(out).toContain('note          on my way\n');
  });
  test.each([
    [['--for', '3d'], '2026-11-26T12:00:00Z'],
    [['--until', '2026-12-01T09:00:00Z'], '2026-12-01T09:00:00Z'],
  ])('a snooze %j has an end', async (args, until) => {
    const { calls, out } = await omens(['warnings', 'snooze', id, ...args], {
      snoozeWarning: { ...warning, snoozedUntil: until, snoozedBy: 'operator:me' },
    });
    expect(calls).toEqual([['snoozeWarning', id, { until }]]);
    expect(out).toContain(`snoozed       until ${until} by operator:me\n`);
  });
  test.each([
    [[], 'exactly one of'],
    [['--for', '3d', '--until', time], 'exactly one of'],
    [['--for', '31d'], 'at most 30d'],
    [['--for', '0s'], 'at most 30d'],
    [['--until', 'tomorrow'], 'such as 2026-12-01T09:00:00Z'],
    [['--until', '2026-13-01T09:00:00Z'], 'UTC in whole seconds'],
  ])('a snooze %j is refused before anything is asked', async (args, hint) => {
    const { code, errors, calls } = await omens(['warnings', 'snooze', id, ...args]);
    expect({ code, calls }).toEqual({ code: 2, calls: [] });
    expect(errors).toContain(hint);
  });
});

describe('omens channels', () => {
  const channel: ChannelResource = {
    ...{ name: 'phone', kind: 'pushover', destination: 'api.pushover.net', level: 'warning', digest: true },
    ...{ escalation: true, waiting: 2, oldestWaiting: time, lastDeliveredAt: time, failingSince: time },
    lastError: 'the answer was 500',
  };

  test('list shows what waits and since when it fails, within a hundred columns', async () => {
    const far = { ...channel, name: 'n'.repeat(64), lastError: null, lastDeliveredAt: null, failingSince: null };
    const { out } = await omens(['channels', 'list'], { listChannels: { items: [channel, far], next: null } });
    expect(out).toMatch(/^phone +pushover {2}warning +2 +2026-11-23T12:00:00Z {2}2026-11-23T12:00:00Z$/m);
    expect(out).toContain('phone: to api.pushover.net\nphone: the answer was 500\n');
    expect(widest(out)).toBeLessThanOrEqual(100);
  });
  test('list says when there is none', async () => {
    const { out } = await omens(['channels', 'list'], { listChannels: { items: [], next: null } });
    expect(out).toContain('nobody is told of warnings');
  });
  test.each([
    [true, null, 0, `phone accepted message ${id}\n`],
    [false, 'the answer was 403: no', 1, `phone did not accept message ${id}: the answer was 403: no\n`],
  ])('test ends by what the channel said: %s', async (accepted, detail, exit, text) => {
    const answer = { channel: 'phone', message: id, accepted, detail };
    const { code, out, calls } = await omens(['channels', 'test', 'phone'], { testChannel: answer });
    expect({ code, out, calls }).toEqual({ code: exit, out: text, calls: [['testChannel', 'phone']] });
    const json = await omens(['channels', 'test', 'phone', '--json'], { testChannel: answer });
    expect({ code: json.code, resource: JSON.parse(json.out) as unknown }).toEqual({ code: exit, resource: answer });
  });
});
