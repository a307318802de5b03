// Lineages that became late, or keep failing, are written down once for each crossing, whoever looks and how often: a
// store takes only what was not told yet. Told again only after the lineage was well in between.
import { type LineageFacts, lineageState } from '../domain/lineage.ts';
import { reasonOf } from '../domain/lineage-resource.ts';
import { everyLineage } from './fleet.ts';
import type { LineageReads } from './records.ts';

/** How a lineage stands towards the thresholds. */
export type Standing = {
  readonly lineageId: string;
  readonly isLate: boolean;
  /** Null when nothing can be said: then it stays as it was. */
  readonly isFailing: boolean | null;
  readonly reason: string;
};

/** What was told now. */
export type Crossing = { readonly lineageId: string; readonly kind: 'late' | 'failed'; readonly reason: string };

export type CrossingPorts = Pick<LineageReads, 'listLineageFacts'> & {
  /** Writes those down that were not told yet, with audit and an alarm, and forgets those that are well; says which are new. */
  readonly recordCrossings: (standings: readonly Standing[], at: Date) => Promise<readonly Crossing[]>;
};

/** A single failure is the host's to repeat; so many are worth a message. */
const failuresTold = 3;

const batch = 500;

/** Looks at every lineage, one batch a transaction, so that a long absence ends in many small steps; says what was new. */
export const recordCrossings =
  (ports: CrossingPorts) =>
  async (now: Date): Promise<readonly Crossing[]> => {
    const told: Crossing[] = [];
    for await (const page of everyLineage(ports, batch)) {
      const standings = page.map((facts) => standingOf(facts, now)).filter((standing) => standing !== null);
      told.push(...(await ports.recordCrossings(standings, now)));
    }
    return told;
  };

/** Null while it is being worked on: it was late or not, and will be seen again. */
function standingOf(facts: LineageFacts, now: Date): Standing | null {
  const state = lineageState(facts, now);
  if (state.kind === 'inProgress') return null;
  const base = { lineageId: facts.id, isLate: state.kind === 'late', reason: reasonOf(state) ?? '' };
  if (state.kind === 'failed') return { ...base, isFailing: state.failures >= failuresTold ? true : null };
  return { ...base, isFailing: state.kind === 'late' && facts.lastError !== null ? null : false };
}
