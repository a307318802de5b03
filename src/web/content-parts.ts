// Parts that pages of certificates, hosts and CAs share: filters as links, long hex, counts by level.
import { tpmVendorName } from '../domain/tpm-vendors.ts';
import { type Html, html, type Printed } from './html.ts';
import { linkTo, type LinkQuery } from './link.ts';
import { level } from './parts.ts';

/** One row of filters; the one that is on is marked, and each is a link. */
export const filterRow = (
  name: string,
  choices: readonly { readonly words: string; readonly query: LinkQuery; readonly isOn: boolean }[],
  path: `/${string}`,
): Html => html`<div class="filter"><span class="views-name" aria-hidden="true">${name}</span><ul class="views" aria-label="${name}">
${choices.map(({ words, query, isOn }) => html`<li><a href="${linkTo(path, {}, query)}"${isOn && html` aria-current="true"`}>${words}</a></li>\n`)}</ul></div>`;

/** Hex that wraps where it must. */
export const longHex = (hex: string): Html => html`<code class="long">${hex}</code>`;

/** The maker of a TPM with its number, which stands alone where the maker is not known; null without either. */
export function makerText(manufacturer: string | null): Html | null {
  const name = tpmVendorName(manufacturer);
  if (name === null) return null;
  return html`${name}${name !== manufacturer && html` <span class="muted">${manufacturer}</span>`}`;
}

/** Hex in groups of four, to be compared with a console by eye; a screen reader gets it whole. */
export const groupedHex = (hex: string): Html =>
  html`<span class="groups" role="img" aria-label="${hex}">${(hex.match(/.{1,4}/g) ?? []).map((group) => html`<span>${group}</span>`)}</span>`;

/** `3 ok`, `1 warning` …: only what there is. */
export function counts(items: readonly (readonly [count: number, name: string, words: string])[]): Html {
  const some = items.filter(([count]) => count > 0);
  return html`${some.map(([count, name, words]) => html`${level(name, `${count} ${words}`)} `)}${some.length === 0 && html`<span class="muted">none</span>`}`;
}

/** Text of a stranger with places to break it at, so that no word of it makes a table wider than its page. */
export const breakable = (text: string): Printed =>
  text.split(/(?<=[.@/])|(?<=[^\s.@/-]{24})(?=[^\s.@/-])/u).map((part, at) => html`${at > 0 && html`<wbr>`}${part}`);

/** A row of a table. The first cell is its heading; the others carry the names of their columns, for narrow screens. */
export const row = (columns: readonly string[], cells: readonly Printed[]): Html =>
  html`<tr>${cells.map((cell, at) => {
    const shown = typeof cell === 'string' ? breakable(cell) : cell;
    return at === 0 ? html`<th scope="row">${shown}</th>` : html`<td data-label="${columns[at] ?? ''}">${shown}</td>`;
  })}</tr>\n`;

/** A table with a caption; its rows are made by `row` with the same columns. */
export const table = (
  caption: string,
  columns: readonly string[],
  rows: readonly Html[],
): Html => html`<table class="table tight">
<caption>${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>
${rows}</tbody></table>`;
