// Certificates without DER: what a simulation must know of one, as text. Issuing them goes the way of issuance (earlier
// attempt, plan, intent, result, each by the real code and the store at hand); only octets and signature are fake.
import { err, ok, type Refusal, type Result } from '../../src/domain/result.ts';
import { planCertificate, type PlanIssuer } from '../../src/domain/plan.ts';
import type { TrustDomain } from '../../src/domain/profile.ts';
import { serialNumberFrom } from '../../src/domain/serial.ts';
import { wireTime } from '../../src/domain/wire.ts';
import type { CertificateRecord } from '../../src/domain/certificate.ts';
import { earlierAnswer } from '../../src/issuance/earlier-attempt.ts';
import type { IssuedCertificate, IssueReason, IssueRequest } from '../../src/issuance/issue.ts';
import type { Intent, IntentOutcome, IssuanceStore, IssuedResult } from '../../src/issuance/records.ts';
import { sha256Hex } from './keys.ts';

/** What a host reads in one. `public` is its key. */
export type FakeCertificate = {
  readonly fingerprint: string;
  readonly public: string;
  readonly notBefore: string;
  readonly notAfter: string;
};

/** Reads the text of a fake certificate, which is also its "DER". */
export function readFakeCertificate(text: string): FakeCertificate {
  const [kind, , publicOctets = '', notBefore = '', notAfter = ''] = text.split(' ');
  if (kind !== 'certificate') throw new Error(`no certificate of this simulation: ${text.slice(0, 40)}`);
  return { fingerprint: sha256Hex(text), public: publicOctets, notBefore, notAfter };
}

/** A server that stops in the middle. */
export class ServerKilled extends Error {
  override readonly name = 'ServerKilled';
}

export type FakeIssuance = {
  readonly store: IssuanceStore;
  readonly issuerId: string;
  readonly drawRenewal: (certificate: CertificateRecord) => Date;
  readonly random: (octets: number) => Uint8Array;
  /** May throw `ServerKilled`: between intent and signature, or between result and answer. */
  readonly mayDie: (step: 'intent' | 'result') => void;
  readonly leaseSeconds: number;
  /** Hears of each certificate that is made, once. */
  readonly onSigned: (record: CertificateRecord, renewAt: Date, conversationId: string) => void;
};

/** The issuer as a plan sees it. */
export const issuerOf = (domain: TrustDomain): PlanIssuer => ({
  domain,
  notBefore: new Date(Date.UTC(2020, 0, 1)),
  notAfter: new Date(Date.UTC(2040, 0, 1)),
  issuerUrl: 'http://ca.funlab.casa/issuer',
  crlUrl: 'http://ca.funlab.casa/crl',
});

/** The reasons that issuance gives for an intent that the store did not take. */
const intentReasons: Readonly<Record<Exclude<IntentOutcome['kind'], 'recorded'>, IssueReason>> = {
  keyHeld: 'keyHeldElsewhere',
  keyCompromised: 'keyCompromised',
  deviceNotActive: 'deviceNotActive',
  notGranted: 'grantWithdrawn',
  renewalOver: 'renewalLost',
  profileStopped: 'profileStopped',
  idempotencyKeyUsed: 'issuanceInProgress',
};

/** Stands for `issue` of issuance/issue.ts. */
export const issueFake =
  (ports: FakeIssuance) =>
  async (request: IssueRequest): Promise<Result<IssuedCertificate, readonly Refusal[]>> => {
    const earlier = await earlierAnswer(ports.store, request);
    if (!earlier.ok) return err([earlier.error]);
    if (earlier.value !== null) return ok(answer(ports, earlier.value));
    const { profile, subject, key, now } = request;
    const planned = planCertificate({ profile, subject, key, now, issuer: issuerOf(profile.domain) });
    if (!planned.ok) return planned;
    const { notBefore, notAfter, commonName, names } = planned.value;
    const serialNumber = serialNumberFrom(ports.random(16));
    const publicText = Buffer.from(key.subjectPublicKeyInfo).toString('utf8');
    const text = `certificate ${serialNumber} ${publicText} ${wireTime(notBefore)} ${wireTime(notAfter)}`;
    const octets = Buffer.from(text);
    const intent: Intent = {
      ...{ issuerId: ports.issuerId, serialNumber, tbsCertificate: octets, profile: profile.name, notAfter },
      ...{ profileDigest: profile.digest, principal: request.principal, spkiSha256: sha256Hex(publicText) },
      ...{ holder: request.holder, lineageId: request.lineageId, conversationId: request.conversationId },
      ...{ idempotency: null, recordedAt: now, leaseUntil: new Date(now.getTime() + ports.leaseSeconds * 1000) },
    };
    const recorded = await ports.store.recordIntent(intent);
    if (recorded.kind !== 'recorded') return err([{ reason: intentReasons[recorded.kind], detail: recorded.kind }]);
    ports.mayDie('intent');
    const result: Omit<IssuedResult, 'renewAt'> = {
      ...{ fingerprint: sha256Hex(text), intent, der: octets, commonName, names, notBefore, issuedAt: now },
    };
    const made = recordOf(result);
    const renewAt = ports.drawRenewal(made);
    const record = { ...made, renewAt };
    if (!(await ports.store.recordIssued({ ...result, renewAt })))
      throw new Error('the intent was abandoned meanwhile');
    ports.onSigned(record, renewAt, request.conversationId ?? '');
    ports.mayDie('result');
    return ok(answer(ports, record));
  };

const answer = ({ drawRenewal }: FakeIssuance, record: CertificateRecord): IssuedCertificate => ({
  record,
  renewAt: record.renewAt ?? drawRenewal(record),
  certificatePem: Buffer.from(record.der).toString('utf8'),
  chainPem: '',
});

const recordOf = ({
  fingerprint,
  intent,
  der,
  commonName,
  names,
  notBefore,
  issuedAt,
}: Omit<IssuedResult, 'renewAt'>): CertificateRecord => ({
  ...{ fingerprint, issuerId: intent.issuerId, serialNumber: intent.serialNumber, der, profile: intent.profile },
  ...{ commonName, names, spkiSha256: intent.spkiSha256, notBefore, notAfter: intent.notAfter },
  ...{ principal: intent.principal, lineageId: intent.lineageId, issuedAt, renewAt: null, status: { kind: 'good' } },
  deviceId: intent.holder.kind === 'device' ? intent.holder.deviceId : null,
});
