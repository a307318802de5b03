// Durations as people write them in a query or an option: one number, one unit. Not ISO 8601.

const secondsPerUnit: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Text form of a duration, for schemas and messages. */
export const durationForm = '^[0-9]{1,6}[smhdw]$';

/** Seconds of `90s`, `15m`, `12h`, `30d` or `2w`; null for anything else, and above one hundred years. */
export function parseDuration(text: string): number | null {
  const found = /^([0-9]{1,6})([smhdw])$/.exec(text);
  const unit = secondsPerUnit[found?.[2] ?? ''];
  if (found === null || unit === undefined) return null;
  const seconds = Number(found[1]) * unit;
  return seconds <= 36_525 * 86_400 ? seconds : null;
}
