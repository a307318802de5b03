// Every route against every kind of principal. What is expected is written here after the text of the protocol (part 7,
// "People"), and from nothing else: neither the routes nor the contract are asked.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { compileContract } from '../../src/http/contract.ts';
import { signByHand, startTestServer, type TestServer } from './support/calls.ts';
import { contractText, ids, issuer, makeKey } from './support/world.ts';

type Who = 'anyone' | 'enrolling' | 'device' | 'viewer' | 'issuer' | 'admin';

const people: readonly Who[] = ['viewer', 'issuer', 'admin'];
const everybody: readonly Who[] = ['anyone', 'enrolling', 'device', ...people];
const admin: readonly Who[] = ['admin'];
const ekPublic = 'A'.repeat(100);
const binary = 'AAAA'.repeat(40);

type Row = { readonly method: string; readonly path: string; readonly may: readonly Who[]; readonly body?: unknown };

const rows: readonly Row[] = [
  // anyone
  { method: 'HEAD', path: '/v1/nonce', may: everybody },
  { method: 'GET', path: '/healthz', may: everybody },
  { method: 'GET', path: '/readyz', may: everybody },
  { method: 'GET', path: '/problems/{reason}', may: everybody },
  { method: 'GET', path: '/v1/issuers', may: everybody },
  { method: 'GET', path: '/v1/issuers/{id}/chain.pem', may: everybody },
  { method: 'GET', path: '/v1/issuers/{id}/root.pem', may: everybody },
  { method: 'GET', path: '/v1/issuers/{id}/bundle.pem', may: everybody },
  { method: 'GET', path: '/v1/renewal-info/{certid}', may: everybody },
  { method: 'GET', path: '/v1/trust-bundle', may: everybody },
  {
    method: 'POST',
    path: '/v1/enrollments',
    may: everybody,
    body: { ekPublic, ekCertificates: [], akPublic: ekPublic, hostName: 'tower.example.org' },
  },
  {
    method: 'POST',
    path: '/v1/enrollments/{id}/activation',
    may: everybody,
    body: {
      secret: 'A'.repeat(43),
      request: binary,
      certifications: [{ attest: binary, signature: binary, proof: binary }],
    },
  },
  // enrolling host, device
  { method: 'GET', path: '/v1/enrollments/{id}', may: ['enrolling'] },
  { method: 'GET', path: '/v1/devices/self', may: ['device'] },
  {
    method: 'POST',
    path: '/v1/devices/self/reports',
    may: ['device'],
    body: {
      ...{ agentVersion: '0.1.0', at: '2026-01-02T03:04:05Z', targets: [], unmanaged: [], findings: [] },
      trustGeneration: 0,
    },
  },
  { method: 'POST', path: '/v1/lineages/{id}/renewals', may: ['device'], body: { request: binary } },
  {
    method: 'POST',
    path: '/v1/certificates/{cert}/confirmation',
    may: ['device'],
    body: {
      place: '',
      signature: binary,
      observed: {
        installedAt: '2026-11-23T12:00:00Z',
        generation: 1,
        servedSha256: null,
        hasSpireAgent: false,
        checks: [{ check: 'port', ok: true, detail: '' }],
      },
    },
  },
  // viewer: every other GET, except the token lists
  { method: 'GET', path: '/v1/enrollments', may: people },
  { method: 'GET', path: '/v1/devices', may: people },
  { method: 'GET', path: '/v1/devices/{id}', may: people },
  { method: 'GET', path: '/v1/certificates', may: people },
  { method: 'GET', path: '/v1/certificates/{cert}', may: people },
  { method: 'GET', path: '/v1/certificates/{cert}/evidence', may: people },
  { method: 'GET', path: '/v1/reports/expiry', may: people },
  { method: 'GET', path: '/v1/reports/issuance', may: people },
  { method: 'GET', path: '/v1/reports/rotation', may: people },
  { method: 'GET', path: '/v1/reports/devices', may: people },
  { method: 'GET', path: '/v1/lineages', may: people },
  { method: 'GET', path: '/v1/lineages/{id}', may: people },
  { method: 'GET', path: '/v1/profiles', may: people },
  { method: 'GET', path: '/v1/profiles/{name}', may: people },
  { method: 'GET', path: '/v1/rotation/fleet', may: people },
  { method: 'GET', path: '/v1/rotation/forecast', may: people },
  { method: 'GET', path: '/v1/campaigns', may: people },
  { method: 'GET', path: '/v1/campaigns/{id}', may: people },
  { method: 'GET', path: '/v1/warnings', may: people },
  { method: 'GET', path: '/v1/warnings/{id}', may: people },
  { method: 'GET', path: '/v1/deliveries', may: people },
  { method: 'GET', path: '/v1/devices/{id}/spire', may: people },
  { method: 'GET', path: '/v1/spire/agents', may: people },
  { method: 'GET', path: '/v1/endpoints', may: people },
  { method: 'GET', path: '/v1/keylime/agents', may: people },
  { method: 'POST', path: '/v1/endpoints/{name}/probe', may: admin },
  { method: 'POST', path: '/v1/keylime/agents/{agent}/let-through', may: admin },
  { method: 'GET', path: '/metrics', may: people },
  { method: 'GET', path: '/v1/channels', may: people },
  { method: 'GET', path: '/v1/audit', may: people },
  // issuer: viewer's, and POST /v1/certificates
  { method: 'POST', path: '/v1/certificates', may: ['issuer', 'admin'], body: { profile: 'nginx-vhost', csr: binary } },
  // issuer: revokes what it issued
  {
    method: 'POST',
    path: '/v1/certificates/{cert}/revocation',
    may: ['issuer', 'admin'],
    body: { reasonCode: 'superseded' },
  },
  // admin: everything a person may do
  {
    method: 'POST',
    path: '/v1/certificates/{cert}/spire-confirmation',
    may: admin,
    body: { spiffeId: `spiffe://funlab.casa/spire/agent/tpm_devid/${'a'.repeat(40)}` },
  },
  { method: 'POST', path: '/v1/enrollments/{id}/approval', may: admin, body: { version: 1 } },
  { method: 'POST', path: '/v1/enrollments/{id}/rejection', may: admin, body: { version: 1, reason: 'no' } },
  { method: 'POST', path: '/v1/enrollment-tokens', may: admin, body: { hostName: 'tower.example.org' } },
  { method: 'GET', path: '/v1/enrollment-tokens', may: admin },
  { method: 'DELETE', path: '/v1/enrollment-tokens/{id}', may: admin },
  { method: 'POST', path: '/v1/operator-tokens', may: admin, body: { name: 'deploy', role: 'viewer' } },
  { method: 'GET', path: '/v1/operator-tokens', may: admin },
  { method: 'DELETE', path: '/v1/operator-tokens/{id}', may: admin },
  {
    method: 'POST',
    path: '/v1/devices',
    may: admin,
    body: { ekFingerprint: 'a'.repeat(64), hostName: 'tower.example.org' },
  },
  { method: 'PUT', path: '/v1/devices/{id}/grants', may: admin, body: { grants: [] } },
  { method: 'POST', path: '/v1/devices/{id}/suspension', may: admin },
  { method: 'POST', path: '/v1/devices/{id}/resumption', may: admin },
  { method: 'POST', path: '/v1/devices/{id}/retirement', may: admin },
  { method: 'POST', path: '/v1/renewal-pulls', may: admin, body: { scope: { profile: 'devid' }, because: 'test' } },
  {
    method: 'POST',
    path: '/v1/campaigns',
    may: admin,
    body: { name: 'devid-2026', scope: { profile: 'devid' }, because: 'test' },
  },
  { method: 'POST', path: '/v1/campaigns/{id}/start', may: admin },
  { method: 'POST', path: '/v1/campaigns/{id}/pause', may: admin },
  { method: 'POST', path: '/v1/campaigns/{id}/resume', may: admin },
  { method: 'POST', path: '/v1/channels/{name}/test', may: admin },
  { method: 'POST', path: '/v1/warnings/{id}/acknowledgement', may: admin, body: {} },
  { method: 'POST', path: '/v1/warnings/{id}/snooze', may: admin, body: { until: '2027-01-04T08:00:00Z' } },
  { method: 'POST', path: '/v1/trust-bundles', may: admin, body: { bundle: binary } },
];

