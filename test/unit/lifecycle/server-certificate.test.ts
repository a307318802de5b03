import { beforeAll, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { issue } from '../../../src/issuance/issue.ts';
import {
  isServing,
  keepServerCertificate,
  type ServerCertificate,
  serverNames,
} from '../../../src/lifecycle/server-certificate.ts';
import { activeIssuer, makeEstate, now, portsOf, profile, seconds } from '../issuance/scene.ts';

const any = [{ any: true }] as const;
const own = profile({
  name: 'omens-server',
  obtainedBy: ['service'],
  lifetimeSeconds: 604_800,
  allowedNames: { dnsNames: any, ipAddresses: any, uris: [] },
});
const names = serverNames(['omens.example.org', '0.0.0.0']);
let keep: ReturnType<typeof keepServerCertificate>;
let stored: ServerCertificate | null;

beforeAll(async () => {
  const ports = portsOf(activeIssuer(await makeEstate()));
  keep = keepServerCertificate({
    profile: own,
    issue: issue(ports),
    load: async () => stored,
    store: async (made) => void (stored = made),
  });
});

describe('the server’s own certificate', () => {
  test('is issued when there is none, for the names it is reached by', async () => {
    stored = null;
    const { certificate, isNew } = await keep(names, now);
    expect(isNew).toBe(true);
    expect(new X509Certificate(certificate.chainPem).subjectAltName).toBe(
      'DNS:omens.example.org, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(certificate.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  test('is kept until half its week is over, then replaced under a new key', async () => {
    const first = await keep(names, seconds(86_400));
    expect(first.isNew).toBe(false);
    const second = await keep(names, seconds(4 * 86_400));
    expect(second.isNew).toBe(true);
    expect(second.certificate.keyPem).not.toBe(first.certificate.keyPem);
  });

  test('is replaced when the server gets another name', async () => {
    const other = serverNames(['other.example.org']);
    expect(isServing(stored, other, seconds(4 * 86_400))).toBe(false);
    expect((await keep(other, seconds(4 * 86_400))).isNew).toBe(true);
  });

  test('does not serve before its beginning: a clock that went back gets another', () => {
    expect(isServing(stored, serverNames([]), seconds(-86_400))).toBe(false);
  });
});
