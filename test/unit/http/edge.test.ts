// The edge without a port: header fields, query strings, headers of answers, types, limits, and the report's other forms.
import { describe, expect, test } from '@jest/globals';
import type { ExpiryItem, ExpiryReport } from '../../../src/domain/report-wire.ts';
import { preferredType } from '../../../src/http/accept.ts';
import { gatherHeaders, headerOf, headerRefusal, readQueryString, renderReply } from '../../../src/http/edge.ts';
import { type EnrollmentLimitOptions, enrollmentLimits } from '../../../src/http/enrollment-limits.ts';
import { nextLink, withinOf } from '../../../src/http/paging.ts';
import { reportCsv, reportText } from '../../../src/http/routes/reports.ts';

describe('header fields', () => {
  test('are gathered by lower-case name, with every value', () => {
    const headers = gatherHeaders(['Host', 'a', 'X-Y', '1', 'x-y', '2']);
    expect(headerOf(headers, 'host')).toBe('a');
    expect(headers.get('x-y')).toEqual(['1', '2']);
    expect(headerOf(headers, 'nothing')).toBeNull();
  });
  test.each([
    [['Authorization', 'a', 'authorization', 'b'], 0, 'repeatedHeader'],
    [['Content-Encoding', 'gzip'], 0, 'unsupportedMediaType'],
    [['Content-Type', 'text/plain'], 1, 'unsupportedMediaType'],
    [['Content-Type', 'application/json, text/plain'], 1, 'unsupportedMediaType'],
    [[], 1, 'unsupportedMediaType'],
  ])('%j with %i octets of body are refused', (raw, octets, reason) => {
    expect(headerRefusal(gatherHeaders(raw), octets)?.reason).toBe(reason);
  });
  test.each([
    [[], 0],
    [['Content-Type', 'application/json'], 5],
    [['Content-Type', 'Application/JSON;charset="utf-8"'], 5],
    [['Content-Type', 'text/plain'], 0],
  ])('%j with %i octets of body are taken', (raw, octets) => {
    expect(headerRefusal(gatherHeaders(raw), octets)).toBeNull();
  });
});

test('a query parameter is taken once', () => {
  expect(readQueryString('a=1&b=%20x')).toEqual({ ok: true, value: { a: '1', b: ' x' } });
  expect(readQueryString('a=1&a=1').ok).toBe(false);
  expect(readQueryString('__proto__=1').ok).toBe(false);
});

describe('an answer', () => {
  const place = { publicUrl: 'https://o', requestId: 'id', replayNonce: 'nonce' };
  test('is not kept, framed or sniffed, and brings a nonce', () => {
    const { headers, body } = renderReply({ status: 200, body: { a: 1 } }, place);
    expect(headers).toMatchObject({
      'Cache-Control': 'no-store',
      'Content-Type': 'application/json',
      'Replay-Nonce': 'nonce',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
    });
    expect(Buffer.from(body).toString()).toBe('{"a":1}');
  });
  test('of the plain listener promises no HTTPS and brings no nonce', () => {
    const { headers } = renderReply({ status: 200, body: null }, { ...place, replayNonce: null });
    expect(Object.keys(headers)).not.toContain('Replay-Nonce');
    expect(Object.keys(headers)).not.toContain('Strict-Transport-Security');
  });
  test('of octets stays what it is', () => {
    const reply = renderReply({ status: 200, headers: { 'Content-Type': 'x/y' }, body: Uint8Array.of(1, 2) }, place);
    expect([...reply.body]).toEqual([1, 2]);
    expect(reply.headers['Content-Type']).toBe('x/y');
  });
});

