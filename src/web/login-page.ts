// The page on which an operator signs in. The token goes by POST only, and never comes back in a page.
import { type Html, html } from './html.ts';

export type LoginView = {
  /** Where to go afterwards, on this server. */
  readonly next: string;
  /** Why somebody is here who did not mean to be, or why it did not work. */
  readonly message: string | null;
  /** A link of another site led here: the browser kept the cookie back. */
  readonly mayBeSignedIn: boolean;
};

/** The form, and where a token comes from. */
export const loginPage = ({ next, message, mayBeSignedIn }: LoginView): Html => html`<div class="narrow">
<h1>Sign in</h1>
${message === null ? '' : html`<p class="problem-line" id="why" role="alert">${message}</p>`}
${mayBeSignedIn && html`<p>If you are signed in already: <a href="${next}">go on to the page</a>.</p>`}
<form method="post" action="/login" class="stack">
<input type="hidden" name="next" value="${next}">
<label for="token">Operator token</label>
<input id="token" name="token" type="password" required maxlength="512" autocomplete="current-password" autocapitalize="none" spellcheck="false" autofocus${message !== null && html` aria-describedby="why"`}>
<button class="primary">Sign in</button>
</form>
<p class="muted">An administrator makes a token with <code>omens tokens create --operator NAME --role viewer</code>; the first one was printed by <code>omens init</code>. A session ends after half an hour without use, after twelve hours, or with its token.</p>
</div>`;
