// A fault of keeping data: what failed, where, and what to do next. Not a refusal (those are values, domain/result.ts).

/** Thrown when storage cannot go on. `message` says what, `where` names the file, directory or host, `hint` the next step. */
export class StorageFault extends Error {
  override readonly name = 'StorageFault';
  readonly where: string;
  readonly hint: string;
  constructor(what: string, rest: { readonly where: string; readonly hint: string; readonly cause?: unknown }) {
    super(`${what} (${rest.where})`, rest.cause === undefined ? undefined : { cause: rest.cause });
    this.where = rest.where;
    this.hint = rest.hint;
  }
}

/** The `code` of an error of Node (ENOENT …) or of PostgreSQL (SQLSTATE), if it has one. */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/**
 * Whether a fault of a request passes by itself, rather than being our own mistake: the database is away or full, or two
 * transactions met in a deadlock (40P01) or waited too long for a lock (55P03), and nothing of this one remains.
 */
export const isOutage = (fault: unknown): boolean =>
  /^(?:ECONN|EPIPE|ETIMEDOUT|08|57P|53|40P01$|55P03$)/.test(codeOf(fault) ?? '') ||
  (fault instanceof Error && /timeout acquiring a connection/i.test(fault.message));
