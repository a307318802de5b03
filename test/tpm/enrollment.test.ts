// The whole of first contact with software TPMs: what the agent's commands make is what the service believes, and what
// another TPM makes is not.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ActivationBody, ChallengeResource, EnrollmentRequestDocument } from '../../src/domain/wire.ts';
import { activate } from '../../src/enrollment/activate.ts';
import { verifyEvidenceAgain } from '../../src/enrollment/evidence.ts';
import { beginEnrollment } from '../../src/enrollment/begin.ts';
import type { RecoveryLookups } from '../../src/enrollment/records.ts';
import { type CreatableEk, readEkCertificates, readEkPublic } from '../../src/agent/tpm-endorsement.ts';
import {
  activate as solve,
  type AttestationKeyBlobs,
  certifyKey,
  createAttestationKey,
  createSigningKey,
  signDigest,
} from '../../src/agent/tpm-keys.ts';
import { attestedDigest } from '../../src/domain/attested-statement.ts';
import { readIdentity } from '../../src/tpm2/capability.ts';
import type { Tpm } from '../../src/tpm2/command.ts';
import type { TpmKeyBlobs } from '../../src/tpm2/key-files.ts';
import { create, createPrimary, withObject } from '../../src/tpm2/objects.ts';
import { parseTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { attestationKey, storagePrimaryEcc } from '../../src/tpm2/templates.ts';
import { type EndorsementPolicy, loadEndorsementPolicy } from '../../src/x509/endorsement-chain.ts';
import { decodePem } from '../../src/x509/pem.ts';
import { bodyDigest, csrFor, makeHost, makeVendor, spkiOfArea } from '../fakes/software-host.ts';
import { at, makeScene, ok, reasons, tpmDenials } from '../unit/enrollment/scene.ts';
import { X509Certificate } from 'node:crypto';
import { type CertifiedSoftwareTpm, startCertifiedSwtpm, withTpm } from './swtpm.ts';

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');
const octetsOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));
const hostName = 'tower.example.org';

/** swtpm_localca dates certificates by the clock of the machine. */
const clock = new Date(Math.max(Date.now() + 60_000, at(0).getTime()));
let machine: CertifiedSoftwareTpm;
let other: CertifiedSoftwareTpm;
let policy: EndorsementPolicy;

const certificate = (pem: string): Uint8Array => {
  const blocks = decodePem(pem, { labels: ['CERTIFICATE'], maxCharacters: 20_000, maxBlocks: 1 });
  if (!blocks.ok) throw new Error(blocks.error.detail);
  return blocks.value[0]!.der;
};

