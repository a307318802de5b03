// The document around every page: head, navigation, who is signed in, and what was just done. No script, no inline style.
import type { OperatorRole } from '../domain/principal.ts';
import { type Html, html, textOf } from './html.ts';
import { type Section, sections } from './navigation.ts';
import { type Notice, noticeTexts } from './notices.ts';

/** Addresses of the files that a page refers to, each with the digest of its content in its name. */
export type Assets = { readonly css: string; readonly icon: string };

/** What every page knows of who reads it and when. Forms carry `csrf`. */
export type Frame = {
  readonly operator: { readonly name: string; readonly role: OperatorRole };
  readonly csrf: string;
  readonly now: Date;
};

export type Document = {
  readonly title: string;
  /** Null for pages of nobody's section. */
  readonly section: Section | null;
  readonly body: Html;
  /** Null before anybody is signed in. */
  readonly frame: Frame | null;
  readonly notice: Notice | null;
  readonly assets: Assets;
};

/** The whole document as text. `body` begins with its own `h1`. */
export function documentText({ title, section, body, frame, notice, assets }: Document): string {
  return textOf(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Book of Omens</title>
<link rel="icon" type="image/svg+xml" href="${assets.icon}">
<link rel="stylesheet" href="${assets.css}">
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="head">
<a class="brand" href="/"><img src="${assets.icon}" alt="" width="24" height="24">Book of Omens</a>
${frame === null ? '' : [navigation(section), whoIsHere(frame)]}
</header>
<main id="main">
${notice === null ? '' : html`<p class="notice" role="status">${noticeTexts[notice]}</p>`}
${body}
</main>
${frame === null ? '' : html`<footer class="foot"><p>As of ${frame.now.toISOString().slice(0, 19).replace('T', ' ')} UTC. All times are UTC.</p></footer>`}
</body>
</html>
`);
}

const navigation = (current: Section | null): Html => html`<nav aria-label="Sections"><ul>
${sections.map(
  ({ path, name }) => html`<li><a href="${path}"${path === current && html` aria-current="page"`}>${name}</a></li>\n`,
)}</ul></nav>`;

const whoIsHere = ({ operator, csrf }: Frame): Html => html`<form class="who" method="post" action="/logout">
<input type="hidden" name="csrf" value="${csrf}">
<span><span class="who-name">${operator.name}</span> <span class="muted">(${operator.role})</span></span>
<button class="quiet">Sign out</button>
</form>`;
