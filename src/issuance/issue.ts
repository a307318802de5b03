// The story of one certificate, from an authorized request to its answer. Read `issueOnce` from top to bottom: the order of
// its steps is what makes a crash at any instant harmless. Nothing else in the service signs a certificate.
import type { CertificateRecord } from '../domain/certificate.ts';
import { type Plan, type PlanKey, type PlanSubject, planCertificate } from '../domain/plan.ts';
import type { Profile, TrustDomain } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { serialNumberFrom } from '../domain/serial.ts';
import { LintedTbs, sign } from '../issuers/gate.ts';
import { sha256Hex } from '../x509/digest.ts';
import { encodePem } from '../x509/pem.ts';
import { assembleCertificate, buildTbsCertificate } from '../x509/tbs-certificate.ts';
import { lintCertificate } from '../x509/lint.ts';
import { type ActiveIssuer, planIssuer } from './active-issuer.ts';
import { earlierAnswer } from './earlier-attempt.ts';
import type { Intent, IntentOutcome, IssuanceStore, KeyHolder } from './records.ts';
import { verifyIssued } from './verify-issued.ts';

/** An authorized request: names are those of the grant or the token's limits, the key is proved. */
export type IssueRequest = {
  readonly profile: Profile;
  readonly subject: PlanSubject;
  readonly key: PlanKey;
  readonly holder: KeyHolder;
  /** Text of the principal, for records and audit. */
  readonly principal: string;
  readonly lineageId: string | null;
  /** Of the enrollment or the renewal that it answers: one certificate of a lineage comes of each. */
  readonly conversationId: string | null;
  readonly idempotency: { readonly key: string; readonly bodySha256: string } | null;
  readonly now: Date;
};

export type IssuedCertificate = {
  readonly record: CertificateRecord;
  readonly certificatePem: string;
  /** The CAs between the certificate and the root, in order. */
  readonly chainPem: string;
  /** When it should be replaced: drawn once, the same whenever it is asked. */
  readonly renewAt: Date;
};

/** What issuance needs from the world. */
export type IssuancePorts = {
  readonly issuerFor: (domain: TrustDomain) => ActiveIssuer;
  /** PEM of the CAs between a certificate of this issuer and its root, in order. */
  readonly chainPemOf: (issuerId: string) => string;
  readonly random: (octets: number) => Uint8Array;
  /** The instant within the renewal window, by the fingerprint: the same certificate, the same instant. */
  readonly drawRenewal: (certificate: CertificateRecord) => Date;
  readonly store: IssuanceStore;
  /** One certificate in so many is also read by the two other libraries; 1 means each. */
  readonly secondOpinionSampling: number;
  readonly leaseSeconds: number;
  /** Begins to measure one issuance; the function that it gives is told how it ended. */
  readonly watch?: (profile: string) => (result: IssuanceResult) => void;
};

/** `repeated`: the same request had an answer already. `failed`: store or signer failed. */
export type IssuanceResult = 'issued' | 'repeated' | 'refused' | 'failed';

export type IssueReason =
  | 'keyHeldElsewhere'
  | 'keyCompromised'
  | 'deviceNotActive'
  | 'grantWithdrawn'
  | 'renewalLost'
  | 'profileStopped'
  | 'idempotencyKeyReused'
  | 'issuanceInProgress'
  | 'issuanceAbandoned'
  | 'lintFailed'
  | 'opinionsDiffer';

/** The plan that a request would get, with every denial at once; writes nothing. */
export const preview =
  (ports: Pick<IssuancePorts, 'issuerFor'>) =>
  (request: IssueRequest): Result<Plan, readonly Refusal[]> =>
    planCertificate({
      profile: request.profile,
      subject: request.subject,
      key: request.key,
      issuer: planIssuer(ports.issuerFor(request.profile.domain)),
      now: request.now,
    });

