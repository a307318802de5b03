// Text that fits a terminal of a hundred columns: long names are cut in the middle, long reasons go on in the next line, and
// levels have colors where somebody sees them.
import type { ExpiryLevel } from '../domain/expiry.ts';
import { oneLine } from '../domain/printable.ts';

export const columnsOfTerminal = 100;

/** At most `width` characters, with both ends of a longer text. */
export function cutMiddle(text: string, width: number): string {
  const shown = oneLine(text);
  if (shown.length <= width) return shown;
  const head = Math.ceil((width - 1) / 2);
  return `${shown.slice(0, head)}…${shown.slice(shown.length - (width - 1 - head))}`;
}

/** Lines of at most `width` characters, broken between words; a word that is longer is cut. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of oneLine(text, 2048)
    .split(' ')
    .flatMap((one) => one.match(new RegExp(`.{1,${width}}`, 'gu')) ?? [])) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Select Graphic Rendition of ECMA-48. */
const colors = { ok: '32', warning: '33', critical: '1;31' } as const;

/** A text in the color of its level, or as it is. */
export const inColor = (text: string, level: ExpiryLevel, isColorful: boolean): string =>
  isColorful ? `\x1b[${colors[level]}m${text}\x1b[0m` : text;
