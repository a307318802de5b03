// First contact, first half: each check refuses alone, with a reason of its own, and nothing is reserved.
import { describe, expect, test } from '@jest/globals';
import { objectAttributes } from '../../../src/tpm2/public-area.ts';
import { ekTemplates } from '../../../src/tpm2/templates.ts';
import { sha256Hex } from '../../../src/x509/digest.ts';
import { beginBody, ekCertificate, makeVendor, openCredential, spkiOfArea } from '../../fakes/software-host.ts';
import { nameOf } from '../../../src/tpm2/name.ts';
import { beginEnrollment } from '../../../src/enrollment/begin.ts';
import { ak, eccKey } from '../tpm2/samples.ts';
import { at, enrolled, makeHost, makeScene, now, ok, reasons, vendor } from './scene.ts';

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');

describe('a challenge', () => {
  test('is given to a TPM that nobody knows yet, and only it can solve it', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host));
    expect(challenge.expiresAt).toBe('2026-11-23T12:05:00Z');
    expect(Buffer.from(challenge.nonce, 'base64url')).toHaveLength(32);
    expect(openCredential(host.ek, challenge, nameOf(host.ak.area))).toHaveLength(32);
  });

  test('reserves nothing: the same host, name and token get another one', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const token = await scene.token();
    const first = ok(await scene.begin(host, token));
    const second = ok(await scene.begin(host, token));
    expect(second.id).not.toBe(first.id);
    expect(second.nonce).not.toBe(first.nonce);
    expect(scene.store.audit).toEqual(['enrollmentToken.created']);
  });

  test('is kept with the digest of its secret only', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host));
    const secret = openCredential(host.ek, challenge, nameOf(host.ak.area));
    const stored = await scene.store.findEnrollment(challenge.id);
    expect(Buffer.from(stored!.challenge.secretSha256).toString('hex')).toBe(sha256Hex(secret));
    expect(JSON.stringify(stored)).not.toContain(base64url(secret));
  });

  test('is given for an RSA-2048 EK, whose digest in PEM is the agent UUID', async () => {
    const scene = makeScene();
    const host = makeHost(vendor, { ekType: 'L-1' });
    const challenge = ok(await scene.begin(host));
    const stored = await scene.store.findEnrollment(challenge.id);
    // `openssl pkey -pubin -pubout` of the same key, through node's OpenSSL.
    const { createPublicKey } = await import('node:crypto');
    const key = createPublicKey({ key: Buffer.from(spkiOfArea(host.ek.area)), format: 'der', type: 'spki' });
    const pem = key.export({ type: 'spki', format: 'pem' }).toString();
    expect(stored!.endorsementKey.keylimeUuid).toBe(sha256Hex(Buffer.from(pem)));
  });
});

