// Why a certificate was issued, over what enrollment and renewal really left in PostgreSQL.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import type { EvidenceResource } from '../../src/domain/evidence-wire.ts';
import { certificateEvidence } from '../../src/enrollment/certificate-evidence.ts';
import { proveRenewal } from '../../src/enrollment/prove-renewal.ts';
import { issue, preview } from '../../src/issuance/issue.ts';
import { renew } from '../../src/lifecycle/renew.ts';
import { deviceStore } from '../../src/storage/devices.ts';
import { evidenceIn } from '../../src/storage/evidence.ts';
import { issuanceIn } from '../../src/storage/issuance.ts';
import { insertIssuer } from '../../src/storage/issuers.ts';
import { lineagesIn } from '../../src/storage/lineages.ts';
import { renewalsIn } from '../../src/storage/renewals.ts';
import { activationBody, makeVendor, spkiOfArea } from '../fakes/software-host.ts';
import { renewalDigest, tpmRenewal } from '../fakes/software-renewal.ts';
import {
  enroll,
  enrolled,
  made,
  makeHost,
  makeScene,
  now,
  ok,
  profiles,
  tpmDenials,
  vendor,
} from '../unit/enrollment/scene.ts';
import { devid } from '../unit/tpm2/samples.ts';
import { type EnrollmentDatabase, enrollmentDatabase } from './support/enrollment-database.ts';

let opened: EnrollmentDatabase;
beforeAll(async () => {
  opened = await enrollmentDatabase();
  for (const record of [made.root, made.issuing]) {
    await insertIssuer(opened.db, { ...record, isActive: true, createdAt: now });
  }
});
afterAll(() => opened.close());

const newHost = () => makeHost(vendor, { hostName: `h${randomBytes(5).toString('hex')}.example.org` });
const sceneNow = () => makeScene(opened.store, {}, issuanceIn(opened.db));
const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
const fingerprintOf = (pem: string): string => sha256(new X509Certificate(pem).raw);

async function evidenceOf(fingerprint: string, endorsementPolicy = vendor.policy): Promise<EvidenceResource> {
  const ports = { ...deviceStore(opened.db), ...evidenceIn(opened.db), profiles, endorsementPolicy };
  const evidence = await certificateEvidence(ports)(fingerprint);
  if (evidence === null) throw new Error('no evidence');
  return evidence;
}

const outcomes = ({ checks }: EvidenceResource) =>
  Object.fromEntries(checks.map(({ check, outcome }) => [check, outcome]));

test('a first certificate says who allowed it, what the TPM proved, and that it verifies again', async () => {
  const { host, answer, id } = await enrolled(sceneNow(), newHost());
  const evidence = await evidenceOf(fingerprintOf(answer.certificates[0]!.certificate));
  expect(evidence).toMatchObject({
    subject: host.hostName,
    hostName: host.hostName,
    device: answer.device.id,
    profile: { name: 'devid', unchanged: true },
    request: {
      kind: 'enrollment',
      id,
      allowedBy: { kind: 'token', by: expect.stringContaining('operator:alice:') },
      asked: expect.arrayContaining([expect.objectContaining({ profile: 'devid', key: 'devid' })]),
    },
    tpm: { validity: 'enforced', akName: expect.stringMatching(/^000b[0-9a-f]{64}$/) },
    again: { state: 'verifies' },
  });
  expect(evidence.tpm!.path.length).toBeGreaterThan(1);
  expect(evidence.tpm!.certifications).toContainEqual(
    expect.objectContaining({
      role: 'devid',
      spkiSha256: evidence.spkiSha256,
      firmwareVersion: expect.stringMatching(/^[0-9a-f]{16}$/),
    }),
  );
  expect(outcomes(evidence)).toMatchObject({
    ...{ endorsementKey: 'verified', activation: 'recorded', certification: 'verified', certifiedKey: 'verified' },
    ...{ names: 'recorded', intent: 'recorded', lint: 'recorded' },
  });
});

test('a certificate for a CSR of the same enrollment has the key of that CSR', async () => {
  const { answer } = await enrolled(sceneNow(), newHost());
  const evidence = await evidenceOf(fingerprintOf(answer.certificates[1]!.certificate));
  expect(evidence.again).toEqual({ state: 'verifies' });
  expect(outcomes(evidence)).toMatchObject({ certifiedKey: 'verified' });
});

test('it holds no secret and no digest of one', async () => {
  const { answer, id } = await enrolled(sceneNow(), newHost());
  const text = JSON.stringify(await evidenceOf(fingerprintOf(answer.certificates[0]!.certificate)));
  const [row] = await opened.db.query('select secret_sha256, token_id, nonce from enrollment where id = $1', [id]);
  const [token] = await opened.db.query('select secret_sha256 from enrollment_token where id = $1', [row!['token_id']]);
  for (const secret of [row!['secret_sha256'], row!['nonce'], token!['secret_sha256']] as Buffer[]) {
    for (const form of ['hex', 'base64', 'base64url'] as const) expect(text).not.toContain(secret.toString(form));
  }
  expect(text).not.toMatch(/secret/i);
});

