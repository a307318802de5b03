// What a round of keeping left, for people: one row a target, and what to do about what failed.
import type { RoundOutcome, TargetOutcome } from '../agent/keep-round.ts';
import { stateOf } from '../agent/keep-report.ts';
import type { Failure } from '../agent/kept.ts';
import { wireTime } from '../domain/wire.ts';
import { table } from './table.ts';

/** A sentence for each failure, and its hints. */
export const failuresOf = ({ targets, contact }: Pick<RoundOutcome, 'targets' | 'contact'>): readonly string[] => [
  ...(contact.failure === null ? [] : sentences('service', contact.failure)),
  ...targets.flatMap(({ target, record }) => (record.failure === null ? [] : sentences(target.name, record.failure))),
];

const sentences = (name: string, { error, hints, nextAttemptAt }: Failure): readonly string[] => [
  `${name}: ${error.detail} (${error.phase}, ${error.reason}); next attempt ${nextAttemptAt}`,
  ...hints.map((hint) => `${name}: ${hint}`),
];

/** One row a target. */
export const outcomeTable = ({ targets }: Pick<RoundOutcome, 'targets'>): string =>
  table(['TARGET', 'STATE', 'NOT AFTER', 'NEXT'], targets.map(row));

function row({ target, record, files, decision }: TargetOutcome): readonly string[] {
  const next = 'until' in decision ? wireTime(decision.until) : decision.do;
  return [target.name, stateOf(record, files), files.state === 'inPlace' ? files.notAfter : files.why, next];
}