/** One issuance, step by step. */
const issueOnce =
  (ports: IssuancePorts) =>
  async (request: IssueRequest): Promise<Result<IssuedCertificate, readonly Refusal[]>> => {
    const issuer = ports.issuerFor(request.profile.domain);

    // 1 The same request, asked again, gets the same answer; what a crash left of it is revoked first.
    const earlier = await earlierAnswer(ports.store, request);
    if (!earlier.ok) return err([earlier.error]);
    if (earlier.value !== null) return ok(answer(ports, earlier.value));

    // 2 What the profile makes of the request; every rule that it breaks is told.
    const planned = preview(ports)(request);
    if (!planned.ok) return planned;
    const plan = planned.value;

    // 3 The exact octets to be signed, under a fresh serial number.
    const serialNumber = serialNumberFrom(ports.random(16));
    const tbsCertificate = buildTbsCertificate(plan, { serialNumber, issuer: templateIssuer(issuer) });

    // 4 Those octets, linted under a throw-away key.
    const linted = await lintTbs(tbsCertificate, plan, issuer);
    if (!(linted instanceof LintedTbs)) return err(linted.map(lintRefusal));

    // 5 The intent, durable before the signature.
    const intent = intentOf({ request, plan, issuer, tbsCertificate, serialNumber, leaseSeconds: ports.leaseSeconds });
    const recorded = await ports.store.recordIntent(intent);
    if (recorded.kind !== 'recorded') return err([intentRefusal(recorded, request)]);

    // 6 The signature: the only use of the issuer's key.
    const signature = await sign(issuer.signer, linted);
    const der = assembleCertificate(tbsCertificate, issuer.signer.algorithm, signature);

    // 7 The result, read again: same octets, valid signature, and independent readers agree. Otherwise nobody gets it.
    const faults = await verifyIssued({ der, plan, intent, issuer, sampling: ports.secondOpinionSampling });
    if (faults.length > 0) return err([await withdraw(ports.store, { intent, faults, now: request.now })]);

    // 8 Certificate, audit event and outbox message, together.
    const fingerprint = sha256Hex(der);
    const names = { commonName: plan.commonName, names: plan.names, notBefore: plan.notBefore };
    const made = recordOf(intent, { fingerprint, der, plan, request });
    const renewAt = intent.lineageId === null ? null : ports.drawRenewal(made);
    const record = { ...made, renewAt };
    const stored = await ports.store.recordIssued({
      ...{ fingerprint, intent, der, ...names },
      ...{ issuedAt: request.now, renewAt },
    });
    if (!stored) return err([abandonedMeanwhile]);

    // 9 The answer.
    return ok(answer(ports, record));
  };

/**
 * Issues one certificate, durably recorded before and after the signature.
 * Throws when the store or the signer fails: the caller may repeat the request, and gets one certificate in the end.
 */
export const issue = (ports: IssuancePorts): ReturnType<typeof issueOnce> => {
  const once = issueOnce(ports);
  return async (request) => {
    const ended = ports.watch?.(request.profile.name);
    try {
      const issued = await once(request);
      ended?.(resultOf(issued, request));
      return issued;
    } catch (fault) {
      ended?.('failed');
      throw fault;
    }
  };
};

const resultOf = (issued: Result<IssuedCertificate, unknown>, { now }: IssueRequest): IssuanceResult =>
  issued.ok ? (issued.value.record.issuedAt.getTime() === now.getTime() ? 'issued' : 'repeated') : 'refused';

const templateIssuer = (issuer: ActiveIssuer) => ({
  nameDer: issuer.nameDer,
  keyIdentifier: issuer.keyIdentifier,
  signatureAlgorithm: issuer.signer.algorithm,
});

const lintTbs = async (tbs: Uint8Array, plan: Plan, issuer: ActiveIssuer): Promise<LintedTbs | readonly Refusal[]> =>
  LintedTbs.lint(tbs, {
    algorithm: issuer.signer.algorithm,
    assemble: (octets, signature) => assembleCertificate(octets, issuer.signer.algorithm, signature),
    findings: (assembled) => lintCertificate(assembled, { plan, issuer }),
  });

/** A lint finding is our own fault, never the requester's: it says so. */
const lintRefusal = (finding: Refusal): Refusal<IssueReason> => ({
  reason: 'lintFailed',
  detail: `the certificate was not signed, since it breaks ${finding.reason}: ${finding.detail}`,
  accepted: 'nothing that the requester could change: profile, policy or this service is at fault',
});

type IntentFacts = {
  readonly request: IssueRequest;
  readonly plan: Plan;
  readonly issuer: ActiveIssuer;
  readonly tbsCertificate: Uint8Array;
  readonly serialNumber: Intent['serialNumber'];
  readonly leaseSeconds: number;
};

