// What the report of a host changes: whatever turned since its last one is told, and nothing else is. Pure. A host speaks
// of its own lineages only, and nothing that it found on itself grants anything.
import type { HostReportBody, LineageError, TargetReport, UnmanagedCertificate } from './lineage-wire.ts';
import { wireTime } from './wire.ts';

/** A line of the audit. What is not well is warned of by looks, as long as it lasts. */
export type ReportEvent = { readonly event: string; readonly facts: Readonly<Record<string, unknown>> };

/** What is stored with a lineage. */
export type LineageReport = {
  readonly lineageId: string;
  /** Null clears the last one. */
  readonly error: LineageError | null;
  readonly failures: number;
  readonly hasSpireAgent: boolean;
  /** In place, null when there is none that can be read. */
  readonly certificate: string | null;
};

/** The targets that have a lineage, with the instants of their errors by our clock. Of two with one lineage the last counts. */
export function lineageReports(report: HostReportBody, now: Date): readonly LineageReport[] {
  const byLineage = new Map<string, LineageReport>();
  for (const target of report.targets) {
    if (target.lineage === null) continue;
    const said = isHeldByUs(target) ? null : target.error;
    const error = said ?? (isBroken(target) ? unexplained(report.at) : null);
    byLineage.set(target.lineage, {
      lineageId: target.lineage,
      error: error === null ? null : { ...error, at: byOurClock(error.at, report.at, now) },
      failures: error === null ? 0 : Math.max(1, target.failures),
      hasSpireAgent: target.hasSpireAgent,
      certificate: target.certificate,
    });
  }
  return [...byLineage.values()];
}

/** It waits for its attestation, which is no failure of the lineage: that its agent fails is told of the agent. */
const isHeldByUs = ({ error }: TargetReport): boolean => error?.reason === 'attestationFailing';

/** A host that failed and does not say of what. */
const unexplained = (at: string): LineageError => ({
  ...{ at, phase: 'install', reason: 'unexplained' },
  detail: 'its host says that it failed, and not why',
});

const tenYears = 3650 * 86_400_000;

/**
 * The host's clock may be wrong: what counts is how long before its report something was. Never later than now, and not
 * further back than ten years, whatever was written.
 */
function byOurClock(at: string, reportedAt: string, now: Date): string {
  const ago = Date.parse(reportedAt) - Date.parse(at);
  return wireTime(new Date(now.getTime() - (Number.isFinite(ago) ? Math.min(Math.max(0, ago), tenYears) : 0)));
}

/** One certificate a path, of two the last; such as say a time that is none are left out. */
export function unmanagedOf(report: HostReportBody): readonly UnmanagedCertificate[] {
  const readable = report.unmanaged.flatMap((certificate) => {
    const [notBefore, notAfter] = [timeOf(certificate.notBefore), timeOf(certificate.notAfter)];
    return notBefore === null || notAfter === null ? [] : [{ ...certificate, notBefore, notAfter }];
  });
  return [...new Map(readable.map((certificate) => [certificate.path, certificate])).values()];
}

/** A time that a database takes: 30 February becomes a day in March; the year 0 and month 99 become nothing. */
function timeOf(text: string): string | null {
  const instant = new Date(text);
  return Number.isNaN(instant.getTime()) || instant.getUTCFullYear() < 1 ? null : wireTime(instant);
}

/** What turned since the last report; all that is not well when this is the first. */
export function reportEvents(before: HostReportBody | null, report: HostReportBody): readonly ReportEvent[] {
  return [...targetEvents(before, report), ...unmanagedEvents(before, report), ...findingEvents(before, report)];
}

const isBroken = ({ state }: TargetReport): boolean => state === 'failed' || state === 'rolledBack';
const isWell = ({ state, error }: TargetReport): boolean =>
  error === null && (state === 'inUse' || state === 'installed' || state === 'staged');

function targetEvents(before: HostReportBody | null, report: HostReportBody): readonly ReportEvent[] {
  const known = new Map((before?.targets ?? []).map((target) => [target.name, target]));
  return report.targets.flatMap((target): readonly ReportEvent[] => {
    const last = known.get(target.name);
    const { name, profile, place, lineage, certificate, state, error, failures } = target;
    const facts = { target: name, profile, place, lineage, certificate, error, failures };
    if (isBroken(target) || state === 'blocked' || state === 'missing')
      return last?.state === state ? [] : [{ event: `target.${state}`, facts }];
    return last !== undefined && !isWell(last) && isWell(target) ? [{ event: 'target.wellAgain', facts }] : [];
  });
}

function unmanagedEvents(before: HostReportBody | null, report: HostReportBody): readonly ReportEvent[] {
  const key = ({ path, sha256, fault }: UnmanagedCertificate): string => [path, sha256, fault ?? ''].join('\n');
  const known = new Set((before?.unmanaged ?? []).map(key));
  return unmanagedOf(report)
    .filter((certificate) => certificate.fault !== null && !known.has(key(certificate)))
    .map(({ path, sha256, subject, fault }) => ({
      event: 'unmanagedCertificate.faulty',
      facts: { path, sha256, subject, fault },
    }));
}

function findingEvents(before: HostReportBody | null, report: HostReportBody): readonly ReportEvent[] {
  const critical = ({ level }: HostReportBody['findings'][number]): boolean => level === 'critical';
  const known = new Set((before?.findings ?? []).filter(critical).map(({ check }) => check));
  return report.findings
    .filter((finding) => critical(finding) && !known.has(finding.check))
    .map(({ check, detail, fix }) => ({ event: 'host.finding', facts: { check, detail, fix } }));
}
