// What is asked of the database for one look of monitoring: counts that are complete, and lists that are cut. Plain facts;
// what they are called for monitoring is decided in metrics/.
import type { HostFacts } from './lineage-wire.ts';

/** How many certificates, or lineages, of a profile stand at each level; those that ended are counted apart. */
export type LevelCounts = {
  readonly profile: string;
  readonly ok: number;
  readonly warning: number;
  readonly critical: number;
  readonly ended: number;
  /** Lineages that have no certificate. */
  readonly missing: number;
};

/** Lineages of one profile. */
export type LineageCounts = LevelCounts & { readonly due: number; readonly failing: number };

/** The end of what serves a lineage, or of what serves without one. */
export type ServingEnd = {
  /** Null without a lineage. */
  readonly lineageId: string | null;
  readonly profile: string;
  readonly place: string;
  /** Of the device; without a lineage the common name. */
  readonly host: string;
  /** Null: the lineage has no certificate. */
  readonly notAfter: Date | null;
};

/** When hosts came for a profile. */
export type RenewalTimes = {
  readonly profile: string;
  readonly lastAttemptAt: Date | null;
  readonly lastSuccessAt: Date | null;
};

export type IssuerFacts = {
  readonly id: string;
  readonly key: string;
  readonly domain: string;
  readonly role: string;
  readonly isActive: boolean;
  readonly notAfter: Date;
  /** An open warning says that it cannot issue. */
  readonly isUnavailable: boolean;
  /** Of its newest CRL; null where there is none. */
  readonly crlNextUpdate: Date | null;
};

/** What waits, of the whole service. */
export type QueueFacts = {
  readonly renewalsWaiting: number;
  readonly intentsOpen: number;
  readonly enrollmentsPending: number;
  readonly alarmsWaiting: number;
  readonly oldestAlarmAt: Date | null;
};

export type ChannelFacts = {
  readonly channel: string;
  readonly turnedAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly isFailing: boolean;
  readonly crossingsWaiting: number;
  readonly deliveriesWaiting: number;
  readonly oldestDeliveryAt: Date | null;
};

export type ProbeFacts = {
  readonly endpoint: string;
  readonly lookedAt: Date;
  readonly isReachable: boolean;
  readonly findings: number;
  readonly notAfter: Date | null;
};

export type KeylimeFacts = {
  readonly statuses: readonly { readonly status: string; readonly agents: number }[];
  readonly held: number;
  /** Agents that are a device of this service, and of which the verifier speaks. */
  readonly spokenOf: number;
  readonly lastLookAt: Date | null;
};

export type AttestationFacts = {
  readonly hostName: string;
  readonly isPassing: boolean;
  readonly lastSuccessAt: Date | null;
};

/** Everything of one look. */
export type MetricFacts = {
  readonly lineages: readonly LineageCounts[];
  readonly alone: readonly LevelCounts[];
  readonly ends: readonly ServingEnd[];
  readonly renewals: readonly RenewalTimes[];
  readonly issuers: readonly IssuerFacts[];
  readonly queues: QueueFacts;
  readonly channels: readonly ChannelFacts[];
  readonly warnings: readonly { readonly condition: string; readonly level: string; readonly count: number }[];
  readonly devices: readonly { readonly state: string; readonly count: number }[];
  readonly tpms: readonly { readonly manufacturer: string | null; readonly devices: number }[];
  readonly hostsSeen: readonly { readonly hostName: string; readonly lastSeenAt: Date }[];
  /** Active hosts by what they say of themselves; null: nothing yet. */
  readonly hostFacts: readonly { readonly facts: HostFacts | null; readonly hosts: number }[];
  readonly factsOfHosts: readonly { readonly hostName: string; readonly facts: HostFacts }[];
  readonly probes: readonly ProbeFacts[];
  readonly keylime: KeylimeFacts;
  readonly attestations: readonly AttestationFacts[];
};

/** Where the lists are cut. */
export type MetricLimits = { readonly series: number; readonly hostsWithFacts: number; readonly endpoints: number };
