// The certificate that a host signs for itself: when it is made anew, and how it lies on the disk.
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  decideLocalClient,
  keepLocalClient,
  localClientName,
  makeLocalClient,
  usualLocalClient,
} from '../../../src/agent/local-client.ts';
import { makeSoftwareKey } from '../../../src/agent/software-key.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { ca, handmade, issued, p256, serverPlan } from '../x509/authority.ts';

const now = new Date('2026-11-26T10:00:00Z');
const later = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const hostName = 'tower.example.org';
const pair = await makeLocalClient(hostName, now);

describe('a certificate that is held', () => {
  test('is named for this host and good for a year', () => {
    const { subject, issuer, validFrom, validTo } = new X509Certificate(pair.certificatePem);
    expect([subject, issuer]).toEqual([`CN=node-local.${hostName}`, `CN=node-local.${hostName}`]);
    expect(new Date(validFrom)).toEqual(new Date(now.getTime() - 300_000));
    expect(new Date(validTo).getTime() - new Date(validFrom).getTime()).toBe(365 * 86_400_000 - 1000);
    expect(pair.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  });

  test('is kept until a third of its lifetime is left', () => {
    expect([0, 100, 243].map((days) => decideLocalClient(pairHeld, hostName, later(days)).kind)).toEqual([
      'keep',
      'keep',
      'keep',
    ]);
    expect(decideLocalClient(pairHeld, hostName, later(244))).toEqual({
      kind: 'make',
      why: 'a third of its lifetime is left',
    });
  });
  const pairHeld = { certificatePem: pair.certificatePem, keyPem: pair.keyPem };

  test.each<readonly [string, () => Promise<Parameters<typeof decideLocalClient>>, string]>([
    ['is not there', async () => [{ ...pairHeld, certificatePem: null }, hostName, now], 'there is none yet'],
    ['has no key', async () => [{ ...pairHeld, keyPem: null }, hostName, now], 'there is none yet'],
    [
      'has a key that is no key',
      async () => [{ ...pairHeld, keyPem: 'x' }, hostName, now],
      'its key is no PKCS #8 key on P-256',
    ],
    [
      'has an RSA key',
      async () => [{ ...pairHeld, keyPem: (await makeSoftwareKey('rsa-2048')).privateKeyPem }, hostName, now],
      'its key is no PKCS #8 key on P-256',
    ],
    [
      'has a SEC1 key',
      async () => [
        { ...pairHeld, keyPem: p256().privateKey.export({ type: 'sec1', format: 'pem' }).toString() },
        hostName,
        now,
      ],
      'its key is no PKCS #8 key on P-256',
    ],
    [
      'has the key of another',
      async () => [{ ...pairHeld, keyPem: (await makeLocalClient(hostName, now)).keyPem }, hostName, now],
      'it is for another key',
    ],
    ['is of another host', async () => [pairHeld, 'other.example.org', now], 'it is for another name'],
    [
      'is no certificate',
      async () => [{ ...pairHeld, certificatePem: 'x' }, hostName, now],
      'there is text outside the blocks',
    ],
    [
      'is two certificates',
      async () => [{ ...pairHeld, certificatePem: pair.certificatePem.repeat(2) }, hostName, now],
      'there are more than 1 PEM blocks',
    ],
    ['is not valid yet', async () => [pairHeld, hostName, later(-1)], 'it is not valid yet by the clock of this host'],
    ['has ended', async () => [pairHeld, hostName, later(400)], 'it ended at 2027-11-26T09:54:59.000Z'],
  ])('that %s is replaced, and it is said why', async (_, input, why) => {
    expect(decideLocalClient(...(await input()))).toEqual({ kind: 'make', why });
  });

  test('that a CA has signed, or that is one, is replaced', async () => {
    const keys = p256();
    const keyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const spki = new Uint8Array(keys.publicKey.export({ type: 'spki', format: 'der' }));
    const commonName = localClientName(hostName);
    const byCa = issued(
      serverPlan({ commonName, subjectPublicKeyInfo: spki, extendedKeyUsage: ['clientAuth'] }),
      ca('Book'),
    );
    const self = ca(commonName, { keys });
    const bare = handmade({ issuer: self, subject: self.nameDer, spki, extensions: [] });
    for (const der of [byCa, self.der, bare]) {
      const decision = decideLocalClient({ keyPem, certificatePem: encodePem('CERTIFICATE', der) }, hostName, now);
      expect(decision.kind).toBe('make');
    }
  });
});

test('a host whose name leaves no room in a commonName gets none, and is told', () => {
  expect(localClientName(`${'a'.repeat(50)}.b`).length).toBe(63);
  expect(() => localClientName(`${'a'.repeat(50)}.example.org`)).toThrow('has at most 64');
});

describe('on a host', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'omens-local-client-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const usual = { certificate: null, key: null, readableBy: [] };
  const keep = (days: number, files: Parameters<typeof keepLocalClient>[2] = usual) =>
    keepLocalClient({ root, uid: 1000, now: () => later(days) }, hostName, files);
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const mode = (path: string): number => statSync(join(root, path)).mode & 0o777;

  test('it is made once, kept, and made anew with another key in time', async () => {
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/group'), 'spire:x:990:\n');
    expect(await keep(0)).toEqual({
      ...{ kind: 'make', why: 'there is none yet' },
      remarks: [`the owner of ${join(root, usualLocalClient.key)} was not set to root:spire: this is not root`],
    });
    expect([mode(usualLocalClient.key), mode(usualLocalClient.certificate)]).toEqual([0o640, 0o644]);
    const first = [read(usualLocalClient.key), read(usualLocalClient.certificate)];
    expect(await keep(10)).toMatchObject({ kind: 'keep', remarks: [] });
    expect([read(usualLocalClient.key), read(usualLocalClient.certificate)]).toEqual(first);
    expect(await keep(300)).toMatchObject({ kind: 'make' });
    expect(read(usualLocalClient.key)).not.toBe(first[0]);
    expect(await keep(300)).toMatchObject({ kind: 'keep' });
  });

  test('a pair that a crash tore apart is made whole', async () => {
    await keep(0);
    writeFileSync(join(root, usualLocalClient.key), pair.keyPem);
    expect(await keep(0)).toMatchObject({ kind: 'make', why: 'it is for another key' });
    expect(await keep(0)).toMatchObject({ kind: 'keep' });
  });

  test('where nobody else may read it, root alone can', async () => {
    const files = { certificate: 'opt/a/c.crt', key: 'opt/b/k.key', readableBy: ['nobody-here'] };
    const { remarks } = await keep(0, files);
    expect(remarks.join()).toContain('there is no group nobody-here here');
    expect(mode('opt/b/k.key')).toBe(0o600);
    expect(await keep(0, files)).toMatchObject({ kind: 'keep' });
  });
});
