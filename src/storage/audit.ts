// Lines of the audit as they are read; each is written by the statement that does the deed.
import type { RawRow, Session } from './pool.ts';
import { instant, number, text } from './row.ts';
import { statement } from './statement.ts';

type AuditLine = {
  readonly id: number;
  readonly at: Date;
  readonly event: string;
  readonly principal: string;
  readonly facts: Readonly<Record<string, unknown>>;
};

type Filter = {
  readonly after: { readonly at: Date; readonly id: number } | null;
  readonly event: string | null;
  readonly principal: string | null;
  readonly deviceId: string | null;
  readonly limit: number;
};

const list = statement<readonly unknown[], AuditLine>('list_audit.sql', fromRow);

/** The audit of a database. */
export const auditIn = (db: Session) => ({
  listAudit: ({ after, event, principal, deviceId, limit }: Filter): Promise<readonly AuditLine[]> =>
    list(db, [after?.at ?? null, after?.id ?? null, event, principal, deviceId, limit]),
});

function fromRow(row: RawRow): AuditLine {
  return {
    id: number(row, 'id'),
    at: instant(row, 'at'),
    event: text(row, 'event'),
    principal: text(row, 'principal'),
    // Written by us, always an object.
    facts: row['facts'] as AuditLine['facts'],
  };
}
