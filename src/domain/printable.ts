// Text of a stranger, made fit for a message or a log. Not a check of names (names.ts).

/** At most `most` characters of printable ASCII; every other character becomes a question mark. */
export const printable = (text: string, most = 100): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, most);

/** Without control characters and those that turn the direction of writing: neither moves the cursor of a terminal. */
export const withoutControls = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, '?');

/**
 * One line of at most `most` UTF-16 units, as `Words` of the contract: control characters, and those that turn the
 * direction of writing, become a space, half a character a question mark.
 */
export const oneLine = (text: string, most = 512): string =>
  text
    .replace(/[\x00-\x20\x7f-\x9f\u2028-\u202e\u2066-\u2069]+/g, ' ')
    .slice(0, most)
    .replace(/[\ud800-\udfff]/gu, '?')
    .trim() || '?';
