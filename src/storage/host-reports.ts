// The last report of each host, and what it found on itself. What turned between two reports is decided by the caller.
import { standardExpiry } from '../domain/expiry.ts';
import type { LineageReport, ReportEvent } from '../domain/host-report.ts';
import type { HostReportBody, UnmanagedCertificate } from '../domain/lineage-wire.ts';
import { expiryInstants, type WarningPolicy } from '../domain/warning-policy.ts';
import type { Database } from './pool.ts';
import { number } from './row.ts';
import { keepServingIn, lockLineagesOfDeviceIn } from './serving.ts';
import { statement } from './statement.ts';

// Written by us, after the contract had checked it.
const last = statement<[string], HostReportBody>('last_report.sql', (row) => row['report'] as HostReportBody);
const record = statement<readonly unknown[], number>('record_report.sql', (row) => number(row, 'reopened'));
const trustGeneration = statement<[], number>('newest_trust_generation.sql', (row) => number(row, 'generation'));

type ExpiryPolicy = Pick<WarningPolicy, 'expiry'>;

/** With the levels of what nobody keeps; where the policy changes they follow with the next report. */
const withLevels = (certificate: UnmanagedCertificate, policy: ExpiryPolicy) => {
  const validity = { notBefore: new Date(certificate.notBefore), notAfter: new Date(certificate.notAfter) };
  return { ...certificate, ...expiryInstants(policy, { ...validity, profile: 'unmanaged', renewsItself: false }) };
};

/** Reports in a database, as lifecycle/host-reports.ts needs them. */
export const hostReportStore = (db: Database, policy: ExpiryPolicy = standardExpiry) => ({
  recordReport: (
    said: {
      readonly deviceId: string;
      readonly principal: string;
      readonly at: Date;
      readonly report: HostReportBody;
      readonly lineages: readonly LineageReport[];
      readonly unmanaged: readonly UnmanagedCertificate[];
    },
    eventsSince: (before: HostReportBody | null) => readonly ReportEvent[],
  ): Promise<void> =>
    db.transaction(async (tx) => {
      const { deviceId, at, report, principal } = said;
      const [before = null] = await last(tx, [deviceId]);
      const own = await lockLineagesOfDeviceIn(tx, deviceId);
      const lineages = said.lineages.map((lineage) => ({
        id: lineage.lineageId,
        error: lineage.error,
        failures: lineage.failures,
        spire: lineage.hasSpireAgent,
        certificate: lineage.certificate,
      }));
      const events = eventsSince(before);
      const unmanaged = said.unmanaged.map((certificate) => withLevels(certificate, policy));
      const json = [lineages, unmanaged, events].map((rows) => JSON.stringify(rows));
      const [reopened = 0] = await record(tx, [
        ...[deviceId, at, report.agentVersion, JSON.stringify(report), ...json, principal],
      ]);
      if (reopened > 0) await keepServingIn(tx, own);
    }),
  /** Generation of the newest trust bundle; 0 for none. */
  newestTrustGeneration: async (): Promise<number> => (await trustGeneration(db, []))[0] ?? 0,
});
