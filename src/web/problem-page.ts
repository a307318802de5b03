// The page of what did not work: status, what was wrong, what would be accepted, and the number under which the log has it.
import { type Html, html } from './html.ts';

export type ProblemView = {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly denials: readonly { readonly detail: string; readonly accepted: string | null }[];
  readonly requestId: string;
  readonly retryAfterSeconds: number | null;
};

/** One page for every problem; what can be done about it depends on its status. */
export const problemPage = ({
  status,
  title,
  detail,
  denials,
  requestId,
  retryAfterSeconds,
}: ProblemView): Html => html`
<div class="narrow problem">
<p class="problem-status" aria-hidden="true">${status}</p>
<h1>${title}</h1>
${denials.length < 2 && html`<p>${detail}</p>`}
${denials.length > 1 && html`<ul>${denials.map((one) => html`<li>${one.detail}${accepted(one.accepted)}</li>`)}</ul>`}
${denials.length === 1 && denials.map((one) => one.accepted !== null && html`<p>Accepted: ${one.accepted}</p>`)}
<p>${advice(status)}${retryAfterSeconds !== null && ` Try again in ${retryAfterSeconds} s.`}</p>
<p><a class="button" href="/">Go to the overview</a></p>
<p class="muted">Request <code>${requestId}</code></p>
</div>`;

const accepted = (text: string | null): Html | null => (text === null ? null : html` Accepted: ${text}`);

function advice(status: number): string {
  if (status === 403) return 'Go back, or sign in with a token that may do it.';
  if (status === 404) return 'It may have been removed, or the address has a fault.';
  if (status === 409) return 'Somebody else may have changed it meanwhile: go back and look again.';
  if (status === 429) return 'This limit protects the service.';
  if (status === 503)
    return 'The database cannot be reached. Certificates that are in use stay good; nothing new is issued meanwhile. The log of the server and /readyz say what is missing.';
  if (status >= 500) return 'This is a fault of the service. Its log knows more under the number below.';
  return 'Go back and try it again.';
}
