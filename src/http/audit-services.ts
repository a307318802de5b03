// What the HTTP edge needs of the audit: to read it.
import type { AuditPage } from '../domain/warning-wire.ts';

export type AuditServices = {
  readonly listAudit: (query: {
    readonly cursor?: string;
    readonly limit: number;
    readonly event?: string;
    readonly principal?: string;
    readonly device?: string;
  }) => Promise<AuditPage>;
};
