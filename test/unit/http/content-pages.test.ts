// The handlers of pages of certificates, hosts and CAs: what they ask of the services, and what they refuse before they do.
import { describe, expect, test } from '@jest/globals';
import type { CertificateSearch } from '../../../src/domain/certificate-search.ts';
import { noLimits } from '../../../src/domain/principal.ts';
import { ok } from '../../../src/domain/result.ts';
import { certificatePages } from '../../../src/http/pages/certificates.ts';
import type { ContentServices } from '../../../src/http/pages/content.ts';
import { devicePages } from '../../../src/http/pages/devices.ts';
import { issuerPages } from '../../../src/http/pages/issuers.ts';
import type { PageOutcome } from '../../../src/http/pages/page.ts';
import type { HttpServices } from '../../../src/http/services.ts';
import { textOf } from '../../../src/web/html.ts';
import { certificate, ids, makeWorld } from '../../http/support/world.ts';

const now = new Date('2026-11-26T12:00:00Z');
const role = 'admin';

/** The services of pages over those of the API; what was changed is kept. */
function scene() {
  const world = makeWorld();
  const searches: CertificateSearch[] = [];
  const done: string[] = [];
  const content: ContentServices = {
    searchCertificates: async (search) => {
      searches.push(search);
      return { items: [], next: null, isCut: false };
    },
    viewCertificate: async (cert) =>
      cert === ids.fingerprint
        ? {
            certificate,
            use: { isServing: true, levels: null, supersededAt: null, hostName: null, place: null },
            ...{ level: null, text: null, chain: [], lineage: null, history: null, evidence: null },
          }
        : null,
    listHosts: async () => ({ items: [], next: null }),
    viewHost: async () => null,
    previewApproval: async () => null,
    viewIssuers: async () => ({ issuers: [], profiles: [], issuedDays: 7 }),
    profileNames: ['devid'],
  };
  const told = <T>(name: string, value: T) => {
    done.push(name);
    return ok(value);
  };
  const services: HttpServices & ContentServices = {
    ...world.services,
    ...content,
    retireDevice: async () => told('retire', { steps: [] } as never),
    suspendDevice: async () => told('suspend', { steps: [] } as never),
    approveEnrollment: async ({ version }) => told(`approve ${version}`, {} as never),
    rejectEnrollment: async ({ version, reason }) => told(`reject ${version} ${reason}`, null),
    revokeCertificate: async ({ reasonCode }) => told(`revoke ${reasonCode}`, certificate as never),
  };
  const pages = [...certificatePages(services), ...devicePages(services), ...issuerPages(services)];
  const ask = async (
    method: 'GET' | 'POST',
    path: string,
    over: { params?: Record<string, string>; query?: Record<string, string>; form?: Record<string, string> } = {},
  ): Promise<PageOutcome> => {
    const page = pages.find((one) => one.method === method && one.path === path);
    if (page === undefined) throw new Error(`no page ${method} ${path}`);
    const blank = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, '']));
    return page.handle({
      ...{ now, source: '127.0.0.1', requestId: ids.anything, params: over.params ?? {} },
      query: { ...blank(page.query), ...over.query },
      form: { ...blank(page.form), ...over.form },
      principal: { kind: 'operator', tokenId: ids.anything, name: 'anna', role, limits: noLimits },
      frame: { operator: { name: 'anna', role }, csrf: 'x', now },
    });
  };
  return { pages, ask, searches, done };
}

const reasonOf = (outcome: PageOutcome): unknown =>
  'refusals' in outcome && 'reason' in outcome.refusals ? outcome.refusals.reason : null;

test('every page that changes something is for admins, and every page that asks first is too', () => {
  const open = scene().pages.filter(({ takes }) => takes !== 'admin');
  expect(open.every(({ method }) => method === 'GET')).toBe(true);
  expect(open.map(({ path }) => path).toSorted()).toEqual([
    '/certificates',
    '/certificates/{cert}',
    '/certificates/{cert}/certificate.pem',
    '/certificates/{cert}/chain.pem',
    '/devices',
    '/devices/{id}',
    '/devices/{id}/spire',
    '/endpoints',
    '/enrollments/{id}',
    '/issuers',
  ]);
});

