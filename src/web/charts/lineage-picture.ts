// The history of a lineage as a picture: a bar for each certificate from its begin to its end, the newest on top, with when
// it was put in place, confirmed and superseded. The table beside it says the same.
import { utcDay } from '../../domain/words.ts';
import { type Html, html, type Printed } from '../html.ts';
import { axis, nowLine, picture, pictureWidth, rounded, timeScale, type TimeScale } from './drawing.ts';
import { hatching } from './lifelines.ts';

export type LineageBar = {
  readonly name: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly issuedAt: Date;
  readonly confirmedAt: Date | null;
  readonly supersededAt: Date | null;
  readonly revokedAt: Date | null;
  readonly isServing: boolean;
};

const [rowHeight, top, left] = [26, 18, 74];

/** Bars for the newest `most` of them. */
export function lineagePicture(id: string, bars: readonly LineageBar[], now: Date): Html {
  const starts = bars.map(({ notBefore }) => notBefore.getTime());
  const ends = bars.map(({ notAfter }) => notAfter.getTime());
  const [from, to] = [new Date(Math.min(now.getTime(), ...starts)), new Date(Math.max(now.getTime(), ...ends))];
  const scale = timeScale(from, to, [left, pictureWidth - 4]);
  const bottom = top + bars.length * rowHeight;
  const description = bars.map(barText).join('; ');
  return picture({ id, title: 'The certificates of the lineage, the newest first', description, height: bottom + 20 }, [
    hatching(id),
    axis(scale, bottom),
    bars.map((bar, at) => row(bar, { scale, y: top + at * rowHeight, id })),
    nowLine(scale, now, bottom),
  ]);
}

function barText({ name, notBefore, notAfter, isServing, confirmedAt, revokedAt }: LineageBar): string {
  const what = [
    ...(isServing ? ['serves now'] : []),
    ...(revokedAt === null ? [] : [`revoked ${utcDay(revokedAt)}`]),
    confirmedAt === null ? 'never confirmed' : `confirmed ${utcDay(confirmedAt)}`,
  ];
  return `${name} from ${utcDay(notBefore)} to ${utcDay(notAfter)}, ${what.join(', ')}`;
}

/** Solid while it served; hatched once another had taken its place or it was revoked. */
function row(bar: LineageBar, { scale, y, id }: { scale: TimeScale; y: number; id: string }): Html {
  const over = earliest([bar.supersededAt, bar.revokedAt]);
  const [begin, end] = [scale.x(bar.notBefore), scale.x(bar.notAfter)];
  const turn = over === null ? end : Math.min(end, Math.max(begin, scale.x(over)));
  const width = (value: number): number => rounded(Math.max(1.5, value));
  return html`<g><title>${barText(bar)}</title>
<text class="chart-small chart-mono${bar.isServing && ' chart-strong'}" x="2" y="${y + 14}">${bar.name.slice(0, 8)}</text>
<rect class="${bar.isServing ? 'chart-bar' : 'chart-bar chart-bar-idle'}" x="${begin}" y="${y + 4}" width="${width(turn - begin)}" height="13"/>
${turn < end && html`<rect class="chart-bar-edge" fill="url(#${id}-hatch)" x="${turn}" y="${y + 4}" width="${width(end - turn)}" height="13"/>`}
${mark(bar, scale, y)}</g>`;
}

/** A disc where it was confirmed, a cross where it was revoked. */
function mark({ confirmedAt, revokedAt }: LineageBar, scale: TimeScale, y: number): Printed {
  const cross = revokedAt === null ? null : scale.x(revokedAt);
  return [
    confirmedAt !== null &&
      html`<circle class="chart-confirmed" cx="${scale.x(confirmedAt)}" cy="${y + 10.5}" r="4.5"/>`,
    cross !== null && html`<path class="chart-revoked" d="M${cross - 5} ${y + 5.5}l10 10m0 -10l-10 10"/>`,
  ];
}

function earliest(instants: readonly (Date | null)[]): Date | null {
  const known = instants.filter((one) => one !== null);
  return known.length === 0 ? null : new Date(Math.min(...known.map((one) => one.getTime())));
}
