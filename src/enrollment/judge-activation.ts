// The middle of an activation, between the burnt challenge and the taking: read the request, verify what the TPM said
// about it, let it be authorized, plan what it asks for. It reads the inventory and writes nothing.
import type { ApprovedEnrollment, ChallengedEnrollment, Proof } from '../domain/enrollment.ts';
import type { Device } from '../domain/device.ts';
import { sameOctets } from '../domain/octets.ts';
import type { Plan } from '../domain/plan.ts';
import type { Profile } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { TpmDenials } from '../domain/tpm-denials.ts';
import type { ActivationBody } from '../domain/wire.ts';
import type { IssueRequest } from '../issuance/issue.ts';
import { type Authorization, type AuthorizationReason, authorizeActivation, type KnownDevices } from './authorize.ts';
import { knownDevices } from './begin.ts';
import { firmwareDenial } from './denied-tpm.ts';
import { makeEvidence } from './evidence.ts';
import { hardwareSerialOf, issueRequestOf, subjectOf } from './issue-granted.ts';
import { octetsOf } from './octets.ts';
import { readAttestationKey } from './presented-tpm.ts';
import { type Certification, type ProofReason, type ProvedKey, proveKeys } from './prove.ts';
import type { StatementBinding } from '../domain/attested-statement.ts';
import type { RequestDocumentReason } from './document-reading.ts';
import type { DeviceLookups, PreregistrationLookups, RecoveryLookups, TokenLookups } from './records.ts';
import { beyondOldGrants, type RecoveryFacts } from './recover.ts';
import { maxRequestOctets, parseRequestDocument, type RequestDocument } from './request-document.ts';
import {
  fitToGrants,
  type Granted,
  grantsAsAsked,
  readRequested,
  type Requested,
  type RequestedReason,
} from './requested-certificates.ts';

export type JudgeReason =
  | 'malformedBinary'
  | 'hostNameDiffers'
  | 'requestDiffers'
  | 'certificationsDiffer'
  | RequestDocumentReason
  | ProofReason
  | 'firmwareDenied'
  | RequestedReason
  | AuthorizationReason;

export type JudgePorts = DeviceLookups &
  RecoveryLookups &
  TokenLookups &
  PreregistrationLookups & {
    readonly profiles: ReadonlyMap<string, Profile>;
    readonly tpmDenials: TpmDenials;
    readonly preview: (request: IssueRequest) => Result<Plan, readonly Refusal[]>;
    readonly newId: () => string;
    /** A host that was away for longer comes back only with an approval. */
    readonly maxAbsenceSeconds: number;
    /** Why the gate of attestation holds a device; null when it does not. Absent: there is no gate. */
    readonly attestationHold?: (deviceId: string, now: Date) => Promise<{ readonly detail: string } | null>;
  };

/** What an activation proved, and what may come of it. */
export type Judgement = {
  readonly proof: Proof;
  readonly keys: readonly ProvedKey[];
  readonly authorization: Authorization;
  /** The device, its id drawn when it is new. Its `keylimeUuid` is known once an RSA-2048 EK was proved. */
  readonly device: { readonly id: string; readonly isNew: boolean; readonly keylimeUuid: string | null };
  readonly granted: readonly Granted[];
};

type Challenged = ChallengedEnrollment | ApprovedEnrollment;

/** Judges one activation. Cryptography stops at the first fault; policy tells them all. */
export const judgeActivation =
  (ports: JudgePorts) =>
  async (enrollment: Challenged, body: ActivationBody, now: Date): Promise<Result<Judgement, readonly Refusal[]>> => {
    const proved = proveActivation(enrollment, body, now);
    if (!proved.ok) return err([proved.error]);
    const { document, keys, proof } = proved.value;
    const { manufacturer } = enrollment.endorsementKey;
    const versions = keys.map(({ firmwareVersion }) => firmwareVersion);
    const denial = firmwareDenial(ports.tpmDenials, { manufacturer, versions });
    if (denial !== null) return err([denial]);
    const requested = readRequested(document, keys, ports.profiles);
    if (!requested.ok) return requested;
    const authorization = await authorize(ports, { enrollment, document, now });
    if (!authorization.ok) return err([authorization.error]);
    const settled = await withinOldGrants(ports, authorization.value, requested.value);
    const device = await deviceOf(ports, enrollment, settled);
    const plan = { enrollment, requested: requested.value, authorization: settled, device, now };
    const granted = await planAll(ports, plan);
    if (!granted.ok) return granted;
    return ok({ proof, keys, authorization: settled, device, granted: granted.value });
  };

