// What the HTTP edge needs from the service: one function per thing that can be asked. main.ts hands them over; nothing
// is decided here.
import type { ReasonCode } from '../domain/certificate.ts';
import type { Principal } from '../domain/principal.ts';
import type {
  ConfirmationBody,
  LineagePage,
  LineageResource,
  LineageStateName,
  RenewalAnswer,
  RenewalBody,
} from '../domain/lineage-wire.ts';
import type { EvidenceResource } from '../domain/evidence-wire.ts';
import type { KnownRequestKey } from '../domain/request-signature.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { DeviceStateResource, RevocationResource } from '../domain/revocation-wire.ts';
import type { SpireAgentsResource, SpireDeviceResource } from '../domain/spire-wire.ts';
import type {
  ActivationBody,
  CertificateResource,
  ChallengeResource,
  DeviceResource,
  EnrollmentAnswer,
  EnrollmentBody,
  EnrollmentTokenBody,
  EnrollmentTokenResource,
  GrantResource,
  IssuerResource,
  OperatorTokenBody,
  OperatorTokenResource,
  Page,
  PendingEnrollmentResource,
  PreregistrationBody,
  PreregistrationResource,
  ProfileResource,
  RenewalInfo,
  TrustBundleResource,
} from '../domain/wire.ts';
import type { AuditServices } from './audit-services.ts';
import type { ChannelServices } from './channel-services.ts';
import type { EndpointServices } from './endpoint-services.ts';
import type { ReportServices } from './report-services.ts';
import type { RotationServices } from './rotation-services.ts';
import type { WarningServices } from './warning-services.ts';

/** A person or a script. */
export type Operator = Extract<Principal, { readonly kind: 'operator' }>;

/** When and from where a request came. `source` is an address in its one spelling (RFC 5952 or dotted quad). */
export type RequestContext = { readonly now: Date; readonly source: string; readonly requestId: string };

/** Refused for one reason, or for several at once. */
export type Refusals = Refusal | readonly Refusal[];

type Answer<T> = Promise<Result<T, Refusals>>;

/** Where a list goes on; `cursor` is the `next` of the page before. */
export type Paging = { readonly cursor?: string; readonly limit: number };

/** `within` is seconds from now; what has ended counts. */
export type CertificateQuery = Paging & {
  readonly within?: number;
  readonly profile?: string;
  readonly status?: 'good' | 'revoked';
  readonly device?: string;
  readonly serial?: string;
};

export type EnrollmentServices = {
  readonly beginEnrollment: (body: EnrollmentBody, context: RequestContext) => Answer<ChallengeResource>;
  /** `bodySha256` in lower-case hex, of the request body as it came. */
  readonly activate: (
    input: { readonly id: string; readonly body: ActivationBody; readonly bodySha256: string },
    context: RequestContext,
  ) => Answer<EnrollmentAnswer>;
  readonly readEnrollment: (
    input: { readonly id: string; readonly requestKeySha256: string },
    context: RequestContext,
  ) => Answer<EnrollmentAnswer>;
  /** `requestKeySha256`: lower-case hex of SHA-256 over the SPKI DER. Knows request keys only, no other key of a host. */
  readonly requestKeyOf: (input: { readonly requestKeySha256: string }) => Promise<KnownRequestKey | null>;
  readonly listEnrollments: (
    query: Paging & { readonly state: 'pending' | 'approved' },
    context: RequestContext,
  ) => Promise<Page<PendingEnrollmentResource>>;
  readonly approveEnrollment: (
    input: {
      readonly id: string;
      readonly version: number;
      readonly grants?: NonNullable<EnrollmentTokenBody['profiles']>;
      readonly principal: Operator;
    },
    context: RequestContext,
  ) => Answer<PendingEnrollmentResource>;
  readonly rejectEnrollment: (
    input: { readonly id: string; readonly version: number; readonly reason: string; readonly principal: Operator },
    context: RequestContext,
  ) => Answer<null>;
  readonly createEnrollmentToken: (
    body: EnrollmentTokenBody,
    principal: Operator,
    context: RequestContext,
  ) => Answer<EnrollmentTokenResource>;
  readonly listEnrollmentTokens: (query: Paging) => Promise<Page<EnrollmentTokenResource>>;
  readonly deleteEnrollmentToken: (id: string, principal: Operator, context: RequestContext) => Answer<null>;
};

export type DeviceServices = {
  readonly preregister: (
    body: PreregistrationBody,
    principal: Operator,
    context: RequestContext,
  ) => Answer<PreregistrationResource>;
  readonly listDevices: (query: Paging) => Promise<Page<DeviceResource>>;
  readonly showDevice: (id: string) => Promise<DeviceResource | null>;
  readonly showOwnDevice: (deviceId: string) => Promise<DeviceResource | null>;
  readonly replaceGrants: (
    input: { readonly id: string; readonly grants: readonly GrantResource[]; readonly principal: Operator },
    context: RequestContext,
  ) => Answer<DeviceResource>;
  readonly suspendDevice: (id: string, principal: Operator, context: RequestContext) => Answer<DeviceStateResource>;
  readonly resumeDevice: (id: string, principal: Operator, context: RequestContext) => Answer<DeviceStateResource>;
  readonly retireDevice: (id: string, principal: Operator, context: RequestContext) => Answer<DeviceStateResource>;
};

export type CertificateServices = {
  readonly issueFromCsr: (
    input: {
      readonly profile: string;
      readonly csrDer: Uint8Array;
      readonly principal: Operator;
      readonly idempotencyKey: string | null;
      readonly bodySha256: string;
    },
    context: RequestContext,
  ) => Answer<CertificateResource>;
  readonly findCertificates: (query: CertificateQuery, context: RequestContext) => Promise<Page<CertificateResource>>;
  /** By lower-case hex SHA-256, or by the CertID of RFC 9773. */
  readonly showCertificate: (cert: string) => Promise<CertificateResource | null>;
  /** Of the lineage's newest certificate the window as it is, pulled or not. */
  readonly renewalInfo: (certId: string) => Promise<RenewalInfo | null>;
};

