// How instants and counts are said. Instants are absolute: what stands in a warning stays the same from look to look.

/** `2026-02-12 14:05 UTC`. */
export const utcMinute = (instant: Date): string => `${instant.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** `2026-02-12`. */
export const utcDay = (instant: Date): string => instant.toISOString().slice(0, 10);

/** `1 host`, `3 hosts`. */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;
