// Where a page of a list ended, as opaque text: the instant and the id of its last item.

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

/** Reads a cursor; null for none. Throws `MalformedCursor`. */
export function decodeCursor(text: string | undefined): Cursor | null {
  if (text === undefined) return null;
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f-]{1,64})$/.exec(
    Buffer.from(text, 'base64url').toString('utf8'),
  );
  const at = new Date(parts?.[1] ?? NaN);
  if (parts?.[2] === undefined || Number.isNaN(at.getTime())) throw new MalformedCursor();
  return { at, id: parts[2] };
}
