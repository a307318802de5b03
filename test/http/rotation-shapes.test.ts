// Reports, pulls and plans that no friend sends: each is refused with 4xx before a service is reached.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hostReport } from '../../src/agent/keep-report.ts';
import { signByHand, startTestServer, type TestServer } from './support/calls.ts';

let server: TestServer;
let admin: string;
beforeAll(async () => {
  server = await startTestServer();
  admin = await server.world.token('admin');
});
afterAll(() => server.close());

async function send(path: string, bytes: Buffer, headers: Record<string, string>) {
  server.world.calls.length = 0;
  const reply = await server.call({ method: 'POST', path, bytes, headers });
  const reason = reply.json?.type?.split('/').at(-1);
  return { status: reply.status, reason, field: reply.json?.field, reached: server.world.calls.length };
}

async function report(body: object) {
  const path = '/v1/devices/self/reports';
  const bytes = Buffer.from(JSON.stringify(body));
  const nonce = await server.nonce();
  const signed = { method: 'POST', authority: server.authority, target: path, nonce, body: bytes };
  return send(path, bytes, signByHand(server.world.deviceKey, signed));
}

const ask = (path: string, body: object) =>
  send(path, Buffer.from(JSON.stringify(body)), {
    authorization: `Bearer ${admin}`,
    'content-type': 'application/json',
  });

const time = '2026-01-01T00:00:00Z';
const target = {
  ...{ name: 'devid', profile: 'devid', place: '', lineage: null, certificate: null, state: 'failed' },
  ...{ error: { at: time, phase: 'hook', reason: 'no', detail: 'why' }, failures: 1, hasSpireAgent: false },
};
const found = {
  ...{ path: '/etc/x.crt', sha256: 'a'.repeat(64), subject: 'CN=x', issuer: 'CN=y' },
  ...{ notBefore: time, notAfter: time, fault: null },
};
const whole = { agentVersion: '1', at: time, targets: [target], unmanaged: [found], findings: [], trustGeneration: 0 };

describe('a report', () => {
  test('that is well-formed is taken', async () => {
    expect(await report(whole)).toMatchObject({ status: 200, reached: 1 });
  });
  test.each<[string, object]>([
    ['with too many targets', { targets: Array(65).fill(target) }],
    ['with too many unmanaged certificates', { unmanaged: Array(201).fill(found) }],
    ['that names a command', { hook: 'rm -rf /' }],
    ['with a target that wants a grant', { targets: [{ ...target, granted: true }] }],
    ['with a path of the world', { unmanaged: [{ ...found, path: `/${'a'.repeat(600)}` }] }],
    ['with a null in a path', { unmanaged: [{ ...found, path: '/etc/\u0000' }] }],
    ['with half a character', { unmanaged: [{ ...found, subject: 'CN=\ud800' }] }],
    [
      'with an escape sequence in an error',
      { targets: [{ ...target, error: { ...target.error, detail: '\u001b[2J' } }] },
    ],
    ['with an escape sequence of one character', { unmanaged: [{ ...found, path: '/etc/\u009b2J' }] }],
    ['with a path that is read backwards', { unmanaged: [{ ...found, path: '/etc/\u202etrc.x' }] }],
    ['with a lineage that is none', { targets: [{ ...target, lineage: "' or 1=1" }] }],
    ['of endless failures', { targets: [{ ...target, failures: 1e12 }] }],
    ['of less than no failure', { targets: [{ ...target, failures: -1 }] }],
    ['with a state that nobody knows', { targets: [{ ...target, state: 'confirmed' }] }],
    ['with a time in words', { at: 'now' }],
    ['of a generation of a trust bundle that is no number', { trustGeneration: '1' }],
  ])('%s is refused', async (_what, over) => {
    expect(await report({ ...whole, ...over })).toMatchObject({ status: 400, reason: 'malformedBody', reached: 0 });
  });
  test.each<[string, string]>([
    ['two lines', 'nginx: [emerg] no such file\nnginx: configuration file test failed\n'],
    ['more than anybody reads', 'x'.repeat(5000)],
    ['colors, a null and half a character', '\u001b[31mbad\u009b31m\u0000\ud800'],
    ['what turns the direction of writing', 'good\u202edab'],
    ['a character that the end cuts in half', `${'x'.repeat(511)}\u{1f600}`],
    ['nothing', ''],
  ])('of a host whose programs print %s is taken', async (_what, printed) => {
    const error = { ...target.error, detail: printed };
    const finding = { check: 'clock', level: 'critical' as const, detail: printed, fix: printed };
    const body = hostReport({
      ...{ agentVersion: '1', at: time, trustGeneration: 0 },
      targets: Array(65).fill({ ...target, error }),
      unmanaged: Array(201).fill({ ...found, path: `/etc/${printed}` }),
      findings: [...Array(200).fill({ ...finding, level: 'ok' }), finding],
    });
    expect(body.findings[0]).toMatchObject({ level: 'critical' });
    expect(await report(body)).toMatchObject({ status: 200, reached: 1 });
  });
  test('that is larger than any host has reason for is refused', async () => {
    const unmanaged = Array(200).fill({
      ...found,
      path: `/${'a'.repeat(500)}`,
      subject: 'b'.repeat(500),
      issuer: 'c'.repeat(500),
    });
    expect(await report({ ...whole, unmanaged })).toMatchObject({ status: 413, reason: 'bodyTooLarge', reached: 0 });
  });
});

