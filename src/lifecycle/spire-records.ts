// What SPIRE at rotation needs from the world, as functions. The server's command line is one of them; null where none is
// configured.
import type { CertificateRecord } from '../domain/certificate.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { SpireAgent, SpireEntry, SpireSettings } from '../domain/spire.ts';
import type { SpireDevid } from '../domain/spire-plan.ts';

type Answer<T> = Promise<Result<T, Refusal>>;

/** A SPIRE server; refuses what its mode does not allow. */
export type SpireCalls = {
  readonly listAgents: () => Answer<readonly SpireAgent[]>;
  readonly showEntries: (spiffeId: string) => Answer<readonly SpireEntry[]>;
  readonly createAlias: (alias: { readonly spiffeId: string; readonly selectors: readonly string[] }) => Answer<null>;
  readonly evict: (spiffeId: string) => Answer<null>;
};

export type SpirePorts = {
  readonly settings: SpireSettings | null;
  readonly server: SpireCalls | null;
  readonly devidsEndingAfter: (instant: Date, deviceId: string | null) => Promise<readonly SpireDevid[]>;
  readonly activeHostNames: () => Promise<readonly string[]>;
};

/** Confirms a certificate on the word of somebody else than its host. */
export type ConfirmAs = (
  kind: 'spire' | 'operator',
  confirmation: {
    readonly cert: string;
    readonly principal: string;
    readonly evidence: object;
    readonly now: Date;
  },
) => Promise<Result<unknown, Refusal>>;

export type FindCertificate = (cert: string) => Promise<CertificateRecord | null>;

/** A DevID that ended longer ago than this is no agent any more, whatever a server still lists. Seconds. */
const forgottenAfterSeconds = 400 * 86_400;

/** From when on DevIDs are looked at. */
export const rememberedFrom = (now: Date): Date => new Date(now.getTime() - forgottenAfterSeconds * 1000);