let server: TestServer;
let expiredToken: string;
let revokedToken: string;
let farToken: string;
let disposableId: string;
const bearers: Partial<Record<Who, string>> = {};

beforeAll(async () => {
  server = await startTestServer();
  const { world } = server;
  for (const role of ['viewer', 'issuer', 'admin'] as const) bearers[role] = await world.token(role);
  farToken = await world.token('admin', { limits: { sources: ['192.0.2.0/24'] } });
  expiredToken = await world.token('admin', { ttlSeconds: -10 });
  revokedToken = await world.token('admin');
  await world.tokenPorts.revokeOperatorToken(revokedToken.split('.')[1]!, new Date(), 'test');
  disposableId = (await world.token('viewer')).split('.')[1]!;
});
afterAll(() => server.close());

/** A path that leads to something, for whoever may. */
function concrete(row: Row, who: Who): string {
  const enrollment = who === 'device' ? ids.otherEnrollment : ids.enrollment;
  const id = row.path.startsWith('/v1/enrollments')
    ? enrollment
    : row.path.startsWith('/v1/issuers')
      ? issuer.id
      : row.path.startsWith('/v1/operator-tokens')
        ? disposableId
        : ids.device;
  return row.path
    .replace('{id}', id)
    .replace('{cert}', ids.fingerprint)
    .replace('{certid}', 'AAAA.AAAA')
    .replace('{name}', 'devid')
    .replace('{agent}', 'a'.repeat(64))
    .replace('{reason}', 'internal');
}