describe('Accept', () => {
  const offered = ['application/json', 'text/csv', 'text/plain'] as const;
  test.each([
    [null, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['text/csv', 'text/csv'],
    ['TEXT/CSV; charset=utf-8', 'text/csv'],
    ['text/*', 'text/csv'],
    ['text/csv;q=0.1, text/plain;q=0.9', 'text/plain'],
    ['text/csv;q=0, */*;q=0.1', 'application/json'],
    ['application/json;q=0, text/*', 'text/csv'],
    ['image/png', null],
    ['text/csv;q=0', null],
    ['text/csv;q=nonsense', null],
  ])('%s gets %s', (accept, type) => expect(preferredType(accept, offered)).toBe(type));
});

test('within is a duration, and the next page is named with what was asked', () => {
  expect(withinOf({ within: '30d' })).toEqual({ ok: true, value: { within: 2_592_000 } });
  expect(withinOf({})).toEqual({ ok: true, value: {} });
  expect(withinOf({ within: '999999w' })).toMatchObject({ error: { reason: 'malformedQuery', field: 'within' } });
  expect(nextLink('/p', { within: '30d', limit: 5 }, 'abc')).toEqual({
    Link: '</p?within=30d&limit=5&cursor=abc>; rel="next"',
  });
  expect(nextLink('/p', {}, null)).toEqual({});
});

describe('the expiry report', () => {
  const time = '2026-01-01T00:00:00Z';
  const item: ExpiryItem = {
    ...{ kind: 'certificate', certificate: 'ab', device: null, profile: 'devid', serial: '01' },
    ...{ subject: 'CN=a, "quoted"', notAfter: time, effectiveNotAfter: time, limitedBy: 'leaf', level: 'critical' },
    ...{ managed: true, reason: '=HYPERLINK("http://evil")', fault: null, places: [] },
    ...{ lineage: null, state: null, hostLastSeenAt: null },
  };
  const foreign: ExpiryItem = {
    ...{ ...item, kind: 'unmanaged', profile: 'unmanaged', serial: null, managed: false, fault: 'softwareKeyDevId' },
    ...{ subject: 'CN=\x1b[2Jtower', reason: 'a software key' },
    places: [
      { hostName: 'tower.example.org', path: '/var/lib/tpm2-devid/devid.crt' },
      { hostName: 'gate.example.org', path: '/a,b' },
    ],
  };
  const report: ExpiryReport = {
    generatedAt: '2026-01-01T00:00:00Z',
    summary: { ok: 0, warning: 0, critical: 1 },
    otherWarnings: 0,
    items: [item],
    next: null,
  };
  test('as CSV quotes what needs it and gives a spreadsheet no formula', () => {
    expect(reportCsv(report).split('\r\n')).toEqual([
      'certificate,device,profile,serial,subject,notAfter,level,managed,reason,fault,places,kind,effectiveNotAfter,limitedBy,lineage,state,hostLastSeenAt',
      `ab,,devid,01,"CN=a, ""quoted""",${time},critical,true,"'=HYPERLINK(""http://evil"")",,,certificate,${time},leaf,,,`,
      '',
    ]);
    expect(reportCsv({ ...report, items: [foreign] }).split('\r\n')[1]).toMatch(
      /^ab,,unmanaged,,.*,critical,false,a software key,softwareKeyDevId,"tower\.example\.org:\/var\/lib\/tpm2-devid\/devid\.crt gate\.example\.org:\/a,b",unmanaged,/,
    );
  });
  test('as text has a line a certificate and a summary', () => {
    expect(reportText(report)).toMatch(
      /^critical {2}2026-01-01T00:00:00Z {2}devid.*\n.*1 critical, 0 warning, 0 ok\n$/,
    );
    const text = reportText({ ...report, items: [foreign] });
    expect(text).toContain('a software key  tower.example.org:/var/lib/tpm2-devid/devid.crt gate.example.org:/a,b');
    expect(text).not.toContain('\x1b');
  });
});

describe('enrollment limits', () => {
  const options = (over: Partial<EnrollmentLimitOptions> = {}): EnrollmentLimitOptions => ({
    perSource: { count: 3, seconds: 60 },
    perEndorsementKey: { count: 2, seconds: 60 },
    trustedSources: ['10.0.0.0/8'],
    endorsementKeyName: (ekPublic) => ekPublic.toLowerCase(),
    salt: new Uint8Array(32),
    ...over,
  });
  const count = async (limits: ReturnType<typeof enrollmentLimits>, requests: readonly [string, string][]) => {
    const answers = [];
    for (const [source, ekPublic] of requests) answers.push((await limits.take({ source, ekPublic })) === null);
    return answers;
  };

  test('count per source', async () => {
    const limits = enrollmentLimits(options());
    const own = ['a', 'b', 'c', 'd'].map((ek): [string, string] => ['192.0.2.1', ek]);
    expect(await count(limits, own)).toEqual([true, true, true, false]);
    expect(await count(limits, [['192.0.2.2', 'e']])).toEqual([true]);
  });
  test('count per endorsement key, from wherever and however it is dressed up', async () => {
    const limits = enrollmentLimits(options());
    expect(
      await count(limits, [
        ['192.0.2.1', 'ek'],
        ['192.0.2.2', 'EK'],
        ['10.1.1.1', 'Ek'],
      ]),
    ).toEqual([true, true, false]);
  });
  test('a source without room fills no bucket of an endorsement key', async () => {
    const limits = enrollmentLimits(options());
    const flood = ['a', 'b', 'c', 'victim', 'victim'].map((ek): [string, string] => ['192.0.2.1', ek]);
    expect(await count(limits, flood)).toEqual([true, true, true, false, false]);
    expect(await count(limits, [['192.0.2.2', 'victim']])).toEqual([true]);
  });
  test('leave a trusted network its own pace', async () => {
    const limits = enrollmentLimits(options());
    const site = Array.from({ length: 50 }, (_, i): [string, string] => ['10.0.0.1', `ek${i}`]);
    expect(await count(limits, site)).toEqual(site.map(() => true));
  });
  test('take a whole /64 for one source', async () => {
    const limits = enrollmentLimits(options());
    const hosts = ['::1', '::2', '::3', '::4'].map((end, i): [string, string] => [`2001:db8:0:1${end}`, `ek${i}`]);
    expect(await count(limits, hosts)).toEqual([true, true, true, false]);
  });
  test('say how long to wait', async () => {
    const limits = enrollmentLimits(options({ perSource: { count: 1, seconds: 60 } }));
    await limits.take({ source: '192.0.2.1', ekPublic: 'a' });
    const answer = await limits.take({ source: '192.0.2.1', ekPublic: 'b' });
    expect(answer).toMatchObject({ refusals: { reason: 'tooManyEnrollments' } });
    const seconds = Number(answer !== null && 'headers' in answer ? answer.headers['Retry-After'] : 0);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
  });
});