describe('a host is refused a challenge', () => {
  const begin = async (change: (body: ReturnType<typeof beginBody>) => object) => {
    const body = { ...beginBody(makeHost(vendor)) };
    return reasons(await beginEnrollment(makeScene().ports)({ ...body, ...change(body) }, { now }));
  };

  test.each([
    ['malformedHostName', { hostName: 'tower' }],
    ['malformedHostName', { hostName: 'Tower.example.org' }],
    ['placeholderAgentUuid', { hostName: 'd432fbb3-d2f1-4a97-9ef7-75bd81c00000.example.org' }],
    ['malformedBinary', { ekPublic: 'a=b=' }],
    ['malformedBinary', { akPublic: '' }],
    ['malformedBinary', { ekPublic: 'A'.repeat(100_000) }],
    ['malformedPublicArea', { ekPublic: base64url(new Uint8Array(40)) }],
    ['malformedPublicArea', { akPublic: base64url(new Uint8Array(40)) }],
    ['endorsementCertificateMissing', { ekCertificates: [] }],
    ['malformedCertificate', { ekCertificates: [base64url(Uint8Array.of(0x30, 3, 2, 1, 1, ...new Uint8Array(80)))] }],
    ['tooManyCertificates', { ekCertificates: Array<string>(9).fill('AAAA') }],
  ])('for %s', async (reason, change) => {
    expect(await begin(() => change)).toEqual([reason]);
  });

  test('for octets after the public area of its EK', async () => {
    const longer = (text: string): string =>
      base64url(Buffer.concat([Buffer.from(text, 'base64url'), Buffer.alloc(1)]));
    expect(await begin(({ ekPublic }) => ({ ekPublic: longer(ekPublic) }))).toEqual(['malformedPublicArea']);
  });

  const withHost = async (over: Parameters<typeof makeHost>[1]) =>
    reasons(await makeScene().begin(makeHost(vendor, over)));

  test('for a certificate of another EK', async () => {
    const other = makeHost(vendor);
    expect(await withHost({ ekCertificates: other.ekCertificates })).toEqual(['endorsementKeyMismatch']);
  });

  test('for a certificate of a maker that the policy does not know', async () => {
    const stranger = makeVendor();
    const ek = eccKey(ekTemplates['L-2']);
    const own = [ekCertificate(stranger, ek.area)];
    expect(await withHost({ ek, ekCertificates: own })).toEqual(['issuerUnknown']);
  });

  test('for a certificate that bears the name and key identifier of a maker, and not its signature', async () => {
    const { authority } = makeVendor();
    const posing = { ...vendor, authority: { ...vendor.authority, keys: authority.keys } };
    const ek = eccKey(ekTemplates['L-2']);
    const own = [ekCertificate(posing, ek.area)];
    expect(await withHost({ ek, ekCertificates: own })).toEqual(['wrongIssuerSignature']);
  });

  test("for a stranger's root that came along: what is sent is never an anchor", async () => {
    const stranger = makeVendor();
    const ek = eccKey(ekTemplates['L-2']);
    const own = [ekCertificate(stranger, ek.area), stranger.authority.der];
    expect(await withHost({ ek, ekCertificates: own })).toEqual(['issuerUnknown']);
  });

  test('for a certificate that is not one of an EK', async () => {
    const ek = eccKey(ekTemplates['L-2']);
    const own = [ekCertificate(vendor, ek.area, { purposes: ['1.3.6.1.5.5.7.3.1'] })];
    expect(await withHost({ ek, ekCertificates: own })).toEqual(['notAnEkCertificate']);
  });

  test('for a certificate that has expired', async () => {
    const ek = eccKey(ekTemplates['L-2']);
    const own = [ekCertificate(vendor, ek.area, { notAfter: at(-60) })];
    expect(await withHost({ ek, ekCertificates: own })).toEqual(['certificateExpired']);
  });

  test.each([
    ['wrongAttributes', { attributes: ekTemplates['L-2'].attributes & ~objectAttributes('fixedTPM') }],
    ['weakNameAlg', { nameAlg: 'sha1', authPolicy: new Uint8Array(20) }],
    ['weakSymmetric', { symmetric: { algorithm: 'aes', keyBits: 128, mode: 'cbc' } }],
    ['unknownPolicy', { authPolicy: new Uint8Array(32) }],
    ['unknownTemplate', { symmetric: { algorithm: 'aes', keyBits: 256, mode: 'cfb' } }],
  ] as const)('for an EK with %s', async (reason, change) => {
    const ek = eccKey({ ...ekTemplates['L-2'], ...change });
    expect(await withHost({ ek, ekCertificates: [ekCertificate(vendor, ek.area)] })).toEqual([reason]);
  });

  test.each(['restricted', 'fixedTPM', 'sensitiveDataOrigin', 'sign'] as const)(
    'for an AK that is not %s, whose owner could forge attestations',
    async (attribute) => {
      const { area, privateKey } = ak();
      const weak = { area: { ...area, attributes: area.attributes & ~objectAttributes(attribute) }, privateKey };
      expect(await withHost({ ak: weak })).toEqual(['wrongAttributes']);
    },
  );

  test('for an AK without a fixed scheme', async () => {
    const { area, privateKey } = ak();
    expect(await withHost({ ak: { area: { ...area, scheme: null }, privateKey } })).toEqual(['wrongScheme']);
  });

  test('for an EK that another device has, and an AK that another device has', async () => {
    const scene = makeScene();
    const { host } = await enrolled(scene);
    const renamed = { ...host, hostName: 'bridge.example.org', ak: ak() };
    expect(reasons(await scene.begin(renamed))).toEqual(['endorsementKeyOfAnotherDevice']);
    const thief = makeHost(vendor, { hostName: 'bridge.example.org', ak: host.ak });
    expect(reasons(await scene.begin(thief))).toEqual(['attestationKeyOfAnotherDevice']);
  });

  test('for being suspended', async () => {
    const scene = makeScene();
    const { host, answer } = await enrolled(scene);
    ok(await scene.suspend(answer.device.id));
    expect(reasons(await scene.begin(host))).toEqual(['deviceNotActive']);
  });

  test('for a modulus of a flawed generator, unless exactly this EK was excepted', async () => {
    const scene = makeScene();
    const { modulus } = await import('./weak-key.ts');
    const ek = { area: { ...ekTemplates['L-1'], modulus }, privateKey: makeHost(vendor).ek.privateKey };
    const host = makeHost(vendor, { ek, ekCertificates: [ekCertificate(vendor, ek.area)] });
    expect(reasons(await scene.begin(host))).toEqual(['rocaWeak']);
    const ekFingerprint = sha256Hex(spkiOfArea(ek.area));
    ok(await scene.preregister({ ekFingerprint, hostName: host.hostName, exception: 'rocaWeak' }));
    ok(await scene.begin(host));
  });
});

