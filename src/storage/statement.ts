// Names and types the statements of sql/queries, one per file. No SQL is written or assembled here.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageFault } from './fault.ts';
import type { RawRow, Session, Statements } from './pool.ts';

/** The file names that modules have declared by `statement`, so that a missing file stops the boot. */
const declared = new Set<string>();

/**
 * Reads every `*.sql` of a directory, as it stands. Throws when a declared statement is missing: call it after the
 * record modules are imported, and hand the result to `openPool`.
 */
export async function loadStatements(directory: string): Promise<Statements> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  const statements = new Map(names.map((name, i) => [name, texts[i] ?? '']));
  const missing = [...declared].filter((name) => !statements.has(name)).toSorted();
  if (missing.length === 0) return statements;
  throw new StorageFault(`statements are missing: ${missing.join(', ')}`, {
    where: directory,
    hint: 'this installation is incomplete: install it again, sql/queries included',
  });
}

/**
 * A typed function for one file of sql/queries, for example `statement<[now: Date, limit: number], Due>('claim_due.sql',
 * fromRow)`. `fromRow` checks and renames one row; its errors are faults. PostgreSQL keeps 63 octets of the name.
 */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names Params
export function statement<Params extends readonly unknown[], Row>(
  name: string,
  fromRow: (row: RawRow) => Row,
): (db: Session, params: Params) => Promise<readonly Row[]> {
  if (!/^[a-z][a-z0-9_]{0,58}\.sql$/.test(name)) throw new Error(`not a name of a statement: ${name}`);
  declared.add(name);
  return async (db, params) => (await db.execute(name, params)).map(fromRow);
}
