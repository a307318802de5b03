// Small pictures within text and tables: a row of numbers as bars, and a whole as its parts. What they show stands beside
// them as text.
import { type Html, html } from './html.ts';

/** Numbers in their order, the last one the newest. */
export function smallBars(numbers: readonly number[], label: string): Html {
  const most = Math.max(1, ...numbers);
  const step = 240 / Math.max(1, numbers.length);
  return html`<svg class="small-bars" viewBox="0 0 240 44" preserveAspectRatio="none" role="img" aria-label="${label}">
<line class="base" x1="0" x2="240" y1="43.5" y2="43.5"/>
${numbers.map((number, at) => {
  const height = number === 0 ? 0 : Math.max(2, (42 * number) / most);
  return height === 0
    ? null
    : html`<rect class="bar-ok" x="${(at * step + step * 0.1).toFixed(2)}" y="${(43 - height).toFixed(2)}" width="${(step * 0.8).toFixed(2)}" height="${height.toFixed(2)}"/>`;
})}
</svg>`;
}

/** A part of a whole; `kind` is how it looks. */
export type Part = { readonly kind: 'ok' | 'going' | 'warning' | 'critical' | 'none'; readonly count: number };

/** A bar of parts, in their order. */
export function share(parts: readonly Part[], label: string): Html {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  let at = 0;
  return html`<svg class="share" viewBox="0 0 200 12" preserveAspectRatio="none" role="img" aria-label="${label}">
<rect class="bar-none" width="200" height="12"/>
${parts.map(({ kind, count }) => {
  const width = total === 0 ? 0 : (200 * count) / total;
  const x = at;
  at += width;
  return width === 0
    ? null
    : html`<rect class="bar-${kind}" x="${x.toFixed(2)}" width="${Math.max(1.5, width - 0.8).toFixed(2)}" height="12"/>`;
})}
</svg>`;
}
