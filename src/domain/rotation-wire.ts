// The JSON resources of rotation as a whole: pulled windows, campaigns, the fleet view and the forecast. openapi.yaml is
// the contract; what concerns one lineage is in lineage-wire.ts.
import type { LineageStateName } from './lineage-wire.ts';
import type { Page } from './wire.ts';

/** Which lineages of active devices are meant; exactly one of these. */
export type RotationScope =
  | { readonly device: string }
  | { readonly profile: string }
  /** SHA-256 of the issuer's certificate; of each lineage the newest certificate counts. */
  | { readonly issuer: string }
  | { readonly tpm: TpmScope };

/** TPMs of a maker (TCG vendor id, eight upper-case hex digits). Firmware only matches where a TPM attested it. */
export type TpmScope = {
  readonly manufacturer: string;
  readonly model?: string;
  /** Dotted decimal, `7.61`; bounds are included, numbers left out are the lowest or the highest. */
  readonly firmwareFrom?: string;
  readonly firmwareTo?: string;
};

/** POST /v1/renewal-pulls */
export type RenewalPullBody = {
  readonly scope: RotationScope;
  readonly because: string;
  readonly batchSize?: number;
  /** Seconds from one batch to the next. */
  readonly batchSeconds?: number;
  readonly dryRun?: boolean;
};

/** 200 of it. `matched` counts lineages of the scope, `pulled` those that were due later than their batch. */
export type RenewalPullResource = {
  readonly matched: number;
  readonly pulled: number;
  readonly batches: readonly { readonly at: string; readonly count: number }[];
  readonly dryRun: boolean;
};

/** How many members of a campaign may fail; one more stops it. A percentage is of all members, rounded down. */
export type ErrorBudget = { readonly count: number } | { readonly percent: number };

/** POST /v1/campaigns */
export type CampaignBody = {
  readonly name: string;
  readonly scope: RotationScope;
  readonly because: string;
  /** Host names; all of their members are confirmed before the first wave begins. */
  readonly pilots?: readonly string[];
  readonly waveSize?: number;
  /** By service class; a class that is not named is held by the wave alone. */
  readonly maxInFlight?: Readonly<Record<string, number>>;
  /** Service class by profile; a profile that is not named is a class of its own name. */
  readonly serviceClasses?: Readonly<Record<string, string>>;
  readonly errorBudget?: ErrorBudget;
  readonly confirmWithinSeconds?: number;
  /** Prints the plan, writes nothing. */
  readonly dryRun?: boolean;
};

export type CampaignStateName = 'planned' | 'running' | 'paused' | 'stopped' | 'finished';

/** Members of a campaign, or of one wave, by state. */
export type MemberCounts = {
  readonly total: number;
  readonly waiting: number;
  readonly released: number;
  readonly confirmed: number;
  readonly failed: number;
};

/** Wave 0 are the pilots. `hosts` are the first of its host names. */
export type WaveResource = MemberCounts & { readonly wave: number; readonly hosts: readonly string[] };

/** A member that failed. */
export type FailedMemberResource = {
  readonly lineage: string;
  readonly hostName: string;
  readonly profile: string;
  readonly place: string;
  readonly error: string;
  readonly at: string;
};

/** GET /v1/campaigns/{id}. `id` is null in the answer to a dry run. */
export type CampaignResource = {
  readonly id: string | null;
  readonly name: string;
  readonly state: CampaignStateName;
  readonly stopReason: string | null;
  readonly scope: RotationScope;
  readonly because: string;
  readonly pilots: readonly string[];
  readonly waveSize: number;
  readonly maxInFlight: Readonly<Record<string, number>>;
  readonly serviceClasses: Readonly<Record<string, string>>;
  readonly errorBudget: ErrorBudget;
  readonly confirmWithinSeconds: number;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly changedAt: string;
  readonly members: MemberCounts;
  readonly waves: readonly WaveResource[];
  /** The first hundred. */
  readonly failures: readonly FailedMemberResource[];
};

export type CampaignPage = Page<CampaignResource>;

/** How many lineages are in each state. */
export type StateCounts = Readonly<Record<LineageStateName, number>>;

/** A lineage that is late, and why. */
export type LateLineageResource = {
  readonly lineage: string;
  readonly device: string;
  readonly hostName: string;
  readonly profile: string;
  readonly place: string;
  readonly notAfter: string | null;
  readonly reason: string | null;
};

/** GET /v1/rotation/fleet */
export type FleetResource = {
  readonly generatedAt: string;
  readonly states: StateCounts;
  readonly profiles: readonly { readonly profile: string; readonly states: StateCounts }[];
  /** Nearest end first, at most a hundred; the rest by GET /v1/lineages?state=late. */
  readonly late: readonly LateLineageResource[];
  readonly ceiling: {
    readonly perHour: number;
    readonly usedInLastHour: number;
    readonly outsideInLastDay: number;
    /** Hosts that were told to wait in the last hour, and have not come through. */
    readonly waiting: number;
  };
  readonly blackouts: readonly BlackoutResource[];
  /** Campaigns that are planned, running or paused; at most twenty. */
  readonly campaigns: readonly CampaignResource[];
};

/** A time in which nothing is renewed: one span, or one of each day (UTC, `HH:MM`). */
export type BlackoutResource =
  | { readonly kind: 'span'; readonly from: string; readonly to: string; readonly active: boolean }
  | { readonly kind: 'daily'; readonly from: string; readonly to: string; readonly active: boolean };

/** GET /v1/rotation/forecast */
export type ForecastResource = {
  readonly generatedAt: string;
  readonly days: number;
  readonly perHour: number;
  /** Days without renewals are left out; what is overdue counts for the first. */
  readonly items: readonly { readonly day: string; readonly profile: string; readonly renewals: number }[];
  readonly total: number;
  /** Hours in which more renewals are due than the ceiling admits; at most a hundred. */
  readonly overCeiling: readonly { readonly hour: string; readonly renewals: number }[];
};