describe('a token', () => {
  test.each([
    ['that nobody made', 'unknownEnrollmentToken', '0b8f5f0e-0d0c-4c0b-8a09-080706050403.'.concat('A'.repeat(43))],
    ['that is none', 'unknownEnrollmentToken', 'x'.repeat(60)],
  ])('%s is refused at once, and never falls back to waiting', async (_what, reason, token) => {
    expect(reasons(await makeScene().begin(makeHost(vendor), token))).toEqual([reason]);
  });

  test('with the right id and a wrong secret is as unknown as any', async () => {
    const scene = makeScene();
    const token = await scene.token();
    const other = await scene.token();
    const mixed = `${token.split('.')[0]!}.${other.split('.')[1]!}`;
    expect(reasons(await scene.begin(makeHost(vendor), mixed))).toEqual(['unknownEnrollmentToken']);
  });

  test('is refused when it has expired, was withdrawn, was spent, or is for another host', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const expired = await scene.token({ ttlSeconds: 60 });
    expect(reasons(await scene.begin(host, expired, at(60)))).toEqual(['expiredEnrollmentToken']);
    const revoked = await scene.token();
    await scene.store.revokeEnrollmentToken(revoked.split('.')[0]!, now, 'alice');
    expect(reasons(await scene.begin(host, revoked))).toEqual(['revokedEnrollmentToken']);
    const foreign = await scene.token({ hostName: 'bridge.example.org' });
    expect(reasons(await scene.begin(host, foreign))).toEqual(['tokenForAnotherHost']);
  });
});

describe('an EK without certificate', () => {
  test('is challenged when exactly it was pre-registered with the exception', async () => {
    const scene = makeScene();
    const host = makeHost(vendor, { ekCertificates: [] });
    const ekFingerprint = sha256Hex(spkiOfArea(host.ek.area));
    ok(await scene.preregister({ ekFingerprint, hostName: host.hostName, exception: 'noCertificate' }));
    ok(await scene.begin(host));
    const other = makeHost(vendor, { ekCertificates: [] });
    expect(reasons(await scene.begin(other))).toEqual(['endorsementCertificateMissing']);
  });

  test('is refused when it was pre-registered without the exception, or with another', async () => {
    for (const exception of [undefined, 'rocaWeak'] as const) {
      const scene = makeScene();
      const host = makeHost(vendor, { ekCertificates: [] });
      const ekFingerprint = sha256Hex(spkiOfArea(host.ek.area));
      const body = { ekFingerprint, hostName: host.hostName };
      ok(await scene.preregister(exception === undefined ? body : { ...body, exception }));
      expect(reasons(await scene.begin(host))).toEqual(['endorsementCertificateMissing']);
    }
  });

  test('pre-registered for one host name is refused under another', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const ekFingerprint = sha256Hex(spkiOfArea(host.ek.area));
    ok(await scene.preregister({ ekFingerprint, hostName: 'bridge.example.org' }));
    expect(reasons(await scene.begin(host))).toEqual(['preregisteredForAnotherHost']);
  });
});

test('the dates of an EK certificate decide at first enrollment only', async () => {
  const scene = makeScene();
  const ek = eccKey(ekTemplates['L-2']);
  const host = makeHost(vendor, { ek, ekCertificates: [ekCertificate(vendor, ek.area, { notAfter: at(3600) })] });
  await enrolled(scene, host);
  ok(await scene.begin(host, undefined, at(7200)));
});
