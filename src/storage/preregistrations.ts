// Rows of EKs that an admin knew before their hosts called.
import type { Preregistration } from '../domain/device.ts';
import { exceptionOf } from './devices.ts';
import { grantsFrom } from './enrollment-tokens.ts';
import type { Session } from './pool.ts';
import { instant, text } from './row.ts';
import { statement } from './statement.ts';

const insert = statement<readonly unknown[], string>('insert_preregistration.sql', (row) =>
  text(row, 'ek_fingerprint'),
);
const find = statement<[string], Preregistration>('find_preregistration.sql', (row) => ({
  ekFingerprint: text(row, 'ek_fingerprint'),
  hostName: text(row, 'host_name'),
  grants: grantsFrom(row['grants']),
  exception: exceptionOf(row),
  createdBy: text(row, 'created_by'),
  createdAt: instant(row, 'created_at'),
}));

/** Pre-registrations in a database, as enrollment needs them. */
export const preregistrationStore = (db: Session) => ({
  /** False when the EK is pre-registered already. */
  insertPreregistration: async (preregistration: Preregistration): Promise<boolean> => {
    const { ekFingerprint, hostName, grants, exception, createdBy, createdAt } = preregistration;
    const values = [ekFingerprint, hostName, JSON.stringify(grants), exception, createdBy, createdAt];
    return (await insert(db, values)).length === 1;
  },
  findPreregistration: async (ekFingerprint: string): Promise<Preregistration | null> =>
    (await find(db, [ekFingerprint]))[0] ?? null,
});
