// What the host tells the service of its targets, from what it keeps and what lies there. Pure.
import type { HostReportBody, LineageError, TargetReport } from '../domain/lineage-wire.ts';
import { oneLine } from '../domain/printable.ts';
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
  error: record.failure?.error ?? rollbackByHand(record, files),
  failures: record.failure?.count ?? 0,
  hasSpireAgent: target.hasSpireAgent,
});

/** As many, and as large, as the service takes in one report. */
const most = { targets: 64, listed: 200, octets: 250 * 1024 } as const;

const rank: Readonly<Record<HostReportBody['findings'][number]['level'], number>> = {
  ...{ critical: 0, warning: 1, unknown: 2, ok: 3 },
};

/**
 * The report in the form that the service takes: what programs said becomes one line, so that a hook which prints two
 * does not silence its host; where there is more than is taken, the worst findings and faulty certificates stay.
 */
export function hostReport(body: HostReportBody, listed: number = most.listed): HostReportBody {
  const targets = body.targets.slice(0, most.targets).map((target) => ({
    ...target,
    error: target.error === null ? null : { ...target.error, detail: oneLine(target.error.detail) },
  }));
  const unmanaged = body.unmanaged
    .toSorted((a, b) => Number(a.fault === null) - Number(b.fault === null))
    .slice(0, listed)
    .map((found) => ({
      ...found,
      ...{ path: oneLine(found.path), subject: oneLine(found.subject), issuer: oneLine(found.issuer) },
    }));
  const findings = body.findings
    .toSorted((a, b) => rank[a.level] - rank[b.level])
    .slice(0, listed)
    .map((finding) => ({
      ...finding,
      ...{ detail: oneLine(finding.detail), fix: finding.fix === null ? null : oneLine(finding.fix) },
    }));
  const report = { ...body, targets, unmanaged, findings };
  const isTaken = Buffer.byteLength(JSON.stringify(report)) <= most.octets || listed === 0;
  return isTaken ? report : hostReport(body, Math.floor(listed / 2));
}

/** How a target stands in one word: what is wrong comes before how far things got. */
export function stateOf(record: TargetRecord, files: LocalFiles): TargetReport['state'] {
  const { failure, work } = record;
  if (failure?.pace === 'slow') return 'blocked';
  if (failure !== null && isAfterInstalling(failure.error.phase) && work.step === 'staged') return 'rolledBack';
  if (failure !== null) return 'failed';
  if (files.state !== 'inPlace') return 'missing';
  if (work.step === 'staged') return 'staged';
  if (rollbackByHand(record, files) !== null) return 'rolledBack';
  return work.step === 'installed' ? 'installed' : 'inUse';
}

/** What a person did, told as what it is; null when nobody did, or the files have changed since. */
function rollbackByHand({ rolledBackByHand: back }: TargetRecord, files: LocalFiles): LineageError | null {
  if (back === null || files.state !== 'inPlace' || files.certificate !== back.certificate) return null;
  const detail = `a person put this certificate back${back.instead === null ? '' : ` in place of ${back.instead}`}`;
  return { at: back.at, phase: 'install', reason: 'rolledBackByHand', detail };
}

/** The pair was in place, and a program did not take it. */
const isAfterInstalling = (phase: string): boolean => phase === 'hook' || phase === 'postCheck';
