// Pulls the renewal windows of many lineages to now, in batches, because of an incident or a decision. A window only ever
// moves nearer; hosts come by themselves.
import { principalText, type Principal } from '../domain/principal.ts';
import { ordinaryPace, pullBatches } from '../domain/renewal-pull.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type ScopeFilter, scopeFilter, type ScopeReason } from '../domain/rotation-scope.ts';
import type { RenewalPullBody, RenewalPullResource, RotationScope } from '../domain/rotation-wire.ts';
import { wireTime } from '../domain/wire.ts';

/** A lineage of an active device that may still have it, and has a certificate. */
export type LineageOfScope = {
  readonly lineageId: string;
  readonly hostName: string;
  readonly profile: string;
  readonly place: string;
  readonly certificate: string;
  readonly notAfter: Date;
};

/** One pull: each lineage with the instant that it is due by. */
export type Pulling = {
  readonly due: readonly { readonly lineageId: string; readonly at: Date }[];
  readonly scope: RotationScope;
  readonly by: string;
  readonly because: string;
  readonly at: Date;
};

export type PullPorts = {
  readonly lineagesOfScope: (filter: ScopeFilter) => Promise<readonly LineageOfScope[]>;
  /** Moves those that are due later, with a line of the audit; says how many. */
  readonly pullRenewals: (pulling: Pulling) => Promise<number>;
};

export type PullReason = ScopeReason | 'nothingInScope';

/** What was pulled; of a dry run, what would be matched. */
export const pullRenewals =
  (ports: PullPorts) =>
  async (
    body: RenewalPullBody,
    principal: Principal,
    { now }: { readonly now: Date },
  ): Promise<Result<RenewalPullResource, Refusal<PullReason>>> => {
    const { scope, because, dryRun = false } = body;
    const filter = scopeFilter(scope);
    if (!filter.ok) return filter;
    const lineages = await ports.lineagesOfScope(filter.value);
    if (lineages.length === 0) return err(nothingInScope);
    const { batchSize = ordinaryPace.batchSize, batchSeconds = ordinaryPace.batchSeconds } = body;
    const batches = pullBatches(lineages, { batchSize, batchSeconds }, now);
    const due = batches.flatMap(({ at, lineageIds }) => lineageIds.map((lineageId) => ({ lineageId, at })));
    const pulling = { due, scope, because, by: principalText(principal), at: now };
    return ok({
      matched: lineages.length,
      pulled: dryRun ? 0 : await ports.pullRenewals(pulling),
      batches: batches.map(({ at, lineageIds }) => ({ at: wireTime(at), count: lineageIds.length })),
      dryRun,
    });
  };

/** Also of a campaign. */
export const nothingInScope = {
  reason: 'nothingInScope',
  detail: 'no lineage of an active device is in this scope',
  field: 'scope',
  accepted: 'a device, profile, issuer or TPM that some active device has a certificate of',
} as const satisfies Refusal;