/** A host that recovers gets what it had; who asks for more waits for a person, who sees what it asks for. */
async function withinOldGrants(
  ports: JudgePorts,
  authorization: Authorization,
  requested: readonly Requested[],
): Promise<Authorization> {
  if (authorization.kind !== 'authorized' || authorization.by !== 'recovery') return authorization;
  const { device } = authorization;
  if (device === null) throw new Error('only a device that is known recovers');
  const fitted = fitToGrants(requested, await ports.grantsOf(device.id), device);
  if (fitted.ok) return authorization;
  const details = fitted.error.map(({ detail }) => detail);
  return { kind: 'pending', alarm: beyondOldGrants(device, details) };
}

type Proved = { readonly document: RequestDocument; readonly keys: readonly ProvedKey[]; readonly proof: Proof };

/** Pure: does the TPM of this enrollment say what the body says it does? */
function proveActivation(
  enrollment: Challenged,
  body: Pick<ActivationBody, 'request' | 'certifications'>,
  now: Date,
): Result<Proved, Refusal<JudgeReason>> {
  const request = octetsOf(body.request, 'request', maxRequestOctets);
  if (!request.ok) return request;
  if (enrollment.state === 'approved' && !sameOctets(request.value, enrollment.proof.request))
    return err(requestDiffers);
  const document = parseRequestDocument(request.value);
  if (!document.ok) return document;
  if (document.value.hostName !== enrollment.hostName) return err(hostNameDiffers(enrollment.hostName));
  const certifications = certificationsOf(document.value, body.certifications);
  if (!certifications.ok) return certifications;
  const ak = readAttestationKey(enrollment.attestationKey.public);
  if (!ak.ok) throw new Error(`the stored attestation key of enrollment ${enrollment.id} is no good`);
  const binding: StatementBinding = { id: enrollment.id, nonce: enrollment.challenge.nonce, request: request.value };
  const keys = proveKeys({ akPublic: ak.value.area, binding, certifications: certifications.value });
  if (!keys.ok) return keys;
  const { endorsementKey, attestationKey } = enrollment;
  const facts = { binding, endorsementKey, akPublic: attestationKey.public, certifications: certifications.value, now };
  const requestKey = keys.value.find(({ role }) => role === 'request');
  const proof = {
    request: request.value,
    evidence: makeEvidence(facts),
    requestKey: requestKey === undefined ? null : { public: requestKey.public, spkiSha256: requestKey.spkiSha256 },
  };
  return ok({ document: document.value, keys: keys.value, proof });
}

/** Octets of the structures that a certification brings. */
const limits = { attest: 1536, signature: 768 } as const;

function certificationsOf(
  { keys }: RequestDocument,
  sent: ActivationBody['certifications'],
): Result<readonly Certification[], Refusal<JudgeReason>> {
  if (keys.length !== sent.length) return err(certificationsDiffer(keys.length, sent.length));
  const certifications: Certification[] = [];
  for (const [at, key] of keys.entries()) {
    const field = `certifications.${at}`;
    const attest = octetsOf(sent[at]?.attest ?? '', `${field}.attest`, limits.attest);
    const signature = octetsOf(sent[at]?.signature ?? '', `${field}.signature`, limits.signature);
    const proof = octetsOf(sent[at]?.proof ?? '', `${field}.proof`, limits.signature);
    if (!attest.ok) return attest;
    if (!signature.ok) return signature;
    if (!proof.ok) return proof;
    certifications.push({ ...key, attest: attest.value, signature: signature.value, proof: proof.value });
  }
  return ok(certifications);
}

/** Reads the records that the decision stands on, all of them now. */
async function authorize(
  ports: JudgePorts,
  facts: { readonly enrollment: Challenged; readonly document: RequestDocument; readonly now: Date },
): Promise<Result<Authorization, Refusal<AuthorizationReason>>> {
  const { enrollment, document, now } = facts;
  const { hostName, tokenId, endorsementKey, attestationKey } = enrollment;
  const ekFingerprint = endorsementKey.fingerprint;
  const known = await knownDevices(ports, { ekFingerprint, akName: attestationKey.name, hostName });
  return authorizeActivation({
    enrollment,
    recovery: await recoveryFacts(ports, known, now),
    token: tokenId === null ? null : await ports.findEnrollmentToken(tokenId),
    preregistration: await ports.findPreregistration(ekFingerprint),
    known,
    asksForNothing: document.keys.length + document.certificates.length === 0,
    now,
  });
}

