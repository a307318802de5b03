// The lives of CAs as a picture: a bar for each from its begin to its end, the root first and what it signed below it, and
// the stretch at the end in which it can no longer sign the longest certificate whole.
import { utcDay } from '../../domain/words.ts';
import { type Html, html, type Printed } from '../html.ts';
import { axis, fitted, nowLine, picture, pictureWidth, rounded, timeScale, type TimeScale } from './drawing.ts';

export type Lifeline = {
  readonly name: string;
  /** 0 for a root, one more for each CA above. */
  readonly depth: number;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Until when it signs the longest lifetime whole; null for one that signs no certificates of hosts. */
  readonly wholeUntil: Date | null;
  readonly isActive: boolean;
};

const [rowHeight, top] = [42, 18];

/** Bars over one scale of time, from the first begin to the last end. */
export function lifelines(id: string, rows: readonly Lifeline[], now: Date): Html {
  const starts = rows.map(({ notBefore }) => notBefore.getTime());
  const ends = rows.map(({ notAfter }) => notAfter.getTime());
  const [from, to] = [new Date(Math.min(now.getTime(), ...starts)), new Date(Math.max(now.getTime(), ...ends))];
  const scale = timeScale(from, to, [16, pictureWidth - 4]);
  const bottom = top + rows.length * rowHeight;
  const description = rows.map(lifeText).join('; ');
  return picture({ id, title: 'How long each CA lives', description, height: bottom + 20 }, [
    hatching(id),
    axis(scale, bottom),
    rows.map((row, at) => bar(row, { scale, y: top + at * rowHeight, id })),
    nowLine(scale, now, bottom),
  ]);
}

const lifeText = ({ name, notBefore, notAfter, wholeUntil }: Lifeline): string =>
  `${name} from ${utcDay(notBefore)} to ${utcDay(notAfter)}${wholeUntil === null ? '' : `, signs whole until ${utcDay(wholeUntil)}`}`;

/** Diagonal lines, so that the stretch is told without color. */
export const hatching = (id: string): Html =>
  html`<defs><pattern id="${id}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="chart-hatch-ground" width="6" height="6"/><line class="chart-hatch" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>`;

function bar(row: Lifeline, { scale, y, id }: { scale: TimeScale; y: number; id: string }): Printed {
  const { notBefore, notAfter, wholeUntil, isActive, depth } = row;
  const [left, right] = [scale.x(notBefore), scale.x(notAfter)];
  const whole = wholeUntil === null ? right : Math.max(left, scale.x(wholeUntil));
  const marks = ['', '└ ', '  └ ', '    └ '];
  const name = fitted(row.name, 46);
  return html`<g><title>${lifeText(row)}</title>
<text class="chart-text${isActive && ' chart-strong'}" x="2" y="${y + 13}" xml:space="preserve">${marks[Math.min(depth, 3)]}${name}${!isActive && ' (not active)'}</text>
<rect class="chart-bar${!isActive && ' chart-bar-idle'}" x="${left}" y="${y + 19}" width="${rounded(Math.max(1, whole - left))}" height="13"/>
${right > whole && html`<rect class="chart-bar-edge" fill="url(#${id}-hatch)" x="${whole}" y="${y + 19}" width="${rounded(right - whole)}" height="13"/>`}</g>`;
}