/** A renewal that is refused or has to wait; the seconds go out as Retry-After. */
export type RenewalRefused = { readonly refusals: readonly Refusal[]; readonly retryAfterSeconds: number | null };

/** The octets of a renewal, whoever sends them. */
type RenewalOctets = { readonly lineageId: string; readonly deviceId: string; readonly bodySha256: string };

export type LineageServices = {
  readonly renew: (
    input: RenewalOctets & {
      readonly body: RenewalBody;
      readonly nonce: { readonly octets: Uint8Array; readonly isFresh: boolean };
    },
    context: RequestContext,
  ) => Promise<Result<RenewalAnswer, RenewalRefused>>;
  /** Whether these octets came before and were recorded. */
  readonly isRepeatedRenewal: (input: RenewalOctets & { readonly now: Date }) => Promise<boolean>;
  /** A renewal came with a spent nonce and octets that nobody knows. */
  readonly renewalReplayed: (input: RenewalOctets & { readonly now: Date }) => Promise<void>;
  readonly confirmCertificate: (
    input: {
      readonly cert: string;
      readonly deviceId: string;
      readonly body: ConfirmationBody;
      readonly nonce: Uint8Array;
    },
    context: RequestContext,
  ) => Answer<LineageResource>;
  readonly listLineages: (
    query: Paging & {
      readonly state?: LineageStateName;
      readonly device?: string;
      readonly profile?: string;
    },
    context: RequestContext,
  ) => Promise<LineagePage>;
  readonly showLineage: (id: string, context: RequestContext) => Promise<LineageResource | null>;
};

export type EvidenceServices = {
  /** Why a certificate was issued, verified again as far as that can be done; `cert` is either name of it. */
  readonly certificateEvidence: (cert: string) => Promise<EvidenceResource | null>;
};

export type PolicyServices = {
  readonly listProfiles: () => Promise<readonly ProfileResource[]>;
  readonly showProfile: (name: string) => Promise<ProfileResource | null>;
  readonly listIssuers: () => Promise<readonly IssuerResource[]>;
  readonly issuerPem: (id: string, part: 'chain' | 'root' | 'bundle') => Promise<string | null>;
  readonly issuerDer: (cert: string) => Promise<Uint8Array | null>;
  readonly currentCrl: (subjectKeyIdentifier: string) => Promise<Uint8Array | null>;
};

export type TrustServices = {
  /** The newest bundle, or with a number the first one of a larger generation. */
  readonly trustBundle: (after: number | null) => Promise<TrustBundleResource | null>;
  /** `bundle` is SignedData in DER. */
  readonly publishTrustBundle: (
    bundle: Uint8Array,
    principal: Operator,
    context: RequestContext,
  ) => Answer<TrustBundleResource>;
};

export type AccessServices = {
  /** `creator`: text of the principal, and the networks that bind it. */
  readonly createOperatorToken: (
    body: OperatorTokenBody,
    creator: { readonly text: string; readonly sources: readonly string[] | null },
    context: RequestContext,
  ) => Answer<OperatorTokenResource>;
  readonly listOperatorTokens: (query: Paging) => Promise<Page<OperatorTokenResource>>;
  readonly revokeOperatorToken: (id: string, revokedBy: string, context: RequestContext) => Answer<null>;
  /** `bearer` is the token's text as it came. */
  readonly authenticateOperator: (bearer: string, source: string, now: Date) => Promise<Result<Operator, Refusal>>;
  readonly newNonce: (now: Date) => string;
  /** Succeeds once per nonce. */
  readonly spendNonce: (nonce: string, now: Date) => Promise<Result<null, Refusal>>;
  /** A device was heard of, with its signature. */
  readonly deviceSeen: (deviceId: string, now: Date) => Promise<void>;
};

export type RevocationServices = {
  /** `cert` is either name of a certificate. */
  readonly revokeCertificate: (
    input: { readonly cert: string; readonly reasonCode: ReasonCode; readonly principal: Operator },
    context: RequestContext,
  ) => Answer<RevocationResource>;
};

export type SpireServices = {
  readonly spireOfDevice: (id: string, context: RequestContext) => Promise<SpireDeviceResource | null>;
  readonly spireAgents: (context: RequestContext) => Promise<SpireAgentsResource>;
  /** Confirms a DevID by the agent ID that an admin saw; resolves to the plan as it is then. */
  readonly confirmBySpireId: (
    input: { readonly cert: string; readonly spiffeId: string; readonly principal: Operator },
    context: RequestContext,
  ) => Answer<SpireDeviceResource>;
};

/** Readiness of what the service stands on; each answers false rather than throw. */
export type HealthServices = {
  readonly isDatabaseReady: () => Promise<boolean>;
  readonly isIssuerReady: () => Promise<boolean>;
};

export type MetricsServices = {
  /** Text exposition format of Prometheus, version 0.0.4. */
  readonly metricsText: () => Promise<string>;
};

/** Everything the HTTPS listener calls. The plain listener needs `currentCrl` and `issuerDer` of it. */
export type HttpServices = EnrollmentServices &
  DeviceServices &
  CertificateServices &
  EvidenceServices &
  LineageServices &
  RevocationServices &
  SpireServices &
  EndpointServices &
  PolicyServices &
  TrustServices &
  RotationServices &
  ChannelServices &
  WarningServices &
  AuditServices &
  ReportServices &
  AccessServices &
  MetricsServices &
  HealthServices;
