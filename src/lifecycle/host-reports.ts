// The regular call of a host: what it says of itself is stored, what turned is told, and it hears how its lineages stand
// and when to call again. Nothing that it says grants anything.
import { createHash } from 'node:crypto';
import { callAgainSeconds } from '../domain/call-again.ts';
import {
  type LineageReport,
  lineageReports,
  type ReportEvent,
  reportEvents,
  unmanagedOf,
} from '../domain/host-report.ts';
import type { LineageFacts } from '../domain/lineage.ts';
import { lineageResource } from '../domain/lineage-resource.ts';
import type { HostReportAnswer, HostReportBody, UnmanagedCertificate } from '../domain/lineage-wire.ts';
import { principalText, type Principal } from '../domain/principal.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { wireTime } from '../domain/wire.ts';
import type { LineageReads } from './records.ts';

/** Everything that one report writes. */
export type ReportRecord = {
  readonly deviceId: string;
  readonly principal: string;
  readonly at: Date;
  readonly report: HostReportBody;
  readonly lineages: readonly LineageReport[];
  readonly unmanaged: readonly UnmanagedCertificate[];
};

export type ReportPorts = Pick<LineageReads, 'lineageFactsOfDevice'> & {
  /**
   * One transaction: the report, its lineages, its unmanaged certificates in place of the last ones, and the events that
   * `eventsSince` makes of the last report. A certificate in place that is older than a confirmed newest one reopens the
   * lineage, with an alarm.
   */
  readonly recordReport: (
    record: ReportRecord,
    eventsSince: (before: HostReportBody | null) => readonly ReportEvent[],
  ) => Promise<void>;
  /** 0 for none. */
  readonly newestTrustGeneration: () => Promise<number>;
};

export type ReportReason = 'lineageOfAnotherDevice';

/** Stores a report and answers it. */
export const reportHost =
  (ports: ReportPorts) =>
  async (
    report: HostReportBody,
    principal: Extract<Principal, { readonly kind: 'device' }>,
    { now }: { readonly now: Date },
  ): Promise<Result<HostReportAnswer, Refusal<ReportReason>>> => {
    const { deviceId } = principal;
    const lineages = lineageReports(report, now);
    const own = new Set((await ports.lineageFactsOfDevice(deviceId)).map(({ id }) => id));
    const foreign = lineages.find(({ lineageId }) => !own.has(lineageId));
    if (foreign !== undefined) return err(lineageOfAnotherDevice(foreign.lineageId));
    const record = { deviceId, principal: principalText(principal), at: now, report, lineages };
    await ports.recordReport({ ...record, unmanaged: unmanagedOf(report) }, (before) => reportEvents(before, report));
    const [facts, trustGeneration] = await Promise.all([
      ports.lineageFactsOfDevice(deviceId),
      ports.newestTrustGeneration(),
    ]);
    return ok({
      time: wireTime(now),
      lineages: facts.map((one) => lineageResource(one, now)),
      trustGeneration,
      callAgainSeconds: callAgainSeconds(lifetimesOf(facts), rollOf(deviceId, now)),
    });
  };

const lineageOfAnotherDevice = (lineageId: string): Refusal<ReportReason> => ({
  reason: 'lineageOfAnotherDevice',
  detail: `${lineageId} is no lineage of this host`,
  field: 'targets',
  accepted: 'lineages that GET /v1/devices/self lists',
});

const lifetimesOf = (facts: readonly LineageFacts[]): readonly number[] =>
  facts.flatMap(({ newest, isGranted }) =>
    newest === null || !isGranted ? [] : [(newest.notAfter.getTime() - newest.notBefore.getTime()) / 1000],
  );

/** In [0, 1), the same through one hour. */
function rollOf(deviceId: string, now: Date): number {
  const hour = Math.floor(now.getTime() / 3_600_000);
  return createHash('sha256').update(`${deviceId} ${hour}`).digest().readUInt32BE(0) / 2 ** 32;
}