beforeAll(async () => {
  machine = await startCertifiedSwtpm();
  other = await startCertifiedSwtpm();
  const loaded = loadEndorsementPolicy({
    roots: [{ file: 'root.pem', der: certificate(machine.ekRootPem) }],
    intermediates: [{ file: 'issuer.pem', der: certificate(machine.ekIntermediatePem) }],
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  policy = loaded.value;
});

afterAll(async () => {
  await machine.stop();
  await other.stop();
});

const scene = () => makeScene(undefined, {});
const on = <T>(tpm: CertifiedSoftwareTpm, use: (tpm: Tpm) => Promise<T>): Promise<T> =>
  withTpm(`unix:${tpm.socketPath}`, use);

type Keys = { readonly ak: AttestationKeyBlobs; readonly request: TpmKeyBlobs; readonly devid: TpmKeyBlobs };

const makeKeys = async (tpm: Tpm): Promise<Keys> => ({
  ak: await createAttestationKey(tpm),
  request: await createSigningKey(tpm),
  devid: await createSigningKey(tpm),
});

async function present(tpm: Tpm, ek: CreatableEk, keys: Keys) {
  const { leaves } = await readEkCertificates(tpm);
  const own = leaves.find(({ template }) => template === ek);
  return {
    ekPublic: base64url(await readEkPublic(tpm, ek)),
    ekCertificates: own === undefined ? [] : [base64url(own.octets)],
    akPublic: base64url(keys.ak.public),
    hostName,
  };
}

const documentFor = (keys: Keys): EnrollmentRequestDocument => ({
  version: 1,
  hostName,
  keys: [
    { role: 'request', public: base64url(keys.request.public) },
    { role: 'devid', public: base64url(keys.devid.public) },
  ],
  certificates: [
    { profile: 'devid', key: 'devid' },
    { profile: 'keylime-agent', key: { csr: base64url(csrFor(makeHost(makeVendor()).serviceKey)) } },
  ],
});

async function answer(
  tpm: Tpm,
  input: {
    readonly ek: CreatableEk;
    readonly keys: Keys;
    readonly challenge: ChallengeResource;
    readonly document: EnrollmentRequestDocument;
  },
): Promise<ActivationBody> {
  const { ek, keys, challenge, document } = input;
  const { credentialBlob, encryptedSecret, nonce, id } = challenge;
  const request = Buffer.from(JSON.stringify(document), 'utf8');
  const secret = await solve(tpm, {
    ak: keys.ak,
    ek,
    credentialBlob: octetsOf(credentialBlob),
    encryptedSecret: octetsOf(encryptedSecret),
  });
  const digest = attestedDigest('enrollment', { id, nonce: octetsOf(nonce), request });
  const certifications = [];
  for (const { role } of document.keys) {
    const key = role === 'request' ? keys.request : keys.devid;
    const { attest, signature } = await certifyKey(tpm, { ak: keys.ak, key, qualifyingData: digest });
    const proof = await signDigest(tpm, { key, digest });
    certifications.push({ attest: base64url(attest), signature: base64url(signature), proof: base64url(proof) });
  }
  return { secret: base64url(secret), request: base64url(request), certifications };
}

const neverOverdue: RecoveryLookups['recoveryFactsOf'] = async () => ({ isOverdue: false, lastSeenAt: clock });

/** A service that knows the makers of both TPMs' CA, at the clock of this machine. */
function service(denials = tpmDenials, recoveryFactsOf: RecoveryLookups['recoveryFactsOf'] = neverOverdue) {
  const made = scene();
  const ports = {
    ...made.ports,
    endorsementPolicy: policy,
    recoveryFactsOf,
    tpmDenials: denials,
    random: (n: number) => new Uint8Array(randomBytes(n)),
  };
  return {
    ...made,
    begin: (body: Parameters<ReturnType<typeof beginEnrollment>>[0]) => beginEnrollment(ports)(body, { now: clock }),
    send: (id: string, body: ActivationBody) =>
      activate(ports)({ id, body, bodySha256: bodyDigest(body) }, { now: clock }),
    token: () => made.token({ hostName }, clock),
  };
}

describe.each(['L-1', 'H-3'] as const)('a TPM with an EK by %s', (ek) => {
  test('enrolls, and its DevID certificate is for the key that lives in it', async () => {
    const omens = service();
    const token = await omens.token();
    const { keys, challenge, body } = await on(machine, async (tpm) => {
      const made = await makeKeys(tpm);
      const given = ok(await omens.begin({ ...(await present(tpm, ek, made)), token }));
      const document = documentFor(made);
      return { keys: made, challenge: given, body: await answer(tpm, { ek, keys: made, challenge: given, document }) };
    });
    const issued = ok(await omens.send(challenge.id, body));
    if (issued.state !== 'issued') throw new Error(issued.state);
    const spki = new X509Certificate(issued.certificates[0]!.certificate).publicKey.export({
      type: 'spki',
      format: 'der',
    });
    expect(Buffer.compare(spki, spkiOfArea(parseTpm2bPublic(keys.devid.public)))).toBe(0);
    expect(issued.device.keylimeUuid === null).toBe(ek === 'H-3');
    expect(await omens.send(challenge.id, body)).toEqual({ ok: true, value: issued });
    const stored = await omens.store.findEnrollment(challenge.id);
    const evidence = stored?.state === 'issued' ? stored.proof.evidence : undefined;
    expect(verifyEvidenceAgain(JSON.parse(JSON.stringify(evidence)), policy)).toEqual({ ok: true, value: null });
  });
});

describe('a TPM whose host lost every key', () => {
  /** Begins and activates with fresh keys in this TPM. */
  const comeWith = (tpm: CertifiedSoftwareTpm, omens: ReturnType<typeof service>, token?: string) =>
    on(tpm, async (open) => {
      const keys = await makeKeys(open);
      const presented = await present(open, 'L-1', keys);
      const challenge = ok(await omens.begin({ ...presented, ...(token === undefined ? {} : { token }) }));
      const body = await answer(open, { ek: 'L-1', keys, challenge, document: documentFor(keys) });
      return ok(await omens.send(challenge.id, body));
    });

  test('is the same device by its EK, and comes back by itself when it is overdue', async () => {
    let isOverdue = false;
    const omens = service(tpmDenials, async () => ({ isOverdue, lastSeenAt: clock }));
    const first = await comeWith(machine, omens, await omens.token());
    if (first.state !== 'issued') throw new Error(first.state);
    expect((await comeWith(machine, omens)).state).toBe('pending');
    isOverdue = true;
    expect(await comeWith(machine, omens)).toMatchObject({ state: 'issued', device: first.device });
    expect(omens.store.audit?.filter((event) => event === 'device.recovered')).toHaveLength(1);
  });
});

describe('two TPMs', () => {
  test('cannot lend each other keys: an AK does not certify what another TPM holds', async () => {
    const omens = service();
    const token = await omens.token();
    const foreign = await on(other, makeKeys);
    const { challenge, body } = await on(machine, async (tpm) => {
      const keys = await makeKeys(tpm);
      const given = ok(await omens.begin({ ...(await present(tpm, 'L-1', keys)), token }));
      const honest = await answer(tpm, { ek: 'L-1', keys, challenge: given, document: documentFor(keys) });
      return { challenge: given, body: honest };
    });
    // The other TPM certifies its own DevID by its own AK for the same digest.
    const document = documentFor(foreign);
    const lent = await on(other, async (tpm) => {
      const request = Buffer.from(JSON.stringify(document), 'utf8');
      const digest = attestedDigest('enrollment', { id: challenge.id, nonce: octetsOf(challenge.nonce), request });
      const certifications = [];
      for (const key of [foreign.request, foreign.devid]) {
        const { attest, signature } = await certifyKey(tpm, { ak: foreign.ak, key, qualifyingData: digest });
        const proof = await signDigest(tpm, { key, digest });
        certifications.push({ attest: base64url(attest), signature: base64url(signature), proof: base64url(proof) });
      }
      return { request: base64url(request), certifications };
    });
    expect(reasons(await omens.send(challenge.id, { ...body, ...lent }))).toEqual(['badSignature']);
  });

  test('cannot lend each other an EK: certificate and public area differ', async () => {
    const omens = service();
    const borrowed = await on(other, async (tpm) => (await present(tpm, 'L-1', await makeKeys(tpm))).ekCertificates);
    const body = await on(machine, async (tpm) => present(tpm, 'L-1', await makeKeys(tpm)));
    expect(reasons(await omens.begin({ ...body, ekCertificates: borrowed }))).toEqual(['endorsementKeyMismatch']);
  });

  test('cannot lend each other a challenge: only the TPM of both EK and AK opens it', async () => {
    const omens = service();
    const foreign = await on(other, makeKeys);
    const mixed = await on(machine, async (tpm) => ({
      ...(await present(tpm, 'L-1', await makeKeys(tpm))),
      akPublic: base64url(foreign.ak.public),
    }));
    const challenge = ok(await omens.begin(mixed));
    const input = {
      ak: foreign.ak,
      ek: 'L-1',
      credentialBlob: octetsOf(challenge.credentialBlob),
      encryptedSecret: octetsOf(challenge.encryptedSecret),
    } as const;
    await expect(on(other, (tpm) => solve(tpm, input))).rejects.toMatchObject({ name: 'TpmError' });
  });

  test('of a maker whose root is not in the policy get no challenge', async () => {
    const omens = service();
    const body = await on(other, async (tpm) => present(tpm, 'L-1', await makeKeys(tpm)));
    expect(reasons(await omens.begin(body)).length).toBe(1);
    expect(reasons(await omens.begin(body))[0]).toMatch(/^(issuerUnknown|wrongIssuerSignature)$/);
  });
});

describe('a TPM whose firmware is denied', () => {
  /** Denies, of the maker of software TPMs, the version that this one tells of itself. */
  const enrollUnderRule = (makeAk: (tpm: Tpm) => Promise<AttestationKeyBlobs>) =>
    on(machine, async (tpm) => {
      const { firmwareVersion: version } = await readIdentity(tpm);
      const rule = { manufacturer: '00001014', from: version, to: version, reason: 'a test' };
      const omens = service({ ...tpmDenials, firmware: [rule] });
      const keys = { ...(await makeKeys(tpm)), ak: await makeAk(tpm) };
      const token = await omens.token();
      const challenge = ok(await omens.begin({ ...(await present(tpm, 'L-1', keys)), token }));
      const body = await answer(tpm, { ek: 'L-1', keys, challenge, document: documentFor(keys) });
      return { hierarchy: keys.ak.hierarchy, result: await omens.send(challenge.id, body) };
    });

  test('gets no certificate by an AK in the endorsement hierarchy, which attests the version as it is', async () => {
    const { hierarchy, result } = await enrollUnderRule((tpm) => createAttestationKey(tpm));
    expect(hierarchy).toBe('endorsement');
    expect(reasons(result)).toEqual(['firmwareDenied']);
  });

  test('is not recognized by an AK in the owner hierarchy, which attests an obfuscated version', async () => {
    const { hierarchy, result } = await enrollUnderRule((tpm) =>
      withObject(tpm, createPrimary(tpm, { hierarchy: 'owner', template: storagePrimaryEcc }), async (parent) => ({
        ...(await create(tpm, { parent, template: attestationKey })),
        hierarchy: 'owner' as const,
      })),
    );
    expect(hierarchy).toBe('owner');
    expect(reasons(result)).toEqual([]);
  });
});

test('a further EK of the same TPM joins its device', async () => {
  const omens = service();
  const token = await omens.token();
  const { first, second } = await on(machine, async (tpm) => {
    const keys = await makeKeys(tpm);
    const given = ok(await omens.begin({ ...(await present(tpm, 'H-3', keys)), token }));
    const enrolled = ok(
      await omens.send(given.id, await answer(tpm, { ek: 'H-3', keys, challenge: given, document: documentFor(keys) })),
    );
    const again = ok(await omens.begin(await present(tpm, 'L-1', keys)));
    const nothing = { ...documentFor(keys), keys: [], certificates: [] };
    const joined = ok(
      await omens.send(again.id, await answer(tpm, { ek: 'L-1', keys, challenge: again, document: nothing })),
    );
    return { first: enrolled, second: joined };
  });
  if (first.state !== 'issued' || second.state !== 'issued') throw new Error('not issued');
  expect(second.device.id).toBe(first.device.id);
  expect(first.device.keylimeUuid).toBeNull();
  expect(second.device.keylimeUuid).toMatch(/^[0-9a-f]{64}$/);
});
