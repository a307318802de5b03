// What the HTTP edge needs of the reports.
import type { ExpiryLevel } from '../domain/expiry.ts';
import type { DevicesReport, ExpiryReport, IssuanceReport, RotationReport } from '../domain/report-wire.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { Paging } from './services.ts';

/** `within` is seconds from now; what has ended counts. `device` is an id or a host name. */
export type ExpiryReportQuery = Paging & {
  readonly within?: number;
  readonly profile?: string;
  readonly device?: string;
  readonly level?: ExpiryLevel;
  readonly managed?: boolean;
};

export type ReportServices = {
  readonly expiryReport: (
    query: ExpiryReportQuery,
    context: { readonly now: Date },
  ) => Promise<Result<ExpiryReport, Refusal>>;
  /** `within` is how many seconds back. */
  readonly issuanceReport: (within: number, now: Date) => Promise<IssuanceReport>;
  readonly rotationReport: (now: Date) => Promise<RotationReport>;
  readonly devicesReport: (query: Paging, now: Date) => Promise<DevicesReport>;
};
