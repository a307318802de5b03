// What every picture here is made of: a frame with title and description for those who do not see it, a scale of time, and
// texts that fit. Colors are classes of the style sheet; shapes differ too, so that no picture is told by color alone.
import { type Html, html, type Printed } from '../html.ts';

/** Widths are in units of the picture: it is drawn as wide as its place allows, and no text in it gets too small. */
export const pictureWidth = 480;

export type Picture = {
  /** Unique on its page: other elements refer to it. */
  readonly id: string;
  readonly title: string;
  /** The same in words, in a sentence or two. */
  readonly description: string;
  readonly height: number;
};

/** The picture with its frame. */
export const picture = (
  { id, title, description, height }: Picture,
  content: Printed,
): Html => html`<svg class="picture" role="img" viewBox="0 0 ${pictureWidth} ${height}" aria-labelledby="${id}-title ${id}-desc" preserveAspectRatio="xMinYMin meet">
<title id="${id}-title">${title}</title>
<desc id="${id}-desc">${description}</desc>
${content}
</svg>`;

/** From instants to places on the x axis; what lies outside is drawn at the edge. */
export type TimeScale = {
  readonly from: Date;
  readonly to: Date;
  readonly x: (at: Date) => number;
};

/** A scale between two instants; both the same make an hour. */
export function timeScale(from: Date, to: Date, [left, right]: readonly [number, number]): TimeScale {
  const begin = from.getTime();
  const length = Math.max(to.getTime() - begin, 3_600_000);
  const x = (at: Date): number => {
    const share = Math.min(1, Math.max(0, (at.getTime() - begin) / length));
    return rounded(left + share * (right - left));
  };
  return { from, to: new Date(begin + length), x };
}

/** One decimal is finer than any screen. */
export const rounded = (value: number): number => Math.round(value * 10) / 10;

const hour = 3_600_000;
const day = 24 * hour;

/** Steps between ticks, and how their instants are written. */
const steps = [
  ...[1, 2, 6, 12].map((hours) => ({ length: hours * hour, text: (at: Date) => at.toISOString().slice(11, 16) })),
  ...[1, 2, 7, 14].map((days) => ({ length: days * day, text: (at: Date) => at.toISOString().slice(5, 10) })),
  ...[30, 91, 182].map((days) => ({ length: days * day, text: (at: Date) => at.toISOString().slice(0, 7) })),
  ...[1, 2, 5, 10, 50].map((years) => ({
    length: years * 365.25 * day,
    text: (at: Date) => at.toISOString().slice(0, 4),
  })),
] as const;

/** Ticks of a scale: at most `most`, at round instants. */
export function ticks({ from, to }: TimeScale, most = 5): readonly { readonly at: Date; readonly text: string }[] {
  const length = to.getTime() - from.getTime();
  const step = steps.find((one) => length / one.length <= most) ?? steps[steps.length - 1];
  if (step === undefined) return [];
  return roundInstants(from, to, step.length).map((at) => ({ at, text: step.text(at) }));
}

/** Years and months begin on their first day; shorter steps are counted from the epoch. */
function roundInstants(from: Date, to: Date, length: number): readonly Date[] {
  if (length < 30 * day) {
    const first = Math.ceil(from.getTime() / length) * length;
    const count = Math.max(0, Math.floor((to.getTime() - first) / length) + 1);
    return Array.from({ length: count }, (_, i) => new Date(first + i * length));
  }
  const months = Math.max(1, Math.round(length / (30.44 * day)));
  // Months since the year 2000, in whole steps.
  const begin = (from.getUTCFullYear() - 2000) * 12 + from.getUTCMonth();
  const firsts = Array.from(
    { length: 40 },
    (_, i) => new Date(Date.UTC(2000, (Math.floor(begin / months) + i) * months)),
  );
  return firsts.filter((at) => at >= from && at <= to);
}

/** The axis below a picture: a line, ticks and their texts. */
export const axis = (scale: TimeScale, y: number): Printed =>
  ticks(scale).map(({ at, text }) => {
    const x = scale.x(at);
    const anchor = x > pictureWidth - 24 ? 'end' : x < 24 ? 'start' : 'middle';
    return html`<line class="chart-grid" x1="${x}" y1="0" x2="${x}" y2="${y}"/><text class="chart-small" x="${x}" y="${y + 14}" text-anchor="${anchor}">${text}</text>`;
  });

/** The line of the present. */
export function nowLine(scale: TimeScale, now: Date, height: number): Html {
  const x = scale.x(now);
  const anchor = x > pictureWidth - 24 ? 'end' : x < 24 ? 'start' : 'middle';
  return html`<line class="chart-now" x1="${x}" y1="12" x2="${x}" y2="${height}"/><text class="chart-small chart-now-text" x="${x}" y="9" text-anchor="${anchor}">now</text>`;
}

/** At most `most` characters; what is left out is three dots. Characters, not halves of them. */
export function fitted(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
