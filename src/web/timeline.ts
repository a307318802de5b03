// The ends of certificates over 90 days as a picture: one bar a day, one a week where there is no room. A level has a color
// and a pattern of its own, and everything stands in a table too.
import type { DayOfEnds, Timeline } from '../domain/overview.ts';
import { counted } from '../domain/words.ts';
import { type Html, html } from './html.ts';

const levels = ['critical', 'warning', 'ok'] as const;

/** One bar: a day or a week. */
type Bar = Readonly<Record<(typeof levels)[number], number>> & {
  /** `26 Nov`, or of a week its first day. */
  readonly label: string;
  /** A word stands below it. */
  readonly isNamed: boolean;
};

type Size = { readonly width: number; readonly height: number; readonly style: string; readonly what: string };

const left = 34;
const bottom = 22;
const top = 10;

/** Picture and table. */
export function timeline({ days, ended }: Timeline): Html {
  const total = days.reduce((sum, day) => sum + totalOf(day), 0);
  const wide = days.map((day, at) => ({ ...day, label: dayName(day.day), isNamed: at % 7 === 0 }));
  return html`<figure class="timeline">
${picture(wide, { width: 960, height: 200, style: 'wide', what: 'day' })}
${picture(weeksOf(days), { width: 360, height: 190, style: 'small', what: 'week' })}
<figcaption>
<ul class="legend">
<li>${swatch('critical')} critical</li><li>${swatch('warning')} near its end</li><li>${swatch('ok')} in good time</li>
</ul>
<p class="muted">${total === 0 ? 'No certificate in use ends within 90 days.' : `${counted(total, 'certificate')} in use ${total === 1 ? 'ends' : 'end'} within 90 days, by the level of each now. Heights grow by the square root.`}
${ended > 0 && html`<strong>${counted(ended, 'certificate')} in use ${ended === 1 ? 'has' : 'have'} ended already.</strong>`}</p>
</figcaption>
${total > 0 && table(days)}
</figure>`;
}

const totalOf = (bar: Readonly<Record<(typeof levels)[number], number>>): number => bar.critical + bar.warning + bar.ok;

function weeksOf(days: readonly DayOfEnds[]): readonly Bar[] {
  return Array.from({ length: Math.ceil(days.length / 7) }, (_, week) => {
    const part = days.slice(week * 7, week * 7 + 7);
    const sum = (level: (typeof levels)[number]): number => part.reduce((all, day) => all + day[level], 0);
    return {
      ...{ critical: sum('critical'), warning: sum('warning'), ok: sum('ok') },
      label: dayName(part[0]?.day ?? ''),
      isNamed: week % 4 === 0,
    };
  });
}

function picture(bars: readonly Bar[], { width, height, style, what }: Size): Html {
  const most = Math.max(1, ...bars.map(totalOf));
  const room = height - top - bottom;
  const heightOf = (number: number): number => (number === 0 ? 0 : Math.max(3, room * Math.sqrt(number / most)));
  const step = (width - left) / bars.length;
  const grid = [...new Set([most, Math.round(most / 4)])].filter((value) => value > 0);
  return html`<svg class="${style}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Certificates that end, by ${what}; the table below has the same numbers">
${patterns(style)}
${grid.map((value) => {
  const y = height - bottom - heightOf(value);
  return html`<line class="grid" x1="${left}" x2="${width}" y1="${y}" y2="${y}"/><text class="axis" x="${left - 6}" y="${y + 4}" text-anchor="end">${value}</text>`;
})}
<line class="base" x1="${left}" x2="${width}" y1="${height - bottom}" y2="${height - bottom}"/>
${bars.map((bar, at) => {
  const x = left + at * step;
  return [
    barOf(bar, { x: x + step * 0.12, width: step * 0.76, y: height - bottom, height: heightOf(totalOf(bar)), style }),
    bar.isNamed && x + 40 < width && html`<text class="axis" x="${x}" y="${height - 6}">${bar.label}</text>`,
  ];
})}
</svg>`;
}

type Place = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly style: string;
};

/** The worst at the bottom; each part is as high as its share. */
function barOf(bar: Bar, { x, y, width, height, style }: Place): Html {
  const total = totalOf(bar);
  let below = y;
  const parts = levels.map((level) => {
    const part = total === 0 ? 0 : (height * bar[level]) / total;
    below -= part;
    return part === 0
      ? null
      : html`<rect class="bar-${level}" x="${round(x)}" y="${round(below)}" width="${round(width)}" height="${round(part)}"/>${
          level !== 'ok' &&
          html`<rect fill="url(#${style}-${level})" x="${round(x)}" y="${round(below)}" width="${round(width)}" height="${round(part)}"/>`
        }`;
  });
  const told = levels.flatMap((level) => (bar[level] === 0 ? [] : [`${bar[level]} ${level}`]));
  return total === 0 ? html`` : html`<g><title>${bar.label}: ${told.join(', ')}</title>${parts}</g>`;
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Stripes of the ground over the color: slanted for what is near its end, crossed for what is critical. */
const patterns = (style: string): Html => html`<defs>
<pattern id="${style}-warning" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="stripe" x1="0" y1="0" x2="0" y2="5"/></pattern>
<pattern id="${style}-critical" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="stripe" x1="0" y1="0" x2="0" y2="6"/><line class="stripe" x1="0" y1="0" x2="6" y2="0"/></pattern>
</defs>`;

const swatch = (level: (typeof levels)[number]): Html =>
  html`<svg class="swatch" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><rect class="bar-${level}" width="16" height="16"/>${level !== 'ok' && html`<rect fill="url(#wide-${level})" width="16" height="16"/>`}</svg>`;

/** `26 Nov` */
function dayName(day: string): string {
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const [, month = '', date = ''] = day.split('-');
  return `${Number(date)} ${months[Number(month) - 1] ?? ''}`;
}

const table = (days: readonly DayOfEnds[]): Html => html`<details><summary>The same as a table</summary>
<table class="table slim"><caption class="sr-only">Certificates in use that end, by day</caption>
<thead><tr><th scope="col">Day</th>${levels.map((level) => html`<th scope="col" class="number">${level}</th>`)}</tr></thead>
<tbody>${days
  .filter((day) => totalOf(day) > 0)
  .map(
    (day) =>
      html`<tr><th scope="row">${day.day}</th>${levels.map((level) => html`<td class="number">${day[level]}</td>`)}</tr>`,
  )}</tbody></table></details>`;