test('an approval is named with what it granted', async () => {
  const scene = sceneNow();
  const host = newHost();
  const { challenge, body } = await enroll(scene, host);
  const document = JSON.parse(Buffer.from(body.request, 'base64url').toString('utf8'));
  ok(await scene.approve(challenge.id, 1));
  const read = ok(await scene.read(challenge.id, sha256(spkiOfArea(host.requestKey.area))));
  if (read.state !== 'approved') throw new Error(read.state);
  const answer = ok(await scene.send(challenge.id, activationBody(host, { id: challenge.id, ...read }, { document })));
  if (answer.state !== 'issued') throw new Error(answer.state);
  const evidence = await evidenceOf(fingerprintOf(answer.certificates[0]!.certificate));
  expect(evidence.request).toMatchObject({
    allowedBy: { kind: 'approval', by: expect.stringContaining('operator:alice:'), replaces: null },
  });
  expect(evidence.again).toEqual({ state: 'verifies' });
});

test('evidence fails by today’s roots when the root of its maker was removed, and says where', async () => {
  const { answer } = await enrolled(sceneNow(), newHost());
  const evidence = await evidenceOf(fingerprintOf(answer.certificates[0]!.certificate), makeVendor().policy);
  expect(evidence.again).toMatchObject({ state: 'fails', detail: expect.any(String) });
  expect(outcomes(evidence)).toMatchObject({ endorsementKey: 'failed', certification: 'verified' });
});

test('evidence that was altered, or that is of another key, fails', async () => {
  const { answer, id } = await enrolled(sceneNow(), newHost());
  const other = await enrolled(sceneNow(), newHost());
  const fingerprint = fingerprintOf(answer.certificates[0]!.certificate);
  await opened.db.query(
    `update enrollment set evidence = jsonb_set(evidence, '{certifications}', (select evidence -> 'certifications' from enrollment where id = $2)) where id = $1`,
    [id, other.id],
  );
  expect(await evidenceOf(fingerprint)).toMatchObject({ again: { state: 'fails' } });
  await opened.db.query(
    'update enrollment set evidence = (select evidence from enrollment where id = $2) where id = $1',
    [id, other.id],
  );
  expect(await evidenceOf(fingerprint)).toMatchObject({ again: { state: 'fails', reason: 'certifiedKeyDiffers' } });
});

test('a renewal is verified again against the AK of its device', async () => {
  const scene = sceneNow();
  const { host, answer } = await enrolled(scene, newHost());
  const nonce = randomBytes(38);
  const lineage = answer.certificates[0]!.lineage;
  const body = tpmRenewal(host, { lineage, nonce, key: devid() });
  const store = { ...lineagesIn(opened.db), ...renewalsIn(opened.db), ...opened.store };
  const renewed = ok(
    await renew({
      ...store,
      ...{ profiles, preview: preview(scene.issuance), issue: issue(scene.issuance), newId: () => randomUUID() },
      certificate: async () => null,
      limits: { perHour: 1000, perLineagePerHour: 6, blackouts: [] },
      prove: proveRenewal({ ...deviceStore(opened.db), tpmDenials }),
    })({
      ...{ lineageId: lineage, deviceId: answer.device.id, body, bodySha256: renewalDigest(body) },
      nonce: { octets: nonce, isFresh: true },
      now: new Date(now.getTime() + 61 * 86_400_000),
    }),
  );
  const fingerprint = fingerprintOf(renewed.certificate.certificate);
  const evidence = await evidenceOf(fingerprint);
  expect(evidence).toMatchObject({
    request: { kind: 'renewal', lineage, key: 'tpm', recovery: false },
    tpm: {
      akName: expect.stringMatching(/^000b/),
      certifications: [{ role: 'devid', spkiSha256: evidence.spkiSha256 }],
    },
    again: { state: 'verifies' },
  });
  await opened.db.query(
    `update renewal set evidence = jsonb_set(evidence, '{certified,attestationKey}', '"AAAA"') where fingerprint = $1`,
    [fingerprint],
  );
  expect(await evidenceOf(fingerprint)).toMatchObject({ again: { state: 'fails', reason: 'malformedPublicArea' } });
});

test('there is none of a certificate that is not there', async () => {
  const ports = { ...deviceStore(opened.db), ...evidenceIn(opened.db), profiles, endorsementPolicy: vendor.policy };
  expect(await certificateEvidence(ports)('00'.repeat(32))).toBeNull();
});
