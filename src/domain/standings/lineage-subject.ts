// What is looked at of a lineage, and what a part of the look finds. Pure data and two questions about it.
import type { Blackout } from '../blackout.ts';
import type { CertificateUse, LineageFacts } from '../lineage.ts';
import type { Condition, WarningLevel } from '../warning.ts';
import type { WarningPolicy } from '../warning-policy.ts';
import type { HostPresence } from './host.ts';

/** A lineage with what its own facts do not say. */
export type LineageSubject = LineageFacts & {
  /** Issuers of its certificates. */
  readonly newestIssuer: string | null;
  readonly inUseIssuer: string | null;
  readonly newestRevokedAt: Date | null;
  readonly host: HostPresence;
};

/** The first certificate above a certificate of an issuer that ends. */
export type PathEnd = { readonly at: Date; readonly issuerId: string; readonly name: string };

/** What holds for all lineages. */
export type LineageTerms = {
  readonly policy: WarningPolicy;
  readonly blackouts: readonly Blackout[];
  /** By issuer. */
  readonly pathEnds: ReadonlyMap<string, PathEnd>;
  /** The issuer that would sign for a profile now. */
  readonly signerOf: (profile: string) => string | null;
  /** Issuers that cannot issue now. */
  readonly unavailable: ReadonlySet<string>;
};

/** What a part finds: the rest of the standing is the same for all. */
export type Found = {
  readonly condition: Condition;
  readonly level: WarningLevel;
  readonly reason: string;
  /** The certificate that it is about. */
  readonly certificate: CertificateUse | null;
  /** In place of the usual one. */
  readonly cause?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
};

/** The certificate that serves: the last one confirmed, else the newest, and none that is revoked. */
export function servingOf({ newest, inUse }: LineageFacts): CertificateUse | null {
  if (inUse !== null && !inUse.isRevoked) return inUse;
  return newest === null || newest.isRevoked ? null : newest;
}

/** Whether the host called after an instant, so that it could have known and done something. */
export const hasCalledSince = ({ host }: LineageSubject, instant: Date): boolean => host.lastSeenAt >= instant;
