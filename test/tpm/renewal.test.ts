// Renewals with a software TPM: what the agent's commands certify is what the service believes, with a new key or the
// same, before and long after the certificate has ended.
import { randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { certifyKey, createAttestationKey, createSigningKey, signDigest } from '../../src/agent/tpm-keys.ts';
import { attestedDigest } from '../../src/domain/attested-statement.ts';
import type { RenewalBody } from '../../src/domain/lineage-wire.ts';
import { renewAt } from '../../src/domain/renewal.ts';
import { proveRenewal } from '../../src/enrollment/prove-renewal.ts';
import { issue, preview } from '../../src/issuance/issue.ts';
import { certificateResource } from '../../src/issuance/resource.ts';
import type { CertificateRecord } from '../../src/domain/certificate.ts';
import { renew } from '../../src/lifecycle/renew.ts';
import type { TpmKeyBlobs } from '../../src/tpm2/key-files.ts';
import { parseTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { fakeLifecycleStore } from '../fakes/lifecycle-store.ts';
import { spkiOfArea } from '../fakes/software-host.ts';
import { renewalDigest } from '../fakes/software-renewal.ts';
import { at, makeScene, now, ok, profiles, tpmDenials } from '../unit/enrollment/scene.ts';
import { startSwtpm, withTpm, type SoftwareTpm } from './swtpm.ts';

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');
const day = 86_400;
const [deviceId, lineage] = [randomUUID(), randomUUID()];
let machine: SoftwareTpm;

beforeAll(async () => {
  machine = await startSwtpm();
});
afterAll(() => machine.stop());

/** A service that knows this AK as the device's, with the real proof and issuance over memory. */
function service(akPublic: Uint8Array) {
  const store = fakeLifecycleStore();
  store.addDevice({ id: deviceId, hostName: 'tower.example.org' });
  store.addLineage({ id: lineage, deviceId, profile: 'devid', place: '', createdAt: now });
  const device = { id: deviceId, hostName: 'tower.example.org', state: 'active', keylimeUuid: null } as const;
  const ek = {
    fingerprint: 'ee'.repeat(32),
    deviceId,
    public: akPublic,
    manufacturer: '00001014',
    model: null,
  } as const;
  const issuance = { ...makeScene().issuance, store: store.issuance, drawRenewal: renewAt };
  const made = new Map<string, CertificateRecord>();
  const ports = {
    ...store,
    findDevice: async () => ({ ...device, createdAt: now, lastSeenAt: now }),
    grantsOf: async () => [{ profile: 'devid', place: '', dnsNames: [], ipAddresses: [], uris: [] }],
    certificate: async (fingerprint: string) => certificateResource(made.get(fingerprint)!, ''),
    profiles,
    limits: { perHour: 600, perLineagePerHour: 6, blackouts: [] },
    prove: proveRenewal({
      attestationKeyOf: async () => akPublic,
      endorsementKeysOf: async () => [
        { ...ek, version: null, hardwareSerial: 'ABCDEF', exception: null, provedAt: now },
      ],
      endorsementPathsOf: async () => [],
      tpmDenials,
    }),
    preview: preview(issuance),
    issue: async (request: Parameters<ReturnType<typeof issue>>[0]) => {
      const issued = await issue(issuance)(request);
      if (issued.ok) made.set(issued.value.record.fingerprint, issued.value.record);
      return issued;
    },
    newId: () => randomUUID(),
  };
  const send = async (body: RenewalBody, nonce: Uint8Array, when: Date, isFresh = true) => {
    const input = { lineageId: lineage, deviceId, body, bodySha256: renewalDigest(body), now: when };
    const answer = ok(await renew(ports)({ ...input, nonce: { octets: nonce, isFresh } }));
    return { ...answer, x509: new X509Certificate(answer.certificate.certificate) };
  };
  return { store, send };
}

test('a DevID is re-keyed, keeps its key, and comes back after half a year; a lost reply costs nothing', async () => {
  await withTpm(`unix:${machine.socketPath}`, async (tpm) => {
    const ak = await createAttestationKey(tpm);
    const [first, second] = [await createSigningKey(tpm), await createSigningKey(tpm)];
    const { send, store } = service(ak.public);
    const bodyFor = async (key: TpmKeyBlobs, nonce: Uint8Array): Promise<RenewalBody> => {
      const document = { version: 1, lineage, key: { public: base64url(key.public) } };
      const request = Buffer.from(JSON.stringify(document), 'utf8');
      const digest = attestedDigest('renewal', { id: lineage, nonce, request });
      const { attest, signature } = await certifyKey(tpm, { ak, key, qualifyingData: digest });
      const proof = await signDigest(tpm, { key, digest });
      const certification = { attest: base64url(attest), signature: base64url(signature), proof: base64url(proof) };
      return { request: base64url(request), certification };
    };
    const spki = (x509: X509Certificate): Buffer => x509.publicKey.export({ type: 'spki', format: 'der' });
    const of = (key: TpmKeyBlobs): Buffer => Buffer.from(spkiOfArea(parseTpm2bPublic(key.public)));
    const nonces = [0, 1, 2, 3].map(() => new Uint8Array(randomBytes(38)));

    const born = await send(await bodyFor(first, nonces[0]!), nonces[0]!, at(0));
    expect(spki(born.x509)).toEqual(of(first));
    const rekeyed = await send(await bodyFor(second, nonces[1]!), nonces[1]!, at(61 * day));
    expect(spki(rekeyed.x509)).toEqual(of(second));
    expect(rekeyed.recovered).toBe(false);
    const same = await bodyFor(second, nonces[2]!);
    const kept = await send(same, nonces[2]!, at(122 * day));
    expect(spki(kept.x509)).toEqual(of(second));
    expect(kept.x509.serialNumber).not.toBe(rekeyed.x509.serialNumber);
    const again = await send(same, nonces[2]!, at(122 * day + 600), false);
    expect(again.x509.fingerprint256).toBe(kept.x509.fingerprint256);
    const late = await send(await bodyFor(first, nonces[3]!), nonces[3]!, at(400 * day));
    expect(late.recovered).toBe(true);
    expect(store.audit.map(({ event }) => event)).toContain('certificate.recoveredAfterExpiry');
  });
});
