// What one round of keeping holds while it runs, and how that is written down. Shared by the parts of a round alone.
import type { HostReportAnswer } from '../domain/lineage-wire.ts';
import type { DecisionInput } from './keep-decision.ts';
import type { Fault } from './keep-failure.ts';
import type { KeepPorts, KeepServer, KeepTarget } from './keep-ports.ts';
import { type Kept, newRecord, type TargetRecord } from './kept.ts';

/** How urgent a target is; `usual` for the daemon. */
export type Urgency = (target: KeepTarget) => DecisionInput['urgency'];

/** A round at work. */
export type Round = {
  readonly ports: KeepPorts;
  readonly urgency: Urgency;
  readonly targets: readonly KeepTarget[];
  /** As last saved. */
  kept: Kept;
  server: KeepServer | null;
  answer: HostReportAnswer | null;
  /** Targets that a person wanted renewed and that have begun. */
  readonly begun: Set<string>;
  /** The keys of this host are of no use: why. */
  lost: Fault | null;
};

/** Durable when it resolves; the very same state is not written again. */
export async function save(round: Round, kept: Kept): Promise<void> {
  if (kept === round.kept) return;
  await round.ports.save(kept);
  round.kept = kept;
}

/** What is kept of a target. */
export const recordOf = ({ kept }: Round, { name }: KeepTarget): TargetRecord => kept.targets[name] ?? newRecord;
