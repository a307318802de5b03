// One look at what the server offers as trust anchors: a bundle counts only when the key of a root that is trusted already
// has signed it; a root named by its digest in this host's own file counts without. What merely came over TLS is told.
import type { AnchorApi } from '../client/api.ts';
import type { ClientFault } from '../client/connection.ts';
import type { KnownAnchor } from '../domain/trust-bundle.ts';
import type { TrustDomain } from '../domain/profile.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { HostTrust } from './trust.ts';

/** What this host trusts, the root it was enrolled under, and the digests that its own configuration names. */
export type TrustInput = {
  readonly held: HostTrust | null;
  /** `AgentState.server.rootSha256`. */
  readonly pinnedSha256: string;
  readonly local: readonly KnownAnchor[];
};

/** What is trusted after the look. */
export type TrustTaken = {
  readonly trust: HostTrust;
  /** Domains whose CA certificates differ from those held before. */
  readonly changed: readonly TrustDomain[];
  /** What was offered and was not taken, for the log and the report. */
  readonly refused: readonly Refusal[];
};

/** Takes what may be taken. An error is a fault of the connection, and nothing changed. */
export type TakeTrustBundle = (api: AnchorApi, input: TrustInput) => Promise<Result<TrustTaken, ClientFault>>;
