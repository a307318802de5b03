// The expiry report: every certificate in use, nearest end first, with its level. Levels belong to lineages: a
// certificate that was already replaced is not in it. What hosts report and nobody manages is in it too, marked as such.
import { pageOf } from '../domain/cursor.ts';
import { expiryLevel, expiryReason, givenUpAfterSeconds, unmanagedLevel, unmanagedReason } from '../domain/expiry.ts';
import { type ExpiryReport, wireTime } from '../domain/wire.ts';

/** A certificate in use, as the store reports it; or one that only its hosts report, which has no serial number here. */
export type ExpiringCertificate = {
  readonly fingerprint: string;
  readonly deviceId: string | null;
  readonly hostName: string | null;
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
} & (
  | { readonly kind: 'managed'; readonly profile: string; readonly serialNumber: string }
  | {
      readonly kind: 'unmanaged';
      readonly fault: string | null;
      readonly places: readonly { readonly hostName: string; readonly path: string }[];
    }
);

/** Where a page of the report ended. */
export type ExpiryCursor = { readonly notAfter: Date; readonly fingerprint: string };

export type ExpiryPorts = {
  readonly expiringCertificates: (query: {
    readonly endsBy: Date | null;
    readonly after: ExpiryCursor | null;
    readonly limit: number;
    /** Certificates without a lineage that ended before are left out, but for those with a fault. */
    readonly givenUpBefore: Date;
  }) => Promise<readonly ExpiringCertificate[]>;
  readonly expirySummary: (now: Date, givenUpBefore: Date) => Promise<ExpiryReport['summary']>;
};

export type ExpiryQuery = {
  /** Only certificates that end within so many seconds from now (expired ones included), or null for all. */
  readonly withinSeconds: number | null;
  readonly after: ExpiryCursor | null;
  readonly limit: number;
};

/** One page of the report; `next` is null when it is the last. The summary counts everything, not the page. */
export const expiryReport =
  (ports: ExpiryPorts) =>
  async (
    query: ExpiryQuery,
    now: Date,
  ): Promise<{ readonly report: Omit<ExpiryReport, 'next'>; readonly next: ExpiryCursor | null }> => {
    const endsBy = query.withinSeconds === null ? null : new Date(now.getTime() + query.withinSeconds * 1000);
    const givenUpBefore = new Date(now.getTime() - givenUpAfterSeconds * 1000);
    const [rows, summary] = await Promise.all([
      ports.expiringCertificates({ endsBy, after: query.after, limit: query.limit + 1, givenUpBefore }),
      ports.expirySummary(now, givenUpBefore),
    ]);
    const { page, last } = pageOf(rows, query.limit);
    return {
      report: { generatedAt: wireTime(now), summary, items: page.map((row) => reportItem(row, now)) },
      next: last === null ? null : { notAfter: last.notAfter, fingerprint: last.fingerprint },
    };
  };

function reportItem(row: ExpiringCertificate, now: Date): ExpiryReport['items'][number] {
  const common = {
    certificate: row.fingerprint,
    device: row.hostName ?? row.deviceId,
    subject: row.commonName,
    notAfter: wireTime(row.notAfter),
  };
  if (row.kind === 'managed') {
    return {
      ...{ ...common, profile: row.profile, serial: row.serialNumber, managed: true, fault: null, places: [] },
      level: expiryLevel(row, now),
      reason: expiryReason(row, now),
    };
  }
  const { fault, places } = row;
  return {
    ...{ ...common, profile: 'unmanaged', serial: null, managed: false, fault, places },
    level: unmanagedLevel(row, fault, now),
    reason: unmanagedReason(row, fault, now),
  };
}
