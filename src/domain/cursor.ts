// Where a page of a list ended, as opaque text: the instant and the id of its last item.
import { isSha256Hex, isUuid } from './identifiers.ts';

export type Cursor = { readonly at: Date; readonly id: string };

/** Thrown for a cursor that this service did not make; the edge answers 400. */
export class MalformedCursor extends Error {
  override readonly name = 'MalformedCursor';
  constructor() {
    super('the cursor is not one that this service gave out; start again without one');
  }
}

/** base64url text of a cursor. */
export const encodeCursor = ({ at, id }: Cursor): string =>
  Buffer.from(`${at.toISOString()} ${id}`, 'utf8').toString('base64url');

const idForms = {
  uuid: isUuid,
  sha256: isSha256Hex,
  number: (text: string): boolean => /^[1-9][0-9]{0,17}$/.test(text),
} as const;

/** Reads a cursor of a list whose items have ids of this form; null for none. Throws `MalformedCursor`. */
export function decodeCursor(text: string | undefined, idForm: keyof typeof idForms): Cursor | null {
  if (text === undefined) return null;
  const [instant = '', id = ''] = Buffer.from(text, 'base64url').toString('utf8').split(' ');
  const at = new Date(instant);
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(instant) && !Number.isNaN(at.getTime());
  if (!isWhole || !idForms[idForm](id)) throw new MalformedCursor();
  return { at, id };
}

/** Of rows of which one more than `limit` was asked for: the page, and its last row when more lies behind it. */
export function pageOf<T>(rows: readonly T[], limit: number): { readonly page: readonly T[]; readonly last: T | null } {
  const page = rows.slice(0, limit);
  return { page, last: rows.length > limit ? (page.at(-1) ?? null) : null };
}