describe('a pull', () => {
  const scope = { profile: 'devid' };
  test.each<[string, object]>([
    ['without a reason', { scope }],
    ['with an empty reason', { scope, because: '' }],
    ['without a scope', { because: 'x' }],
    ['of everything', { scope: {}, because: 'x' }],
    ['of two scopes', { scope: { ...scope, issuer: 'a'.repeat(64) }, because: 'x' }],
    ['of TPMs of nobody', { scope: { tpm: {} }, because: 'x' }],
    [
      'of TPMs with firmware in words',
      { scope: { tpm: { manufacturer: '49465800', firmwareTo: 'old' } }, because: 'x' },
    ],
    ['in batches of none', { scope, because: 'x', batchSize: 0 }],
    ['in batches of the past', { scope, because: 'x', batchSeconds: -1 }],
    ['in half batches', { scope, because: 'x', batchSize: 1.5 }],
  ])('%s is refused', async (_what, body) => {
    expect(await ask('/v1/renewal-pulls', body)).toMatchObject({ status: 400, reason: 'malformedBody', reached: 0 });
  });
});

describe('a campaign', () => {
  const plan = { name: 'x', scope: { profile: 'devid' }, because: 'y' };
  test.each<[string, object]>([
    ['without a name', { name: '' }],
    ['named like a path', { name: '../x' }],
    ['in waves of none', { waveSize: 0 }],
    ['with a class that is no word', { maxInFlight: { 'a b': 1 } }],
    ['with nothing in flight', { maxInFlight: { devid: 0 } }],
    [
      'with a hundred classes',
      { maxInFlight: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`c${i}`, 1])) },
    ],
    ['with a budget of more than all', { errorBudget: { percent: 101 } }],
    ['with two budgets', { errorBudget: { percent: 1, count: 1 } }],
    ['without a budget in its budget', { errorBudget: {} }],
    ['that waits for ever', { confirmWithinSeconds: 1e9 }],
    ['with a pilot twice', { pilots: ['a.example.org', 'a.example.org'] }],
  ])('%s is refused', async (_what, over) => {
    expect(await ask('/v1/campaigns', { ...plan, ...over })).toMatchObject({
      ...{ status: 400, reason: 'malformedBody', reached: 0 },
    });
  });
  test('with __proto__ among its classes is refused', async () => {
    const bytes = Buffer.from(
      '{"name":"x","scope":{"profile":"devid"},"because":"y","serviceClasses":{"__proto__":"z"}}',
    );
    const headers = { authorization: `Bearer ${admin}`, 'content-type': 'application/json' };
    expect(await send('/v1/campaigns', bytes, headers)).toMatchObject({
      status: 400,
      reason: 'malformedJson',
      reached: 0,
    });
  });
  test('that is tried is 200, that is planned is 201 and says where it is', async () => {
    expect(await ask('/v1/campaigns', { ...plan, dryRun: true })).toMatchObject({ status: 200 });
    expect(await ask('/v1/campaigns', plan)).toMatchObject({ status: 201 });
  });
  test.each(['0', '401', '-1', 'ninety', '1e2'])('a forecast of %s days is refused', async (days) => {
    const headers = { authorization: `Bearer ${admin}` };
    const reply = await server.call({ method: 'GET', path: `/v1/rotation/forecast?days=${days}`, headers });
    expect(reply.status).toBe(400);
  });
});
