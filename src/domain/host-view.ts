// What the operator page shows of a host beyond its resource of the API.
import type { DeviceState } from './device.ts';
import type { HostReportBody, LineageResource } from './lineage-wire.ts';
import type { Refusal } from './result.ts';
import type { RelyingPartyStep } from './revocation-wire.ts';
import type { WarningLevel, WarningRecord } from './warning.ts';
import type { DeviceResource, GrantResource, PendingEnrollmentResource, TpmResource } from './wire.ts';

/** A line of the list of hosts. */
export type HostLine = {
  readonly id: string;
  readonly hostName: string;
  readonly state: DeviceState;
  readonly lastSeenAt: Date;
  /** The level of the warning that it was not seen; null while it calls. */
  readonly notSeen: WarningLevel | null;
  readonly tpm: TpmResource;
  /** TPMS_ATTEST.firmwareVersion of its last certification, decimal. */
  readonly firmware: string | null;
  /** Certificates that serve: all, and those whose end is near. */
  readonly certificates: { readonly total: number; readonly warning: number; readonly critical: number };
  /** Open warnings about it. */
  readonly warnings: { readonly warning: number; readonly critical: number };
};

export type HostQuery = {
  readonly state: DeviceState | null;
  /** Part of the name in lower case, or an id, a Keylime UUID or an EK fingerprint. */
  readonly text: string | null;
  readonly cursor: string | null;
  readonly limit: number;
};

export type HostPage = { readonly items: readonly HostLine[]; readonly next: string | null };

/** A certificate that a host found on itself and that nobody keeps. */
export type UnmanagedLine = {
  readonly path: string;
  readonly fingerprint: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly fault: string | null;
};

export type KeylimeLine = {
  readonly agent: string;
  readonly isRegistered: boolean;
  readonly operationalState: number | null;
  readonly attestationStatus: string | null;
  readonly lastSuccessfulAttestation: Date | null;
  readonly since: Date;
  readonly heldAt: Date | null;
  readonly seenAt: Date;
};

/** The last word of a host about itself. */
export type HostWord = {
  readonly reportedAt: Date;
  readonly agentVersion: string;
  readonly report: HostReportBody;
};

/** Everything on the page of one host. */
export type HostView = {
  readonly device: DeviceResource;
  readonly firmware: string | null;
  readonly lineages: readonly LineageResource[];
  readonly warnings: readonly WarningRecord[];
  readonly word: HostWord | null;
  readonly unmanaged: readonly UnmanagedLine[];
  readonly keylime: readonly KeylimeLine[];
  /** What is left to do at relying parties, when it is suspended or retired. */
  readonly steps: readonly RelyingPartyStep[];
  /** Generation of the newest trust bundle; 0 for none. */
  readonly trustGeneration: number;
};

/** An enrollment that waits, and exactly what an approval of it by this operator would grant, or why it would not. */
export type WaitingView = {
  readonly enrollment: PendingEnrollmentResource;
  readonly grants: readonly GrantResource[] | null;
  readonly refusals: readonly Refusal[];
};