describe('the search', () => {
  test('asks for what serves unless another view is named', async () => {
    const { ask, searches } = scene();
    await ask('GET', '/certificates', { query: { q: 'tower', within: '7d', profile: 'devid' } });
    await ask('GET', '/certificates', { query: { view: 'everything' } });
    await ask('GET', '/certificates', { query: { view: 'revoked' } });
    expect(searches).toMatchObject([
      { text: 'tower', view: 'serving', withinSeconds: 7 * 86_400, profile: 'devid', cursor: null },
      { text: '', view: 'serving', withinSeconds: null, profile: null },
      { view: 'revoked' },
    ]);
  });

  test('says that a time is none, and searches without it', async () => {
    const { ask, searches } = scene();
    const outcome = await ask('GET', '/certificates', { query: { within: 'soon' } });
    expect(searches).toMatchObject([{ withinSeconds: null }]);
    expect('body' in outcome && textOf(outcome.body)).toContain('is no time');
  });
});

test.each([
  ['GET', '/devices/{id}', { id: 'nothing' }],
  ['GET', '/devices/{id}/spire', { id: '../x' }],
  ['POST', '/devices/{id}/suspension', { id: 'nothing' }],
  ['POST', '/devices/{id}/retirement', { id: 'nothing' }],
  ['GET', '/certificates/{cert}', { cert: 'nothing' }],
  ['GET', '/enrollments/{id}', { id: ids.anything }],
] as const)('%s %s of nothing is not found, and nothing is done', async (method, path, params) => {
  const { ask, done } = scene();
  expect(reasonOf(await ask(method, path, { params }))).toBe('notFound');
  expect(done).toEqual([]);
});

describe('a form', () => {
  const params = { id: ids.device };

  test('of a retirement needs the name of the device', async () => {
    const { ask, done } = scene();
    const path = '/devices/{id}/retirement';
    for (const hostName of ['', 'another.example.org']) {
      expect(reasonOf(await ask('POST', path, { params, form: { hostName } }))).toBe('malformedForm');
    }
    expect(done).toEqual([]);
    const outcome = await ask('POST', path, { params, form: { hostName: 'Tower.example.org' } });
    expect(outcome).toEqual({ goTo: `/devices/${ids.device}`, notice: 'deviceRetired' });
    expect(done).toEqual(['retire']);
  });

  test('of a decision names the version that was looked at, and a rejection its reason', async () => {
    const { ask, done } = scene();
    for (const version of ['', '0', '1.5', 'x', '99999999999']) {
      expect(reasonOf(await ask('POST', '/enrollments/{id}/approval', { params, form: { version } }))).toBe(
        'malformedForm',
      );
    }
    for (const reason of ['', 'two\nlines', 'x'.repeat(201)]) {
      const form = { version: '2', reason };
      expect(reasonOf(await ask('POST', '/enrollments/{id}/rejection', { params, form }))).toBe('malformedForm');
    }
    expect(done).toEqual([]);
    await ask('POST', '/enrollments/{id}/approval', { params, form: { version: '2' } });
    await ask('POST', '/enrollments/{id}/rejection', { params, form: { version: '3', reason: 'unknown' } });
    expect(done).toEqual(['approve 2', 'reject 3 unknown']);
  });

  test('of a revocation needs one of our reasons', async () => {
    const { ask, done } = scene();
    const cert = { cert: ids.fingerprint };
    const path = '/certificates/{cert}/revocation';
    for (const reasonCode of ['', 'certificateHold']) {
      expect(reasonOf(await ask('POST', path, { params: cert, form: { reasonCode } }))).toBe('malformedForm');
    }
    await ask('POST', path, { params: cert, form: { reasonCode: 'keyCompromise' } });
    expect(done).toEqual(['revoke keyCompromise']);
  });
});

test('a file has a name of ours, and is kept rather than shown', async () => {
  const outcome = await scene().ask('GET', '/certificates/{cert}/chain.pem', { params: { cert: ids.fingerprint } });
  expect(outcome).toEqual({
    reply: {
      status: 200,
      headers: {
        'Content-Type': 'application/pem-certificate-chain',
        'Content-Disposition': `attachment; filename="${ids.fingerprint.slice(0, 16)}-chain.pem"`,
      },
      body: `${certificate.pem}${certificate.chain}`,
    },
  });
});
