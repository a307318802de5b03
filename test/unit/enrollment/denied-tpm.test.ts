// TPMs that are denied get neither a challenge nor a certificate, whoever vouched for them before.
import { describe, expect, test } from '@jest/globals';
import type { TpmDenials } from '../../../src/domain/tpm-denials.ts';
import { firmwareDenial } from '../../../src/enrollment/denied-tpm.ts';
import { sha256Hex } from '../../../src/x509/digest.ts';
import { spkiOfArea } from '../../fakes/software-host.ts';
import {
  activationBody,
  at,
  enroll,
  enrolled,
  makeHost,
  makeScene,
  ok,
  reasons,
  type SoftwareHost,
  tpmDenials,
  vendor,
} from './scene.ts';

const denying = (over: Partial<TpmDenials>) => ({ tpmDenials: { ...tpmDenials, ...over } });
const fingerprintOf = (host: SoftwareHost) => sha256Hex(spkiOfArea(host.ek.area));
const keyOf = (host: SoftwareHost) =>
  denying({ endorsementKeys: new Map([[fingerprintOf(host), 'stolen on the way']]) });
const certificate = (der: Uint8Array) => denying({ certificates: new Map([[sha256Hex(der), 'the CA was lost']]) });
/** What the attestations of the scene say, 8217.4131.22.13878. */
const attested = 0x2019102300163636n;
/** The maker that its EK certificates name. */
const vendorId = '49465800';

describe('a denied endorsement key', () => {
  test('gets no challenge, and is told the reason of the list', async () => {
    const host = makeHost(vendor);
    const begun = await makeScene(undefined, keyOf(host)).begin(host);
    expect(begun).toMatchObject({
      ok: false,
      error: { reason: 'endorsementKeyDenied', detail: 'this endorsement key is denied: stolen on the way' },
    });
  });

  test('gets none either once its device is known, or when an administrator pre-registers it', async () => {
    const before = makeScene();
    const { host } = await enrolled(before);
    const after = makeScene(before.store, keyOf(host));
    expect(reasons(await after.begin(host))).toEqual(['endorsementKeyDenied']);
    const other = makeHost(vendor, { hostName: 'bridge.example.org' });
    const scene = makeScene(undefined, keyOf(other));
    ok(await scene.preregister({ ekFingerprint: fingerprintOf(other), hostName: other.hostName }));
    expect(reasons(await scene.begin(other))).toEqual(['endorsementKeyDenied']);
  });

  test('leaves another endorsement key as good as it was', async () => {
    const scene = makeScene(undefined, keyOf(makeHost(vendor)));
    await enrolled(scene);
    expect(scene.issued).toHaveLength(2);
  });
});

describe('a denied certificate', () => {
  test.each([
    ['the EK certificate', (host: SoftwareHost) => host.ekCertificates[0]!],
    ['a CA above it', () => vendor.authority.der],
  ])('refuses the path when it is %s', async (_what, of) => {
    const host = makeHost(vendor);
    const scene = makeScene(undefined, certificate(of(host)));
    expect(reasons(await scene.begin(host))).toEqual(['endorsementCertificateDenied']);
  });
});

describe('a challenge that was given before a TPM was denied', () => {
  test.each([
    ['endorsementKeyDenied', keyOf],
    ['endorsementCertificateDenied', (host: SoftwareHost) => certificate(host.ekCertificates[0]!)],
  ])('is answered with %s, and nothing is taken', async (reason, over) => {
    const before = makeScene();
    const host = makeHost(vendor);
    const token = await before.token();
    const after = makeScene(before.store, over(host));
    const { result, body, challenge } = await enroll({ begin: before.begin, send: after.send }, host, { token });
    expect(reasons(result)).toEqual([reason]);
    expect(await before.store.listDevices(null, 10)).toEqual([]);
    expect(after.issued).toEqual([]);
    expect(reasons(await after.send(challenge.id, body))).toEqual([reason]);
  });
});

test('what a crash left between taking and issuing is not issued to a TPM that was denied since', async () => {
  const crashing = { issue: () => Promise.reject(new Error('the server died')) };
  const before = makeScene(undefined, crashing);
  const host = makeHost(vendor);
  const challenge = ok(await before.begin(host, await before.token()));
  const body = activationBody(host, challenge);
  await expect(before.send(challenge.id, body)).rejects.toThrow('the server died');
  const after = makeScene(before.store, keyOf(host));
  expect(reasons(await after.send(challenge.id, body, at(120)))).toEqual(['endorsementKeyDenied']);
  expect(after.issued).toEqual([]);
});

describe('denied firmware', () => {
  const rule = (from: bigint, to: bigint, maker = vendorId) =>
    denying({ firmware: [{ manufacturer: maker, from, to, reason: 'weak keys' }] });

  const refusedUnder = async (over: ReturnType<typeof rule>) => {
    const scene = makeScene(undefined, over);
    const { result } = await enroll(scene, makeHost(vendor), { token: await scene.token() });
    return { result, scene };
  };

  test.each([
    ['the very version', attested, attested],
    ['a range around it', attested - 1n, attested + 1n],
    ['all versions', 0n, 0xffffffffffffffffn],
  ])('of %s ends an activation, by its place and reason', async (_what, from, to) => {
    const { result, scene } = await refusedUnder(rule(from, to));
    expect(result).toMatchObject({
      ok: false,
      error: [
        {
          reason: 'firmwareDenied',
          detail: `firmware 8217.4131.22.13878 of maker ${vendorId} is denied: weak keys`,
          field: 'certifications.0.attest.firmwareVersion',
        },
      ],
    });
    expect(await scene.store.listDevices(null, 10)).toEqual([]);
  });

  test.each([
    ['the version before', rule(0n, attested - 1n)],
    ['the version after', rule(attested + 1n, 0xffffffffffffffffn)],
    ['another maker', rule(0n, 0xffffffffffffffffn, '4E544300')],
  ])('of %s denies nothing', async (_what, over) => {
    expect((await refusedUnder(over)).result.ok).toBe(true);
  });

  test('is seen in the attestation of each key, and denies no TPM whose maker nobody named', () => {
    const { tpmDenials: denials } = rule(attested, attested);
    const versions = [attested + 1n, attested];
    expect(firmwareDenial(denials, { manufacturer: vendorId, versions })).toMatchObject({
      reason: 'firmwareDenied',
      field: 'certifications.1.attest.firmwareVersion',
    });
    expect(firmwareDenial(denials, { manufacturer: null, versions })).toBeNull();
    expect(firmwareDenial(denials, { manufacturer: vendorId, versions: [] })).toBeNull();
  });
});
