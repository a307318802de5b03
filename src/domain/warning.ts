// Warnings: what is not well, of whom, and how badly. A look finds standings; a store keeps one open warning for each
// condition of a subject and writes down each crossing once; the notifier tells. Pure.

export type WarningLevel = 'warning' | 'critical';

/** Whether a level is above another. */
export const isWorse = (level: WarningLevel, than: WarningLevel): boolean => level === 'critical' && than === 'warning';

/** Every condition that somebody is warned of, with its name for people. The only list of them. */
export const conditions = {
  expiry: 'a certificate ends soon, or has ended',
  renewalMissed: 'a renewal was due and did not happen',
  renewalFailing: 'renewals keep failing',
  notConfirmed: 'a certificate was issued and is not confirmed in use',
  hostNotSeen: 'a host does not call',
  hostFinding: 'a host found something wrong on itself',
  trustOutdated: 'a host has old trust anchors',
  unmanagedCertificate: 'a certificate that nobody keeps ends soon, or is wrong',
  certificateOnTwoHosts: 'two hosts have the same certificate',
  endorsementCertificateEnding: 'the EK certificate of a TPM ends',
  issuerEnding: 'a CA certificate ends before what it should sign',
  crlOverdue: 'a CRL is not renewed',
  issuerUnavailable: 'a CA cannot issue',
  profileStopped: 'a profile issues nothing any more',
  unusualIssuance: 'certificates are issued in unusual numbers, or for unusual names',
  enrollmentPending: 'a host waits for approval',
  campaignStopped: 'a campaign stopped',
  endpointUnreachable: 'an endpoint does not answer',
  servedDiffers: 'an endpoint serves another certificate than the inventory has',
  servedEnding: 'what an endpoint serves ends soon, or has ended',
  endpointChain: 'a client cannot verify what an endpoint serves',
  clientNotAsked: 'an endpoint does not demand a client certificate',
  clientNotRefused: 'an endpoint takes a client certificate that it must refuse',
  spireBundle: 'the bundle of SPIRE ends soon',
  attestationFailing: 'Keylime does not attest a host',
  keylimeInventory: 'Keylime knows agents that are nobody, or twice the same',
  channelFailing: 'a channel of the notifier takes nothing',
} as const;

/** The name of a condition. */
export type Condition = keyof typeof conditions;

/** How a subject stands, when it is not well. What is well has no standing. */
export type Standing = {
  readonly condition: Condition;
  /** `lineage:<id>`, `device:<id>`, `certificate:<fingerprint>`, `issuer:<id>`, `endpoint:<name>`, `service`, … */
  readonly subject: string;
  readonly level: WarningLevel;
  /** Standings of one cause are told in one message; such as `host:<id>`, `error:<reason>`, `condition:<name>`. */
  readonly cause: string;
  /** One line for people, with the why: `due since 2 h 10 min; connect ECONNREFUSED 127.0.0.1:8200 (3 attempts)`. */
  readonly reason: string;
  readonly deviceId: string | null;
  readonly lineageId: string | null;
  readonly facts: StandingFacts;
};

/** What a message or a page shows of a standing; a member that does not apply is absent. */
export type StandingFacts = {
  /** Whom it is about, for people: a host name, a common name, the name of an endpoint. */
  readonly name: string;
  readonly hostName?: string;
  readonly profile?: string;
  readonly place?: string;
  readonly certificate?: string;
  /** RFC 3339. */
  readonly notAfter?: string;
  readonly lastError?: {
    readonly at: string;
    readonly phase: string;
    readonly reason: string;
    readonly detail: string;
  };
  readonly failures?: number;
  readonly [more: string]: unknown;
};

/** An open or closed warning, as it is stored. */
export type WarningRecord = Standing & {
  readonly id: string;
  readonly openedAt: Date;
  /** When it reached its level, the highest so far. */
  readonly levelAt: Date;
  /** It was well at every look since then; it is closed after `closedAfterSeconds` of that. */
  readonly wellSince: Date | null;
  readonly closedAt: Date | null;
  readonly acknowledged: { readonly at: Date; readonly by: string } | null;
  readonly snoozed: { readonly until: Date; readonly by: string } | null;
  readonly note: string | null;
};

/** What is well for so long is over; what comes and goes more quickly stays one warning. Seconds. */
export const closedAfterSeconds = 300;

/** A person may put a warning off for so long at most. Seconds. */
export const longestSnoozeSeconds = 30 * 86_400;
