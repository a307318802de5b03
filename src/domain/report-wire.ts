// The JSON resources of the reports; openapi.yaml is the contract, and a test holds both together.
import type { DeviceState } from './device.ts';
import type { LimitedBy } from './effective-expiry.ts';
import type { ExpiryLevel } from './expiry.ts';
import type { LineageStateName } from './lineage-wire.ts';
import type { DayForecast } from './forecast.ts';
import type { CampaignStateName, LateLineageResource, MemberCounts, StateCounts } from './rotation-wire.ts';

/** What an item of the expiry report is about. */
export type ExpiryKind = 'certificate' | 'unmanaged' | 'issuer' | 'root' | 'crl' | 'endorsementCertificate';

/** One thing that ends. `certificate` is the SHA-256 of its DER; of an EK certificate, of the key; of a CRL, its issuer's. */
export type ExpiryItem = {
  readonly kind: ExpiryKind;
  readonly certificate: string;
  /** Host name, or the id where there is no name. */
  readonly device: string | null;
  /** Of what has no profile, its kind. */
  readonly profile: string;
  /** Null for what this service did not make. */
  readonly serial: string | null;
  readonly subject: string;
  readonly notAfter: string;
  /** The earliest end of all that it stands on. */
  readonly effectiveNotAfter: string;
  readonly limitedBy: LimitedBy;
  /** By its own end; what limits it has an item of its own. */
  readonly level: ExpiryLevel;
  readonly managed: boolean;
  readonly reason: string;
  readonly lineage: string | null;
  readonly state: LineageStateName | null;
  readonly hostLastSeenAt: string | null;
  /** What its host found wrong with it; null for nothing. */
  readonly fault: string | null;
  /** Where hosts have it, at most 20 places; of what is managed, lineages tell. */
  readonly places: readonly { readonly hostName: string; readonly path: string }[];
};

export type ExpirySummary = Readonly<Record<ExpiryLevel, number>>;

/** GET /v1/reports/expiry */
export type ExpiryReport = {
  readonly generatedAt: string;
  /** Of everything, whatever the filters. */
  readonly summary: ExpirySummary;
  /** Open warnings that are not about an end, which the levels do not count. */
  readonly otherWarnings: number;
  readonly items: readonly ExpiryItem[];
  readonly next: string | null;
};

export type IssuanceCounts = { readonly issued: number; readonly refused: number; readonly revoked: number };

/** GET /v1/reports/issuance. `refused` are renewals, enrollments, and intents that came to nothing. */
export type IssuanceReport = {
  readonly generatedAt: string;
  readonly from: string;
  readonly totals: IssuanceCounts;
  readonly issuedPerHour: number;
  readonly profiles: readonly (IssuanceCounts & { readonly profile: string })[];
  /** Who was issued the most, at most ten. */
  readonly principals: readonly { readonly principal: string; readonly issued: number }[];
};

/** GET /v1/reports/rotation */
export type RotationReport = {
  readonly generatedAt: string;
  readonly states: StateCounts;
  readonly profiles: readonly { readonly profile: string; readonly states: StateCounts }[];
  /** Nearest end first, at most a hundred. */
  readonly late: readonly LateLineageResource[];
  /** Planned, running or paused; at most twenty. */
  readonly campaigns: readonly {
    readonly id: string | null;
    readonly name: string;
    readonly state: CampaignStateName;
    readonly members: MemberCounts;
  }[];
  /** Of the next seven days. */
  readonly forecast: readonly DayForecast[];
};

/** An item of GET /v1/reports/devices. */
export type DeviceReportItem = {
  readonly id: string;
  readonly hostName: string;
  readonly state: DeviceState;
  /** Of the EK that was proved last; null where nothing says so. */
  readonly tpm: {
    readonly manufacturer: string | null;
    readonly model: string | null;
    readonly endorsementNotAfter: string | null;
  };
  readonly lastSeenAt: string;
  /** Certificates that serve, by level. */
  readonly certificates: ExpirySummary;
  readonly nearestNotAfter: string | null;
  /** What the host said last; null before its first report. */
  readonly trustGeneration: number | null;
  readonly openWarnings: { readonly warning: number; readonly critical: number };
};

/** GET /v1/reports/devices, by host name. */
export type DevicesReport = {
  readonly generatedAt: string;
  readonly items: readonly DeviceReportItem[];
  readonly next: string | null;
};