const intentOf = ({ request, plan, issuer, tbsCertificate, serialNumber, leaseSeconds }: IntentFacts): Intent => ({
  issuerId: issuer.id,
  serialNumber,
  tbsCertificate,
  profile: plan.profile,
  profileDigest: plan.profileDigest,
  principal: request.principal,
  spkiSha256: sha256Hex(plan.subjectPublicKeyInfo),
  holder: request.holder,
  lineageId: request.lineageId,
  conversationId: request.conversationId,
  idempotency: request.idempotency,
  notAfter: plan.notAfter,
  recordedAt: request.now,
  leaseUntil: new Date(request.now.getTime() + leaseSeconds * 1000),
});

function intentRefusal(
  outcome: Exclude<IntentOutcome, { kind: 'recorded' }>,
  request: IssueRequest,
): Refusal<IssueReason> {
  switch (outcome.kind) {
    case 'keyHeld':
      return {
        reason: 'keyHeldElsewhere',
        detail: `this public key is already known as ${outcome.by}`,
        field: 'key',
        accepted: 'a fresh key pair: a key has one holder and one purpose',
      };
    case 'keyCompromised':
      return {
        reason: 'keyCompromised',
        detail: 'a certificate for this public key was revoked for keyCompromise',
        field: 'key',
        accepted: 'a fresh key pair',
      };
    case 'deviceNotActive':
      return {
        reason: 'deviceNotActive',
        detail: 'the device is suspended or retired',
        accepted: 'omens devices resume',
      };
    case 'notGranted':
      return {
        reason: 'grantWithdrawn',
        detail: `the device has no grant for profile ${request.profile.name} in this place any more`,
        accepted: 'omens devices grants',
      };
    case 'renewalOver':
      return {
        reason: 'renewalLost',
        detail: 'another request for this lineage came before this one had a result',
        accepted: 'the newest request, sent again',
      };
    case 'profileStopped':
      return {
        reason: 'profileStopped',
        detail: `profile ${request.profile.name} is stopped: two readers disagreed about one of its certificates`,
        accepted: 'a corrected profile file, or a corrected service; see the audit event profile.stopped',
      };
    case 'idempotencyKeyUsed':
      return inProgress;
    default:
      return outcome satisfies never;
  }
}

const inProgress: Refusal<IssueReason> = {
  reason: 'issuanceInProgress',
  detail: 'the same request is being answered at this moment',
  accepted: 'the same request again, a little later',
};

const abandonedMeanwhile: Refusal<IssueReason> = {
  reason: 'issuanceAbandoned',
  detail: 'the request took longer than its lease and its serial number was revoked',
  accepted: 'the same request again',
};

/** What was signed and is not as planned: revoked, its profile stopped, never handed out. */
async function withdraw(
  store: IssuanceStore,
  facts: { readonly intent: Intent; readonly faults: readonly string[]; readonly now: Date },
): Promise<Refusal<IssueReason>> {
  const { intent, faults, now } = facts;
  const reason = faults.join('; ');
  await store.stopProfile({ profile: intent.profile, profileDigest: intent.profileDigest, reason, at: now });
  await store.abandonIntent({
    issuerId: intent.issuerId,
    serialNumber: intent.serialNumber,
    by: 'verification',
    at: now,
  });
  return {
    reason: 'opinionsDiffer',
    detail: `the certificate was signed, found wrong and revoked; profile ${intent.profile} is stopped: ${reason}`,
    accepted: 'nothing that the requester could change: see the audit event profile.stopped',
  };
}

function recordOf(
  intent: Intent,
  made: { readonly fingerprint: string; readonly der: Uint8Array; readonly plan: Plan; readonly request: IssueRequest },
): CertificateRecord {
  const { fingerprint, der, plan, request } = made;
  return {
    fingerprint,
    issuerId: intent.issuerId,
    serialNumber: intent.serialNumber,
    der,
    profile: plan.profile,
    commonName: plan.commonName,
    names: plan.names,
    spkiSha256: intent.spkiSha256,
    notBefore: plan.notBefore,
    notAfter: plan.notAfter,
    principal: intent.principal,
    deviceId: request.holder.kind === 'device' ? request.holder.deviceId : null,
    lineageId: intent.lineageId,
    issuedAt: request.now,
    renewAt: null,
    status: { kind: 'good' },
  };
}

const answer = (
  ports: Pick<IssuancePorts, 'chainPemOf' | 'drawRenewal'>,
  record: CertificateRecord,
): IssuedCertificate => ({
  record,
  renewAt: record.renewAt ?? ports.drawRenewal(record),
  certificatePem: encodePem('CERTIFICATE', record.der),
  chainPem: ports.chainPemOf(record.issuerId),
});
