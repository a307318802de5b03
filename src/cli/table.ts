// Columns of text for people. Scripts take --json. Names and details come from hosts and are cleaned here.
import { withoutControls } from '../domain/printable.ts';

/** Rows under headings, columns two spaces apart; nothing but the headings when there is no row. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => withoutControls(row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, at) => withoutControls(cell).padEnd(widths[at] ?? 0))
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
  return told.map(([name, value]) => `${name.padEnd(width)}  ${withoutControls(value)}\n`).join('');
}
