// Columns of text for people. Scripts take --json.

/** Rows under headings, columns two spaces apart; nothing but the headings when there is no row. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => printable(row[column]).length)));
  return all
    .map((row) =>
      row
        .map((cell, at) => printable(cell).padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Facts about one thing, one on each line; those without a value are left out. */
export function facts(pairs: readonly (readonly [name: string, value: string | null | undefined])[]): string {
  const told = pairs.flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [[name, value] as const],
  );
  const width = Math.max(0, ...told.map(([name]) => name.length));
  return told.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`).join('');
}

/** Names and details come from hosts: nothing in them may move the cursor of a terminal. */
const printable = (text: string | undefined): string => (text ?? '').replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
