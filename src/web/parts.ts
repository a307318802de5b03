// Small parts that many pages are made of: levels, facts, forms that change something, and the way to the next page.
import { type Html, html, type Printed } from './html.ts';
import type { Frame } from './layout.ts';
import { linkTo, type LinkQuery } from './link.ts';

/** A level by color, sign and word; whatever is none of the three is neutral. */
export function level(name: string, words: string = name): Html {
  const known = ['ok', 'warning', 'critical'].includes(name) ? name : 'neutral';
  return html`<span class="level level-${known}">${words}</span>`;
}

/** Names and values, in order; a value of null, false or '' is left out together with its name. */
export const facts = (items: readonly (readonly [name: string, value: Printed])[]): Html => html`<dl class="facts">
${items
  .filter(([, value]) => value !== null && value !== undefined && value !== false && value !== '')
  .map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;

/** A form that changes something: it carries the secret of the session. */
export const postForm = (frame: Frame, action: string, content: Html, style = 'stack'): Html =>
  html`<form class="${style}" method="post" action="${action}"><input type="hidden" name="csrf" value="${frame.csrf}">${content}</form>`;

/** A button alone that changes something. */
export const postButton = (
  frame: Frame,
  action: string,
  button: { readonly words: string; readonly style?: 'primary' | 'danger' },
): Html => postForm(frame, action, html`<button class="${button.style ?? ''}">${button.words}</button>`, 'inline');

/** The way on in a list; nothing at its end. */
export const pager = (path: `/${string}`, query: LinkQuery, next: string | null): Html | null =>
  next === null
    ? null
    : html`<p class="pager"><a class="button" href="${linkTo(path, {}, { ...query, cursor: next })}" rel="next">Next page</a></p>`;

/** What stands where a list has nothing to show. */
export const empty = (words: Printed): Html => html`<p class="empty">${words}</p>`;
