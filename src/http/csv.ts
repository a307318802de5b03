// Tables as CSV (RFC 4180), for the reports.

/** A header line, and a line for each row; lines end with CRLF. */
export function csv(
  columns: readonly string[],
  rows: readonly (readonly (string | number | boolean | null)[])[],
): string {
  const lines = rows.map((row) => row.map((cell) => csvField(String(cell ?? ''))).join(','));
  return [columns.join(','), ...lines, ''].join('\r\n');
}

/** A field that a spreadsheet would take for a formula begins with an apostrophe. */
function csvField(text: string): string {
  const harmless = /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