async function recoveryFacts(ports: JudgePorts, known: KnownDevices, now: Date): Promise<RecoveryFacts | null> {
  if (known.ofEndorsementKey === null) return null;
  const { id } = known.ofEndorsementKey;
  const facts = await ports.recoveryFactsOf(id, now);
  const hold = (await ports.attestationHold?.(id, now)) ?? null;
  return { ...facts, maxAbsenceSeconds: ports.maxAbsenceSeconds, attestationHold: hold?.detail ?? null };
}

async function deviceOf(
  ports: JudgePorts,
  { endorsementKey }: Challenged,
  authorization: Authorization,
): Promise<Judgement['device'] & { readonly hardwareSerial: string }> {
  const device: Device | null = authorization.kind === 'authorized' ? authorization.device : null;
  const others = device === null ? [] : await ports.endorsementKeysOf(device.id);
  return {
    id: device?.id ?? ports.newId(),
    isNew: device === null,
    keylimeUuid: endorsementKey.keylimeUuid ?? device?.keylimeUuid ?? null,
    hardwareSerial: hardwareSerialOf(endorsementKey, others),
  };
}

type Planning = {
  readonly enrollment: Challenged;
  readonly requested: readonly Requested[];
  readonly authorization: Authorization;
  readonly device: Judgement['device'] & { readonly hardwareSerial: string };
  readonly now: Date;
};

/** Every certificate, tried: nothing is written while any of them would be refused. */
async function planAll(ports: JudgePorts, planning: Planning): Promise<Result<readonly Granted[], readonly Refusal[]>> {
  const { enrollment, requested, authorization, device, now } = planning;
  const identity = { hostName: enrollment.hostName, keylimeUuid: device.keylimeUuid };
  const fitted = fitToGrants(requested, await grantsFor(ports, planning), identity);
  if (!fitted.ok) return fitted;
  const subject = subjectOf(identity, device.hardwareSerial);
  const facts = { subject, deviceId: device.id, lineageId: null, conversationId: enrollment.id, now };
  const denials = fitted.value.flatMap((granted) => {
    const planned = ports.preview(issueRequestOf(granted, facts));
    return planned.ok ? [] : planned.error.map((denial) => ({ ...denial, field: fieldOf(granted, denial) }));
  });
  if (denials.length > 0) return err(denials);
  return ok(authorization.kind === 'authorized' ? fitted.value : []);
}

/** The grants it will have: those of the device, renewed by those of the authorization. As asked, while it waits. */
async function grantsFor(ports: JudgePorts, { enrollment, requested, authorization, device }: Planning) {
  if (authorization.kind === 'pending') return grantsAsAsked(requested, enrollment.hostName);
  const fresh = authorization.grants;
  const old = device.isNew ? [] : await ports.grantsOf(device.id);
  const isReplaced = (one: (typeof old)[number]): boolean =>
    fresh.some(({ profile, place }) => profile === one.profile && place === one.place);
  return [...fresh, ...old.filter((one) => !isReplaced(one))];
}

const fieldOf = (granted: Granted, denial: Refusal): string =>
  denial.field === undefined ? granted.field : `${granted.field}.${denial.field}`;

const requestDiffers: Refusal<JudgeReason> = {
  reason: 'requestDiffers',
  detail: 'this is not the request that was approved',
  field: 'request',
  accepted: 'the same octets as before the approval, with new certifications',
};

const hostNameDiffers = (hostName: string): Refusal<JudgeReason> => ({
  reason: 'hostNameDiffers',
  detail: 'the request is for another host name than the enrollment',
  field: 'request.hostName',
  accepted: hostName,
});

const certificationsDiffer = (keys: number, certifications: number): Refusal<JudgeReason> => ({
  reason: 'certificationsDiffer',
  detail: `there are ${keys} keys and ${certifications} certifications`,
  field: 'certifications',
  accepted: 'one certification for each key, in their order',
});