type Credential = { readonly bearer?: string; readonly key?: TestServer['world']['deviceKey'] };

async function ask(row: Row, path: string, credential: Credential): Promise<{ status: number; reason: string | null }> {
  const body = row.body === undefined ? undefined : Buffer.from(JSON.stringify(row.body));
  const headers: Record<string, string> = {};
  if (credential.bearer !== undefined) headers['authorization'] = `Bearer ${credential.bearer}`;
  if (credential.key !== undefined) {
    const nonce = await server.nonce();
    Object.assign(
      headers,
      signByHand(credential.key, {
        method: row.method,
        authority: server.authority,
        target: path,
        nonce,
        ...(body ? { body } : {}),
      }),
    );
  }
  const reply = await server.call({ method: row.method, path, headers, ...(body ? { bytes: body } : {}) });
  return { status: reply.status, reason: reply.json?.type?.split('/').at(-1) ?? null };
}

const credentialOf = (who: Who): Credential => {
  if (who === 'anyone') return {};
  if (who === 'enrolling') return { key: server.world.enrollingKey };
  if (who === 'device') return { key: server.world.deviceKey };
  return { bearer: bearers[who]! };
};

test('the table of this file has every operation of the HTTPS listener, and no other', () => {
  const inContract = compileContract(contractText)
    .operations.filter((operation) => operation.listener === 'https')
    .map(({ method, path }) => `${method} ${path}`);
  expect(rows.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(inContract.toSorted());
});

describe.each(rows)('$method $path', (row) => {
  test.each(everybody)('answers as the protocol says to: %s', async (who) => {
    server.world.calls.length = 0;
    const { status, reason } = await ask(row, concrete(row, who), credentialOf(who));
    // The device's own enrollment is an enrollment of its request key too.
    const isOwn = row.path === '/v1/enrollments/{id}' && who === 'device';
    if (row.may.includes(who) || isOwn) {
      expect({ status: Math.floor(status / 100), reason }).toEqual({ status: 2, reason: null });
      return;
    }
    expect([401, 403]).toContain(status);
    expect(reason).toBe(who === 'anyone' ? 'credentialsMissing' : 'principalNotAllowed');
    expect(server.world.calls).toEqual([]);
  });

  test.each([
    ['an expired token', () => ({ bearer: expiredToken }), 401, 'expiredOperatorToken'],
    ['a revoked token', () => ({ bearer: revokedToken }), 401, 'revokedOperatorToken'],
    ['a token used from a network it is not good from', () => ({ bearer: farToken }), 403, 'sourceNotAllowed'],
    [
      'a token that never was',
      () => ({ bearer: `${bearers.admin!.slice(0, -43)}${'A'.repeat(43)}` }),
      401,
      'unknownOperatorToken',
    ],
    ['a bearer that is no token of ours', () => ({ bearer: 'secret' }), 401, 'unknownOperatorToken'],
  ] as const)('lets %s open nothing', async (_what, credential, status, reason) => {
    server.world.calls.length = 0;
    const answer = await ask(row, concrete(row, 'admin'), credential());
    if (row.may.includes('anyone')) expect(Math.floor(answer.status / 100)).toBe(2);
    else {
      expect(answer).toEqual({ status, reason });
      expect(server.world.calls).toEqual([]);
    }
  });

  test('takes no signature by a key that is no request key', async () => {
    server.world.calls.length = 0;
    const { status, reason } = await ask(row, concrete(row, 'enrolling'), { key: makeKey() });
    if (row.may.includes('anyone')) expect(Math.floor(status / 100)).toBe(2);
    else {
      expect({ status, reason }).toEqual(
        row.path === '/v1/enrollments/{id}'
          ? { status: 404, reason: 'unknownEnrollment' }
          : { status: 401, reason: 'unknownRequestKey' },
      );
      expect(server.world.calls).toEqual([]);
    }
  });

  test('refuses two kinds of credentials at once', async () => {
    server.world.calls.length = 0;
    const credential = { bearer: bearers.admin!, key: server.world.deviceKey };
    const { status, reason } = await ask(row, concrete(row, 'device'), credential);
    // An answer to HEAD has no body to name the reason.
    expect({ status, reason }).toEqual({ status: 400, reason: row.method === 'HEAD' ? null : 'twoCredentials' });
    expect(server.world.calls).toEqual([]);
  });
});

test('an enrolling host sees no enrollment but its own', async () => {
  const row: Row = { method: 'GET', path: '', may: [] };
  const answer = await ask(row, `/v1/enrollments/${ids.otherEnrollment}`, { key: server.world.enrollingKey });
  expect(answer).toEqual({ status: 404, reason: 'unknownEnrollment' });
});
