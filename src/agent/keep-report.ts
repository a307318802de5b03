// What the host tells the service of its targets, from what it keeps and what lies there. Pure.
import type { TargetReport } from '../domain/lineage-wire.ts';
import type { LocalFiles } from './keep-decision.ts';
import type { KeepTarget } from './keep-ports.ts';
import type { TargetRecord } from './kept.ts';

/** One target, as it stands. */
export const targetReport = (target: KeepTarget, record: TargetRecord, files: LocalFiles): TargetReport => ({
  name: target.name,
  profile: target.profile,
  place: target.place,
  lineage: record.lineage,
  certificate: files.state === 'inPlace' ? files.certificate : null,
  state: stateOf(record, files),
  error: record.failure?.error ?? null,
  failures: record.failure?.count ?? 0,
  hasSpireAgent: target.hasSpireAgent,
});

/** How a target stands in one word: what is wrong comes before how far things got. */
export function stateOf({ failure, work }: TargetRecord, files: LocalFiles): TargetReport['state'] {
  if (failure?.pace === 'slow') return 'blocked';
  if (failure !== null && isAfterInstalling(failure.error.phase) && work.step === 'staged') return 'rolledBack';
  if (failure !== null) return 'failed';
  if (files.state !== 'inPlace') return 'missing';
  if (work.step === 'staged') return 'staged';
  return work.step === 'installed' ? 'installed' : 'inUse';
}

/** The pair was in place, and a program did not take it. */
const isAfterInstalling = (phase: string): boolean => phase === 'hook' || phase === 'postCheck';
