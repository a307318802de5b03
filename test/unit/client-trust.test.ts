// What an endpoint served, judged whatever a stranger put into it.
import { describe, expect, test } from '@jest/globals';
import { judgeChain } from '../../src/client-trust.ts';
import type { Endpoint } from '../../src/domain/endpoint.ts';
import { ca } from './x509/authority.ts';

const endpoint: Endpoint = {
  ...{ name: 'e', kind: 'tls', host: 'a.example.org', port: 443, serverName: 'a.example.org', path: '/' },
  ...{ expects: null, trust: { kind: 'domain', domain: 'estate' }, clientAuth: 'none', clientCertificate: null },
  ...{ triesThrowaway: false, wrongCertificate: null },
};
const judge = (der: Uint8Array) =>
  judgeChain({ rows: [], active: new Map() })(endpoint, [der], new Date('2026-11-26T00:00:00Z'));

describe('a leaf', () => {
  const { der } = ca('Stranger', { notAfter: new Date('2026-11-27T00:00:00Z') });

  test('has its dates', async () => {
    expect((await judge(der)).leaf).toMatchObject({ notAfter: new Date('2026-11-27T00:00:00Z') });
  });

  test('whose end is no time is none that can be read, and a fault for every client', async () => {
    const undated = Buffer.from(der);
    undated.write('2611xx000000Z', undated.indexOf('261127000000Z'));
    expect(await judge(undated)).toMatchObject({ leaf: null, faults: [{ client: 'every client', isForAll: true }] });
  });
});
