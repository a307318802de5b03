// The page of the audit: who did what, the newest first.
import { isSha256Hex, isUuid } from '../domain/identifiers.ts';
import type { AuditEventResource } from '../domain/warning-wire.ts';
import { type Html, html, type Printed } from './html.ts';
import type { Frame } from './layout.ts';
import { linkTo } from './link.ts';
import { empty, pager } from './parts.ts';
import { time } from './time.ts';
import { principalName } from './warning-parts.ts';

export type AuditView = {
  readonly event: string;
  readonly principal: string;
  readonly device: string;
  readonly lines: readonly AuditEventResource[];
  readonly next: string | null;
};

/** The list with its filters. */
export function auditPage({ event, principal, device, lines, next }: AuditView, { now }: Frame): Html {
  return html`<h1>Audit</h1>
<form class="inline" method="get" action="/audit">
${field('event', 'Event', { value: event, example: 'certificate.issued, or certificate' })}
${field('principal', 'Who', { value: principal, example: 'operator:ann, device:<id>' })}
${field('device', 'Host (id)', { value: device, example: '' })}
<button>Show</button>
</form>
${lines.length === 0 ? empty(event + principal + device === '' ? 'Nothing was done yet.' : 'Nothing of this kind.') : table(lines, now)}
${pager('/audit', { event, principal, device }, next)}`;
}

const field = (name: string, label: string, { value, example }: { value: string; example: string }): Html =>
  html`<div class="field"><label for="${name}">${label}</label><input id="${name}" name="${name}" value="${value}" maxlength="200" placeholder="${example}" autocomplete="off" autocapitalize="none" spellcheck="false"></div>`;

const table = (lines: readonly AuditEventResource[], now: Date): Html =>
  html`<table class="table"><caption class="sr-only">Events, the newest first</caption>
<thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Who</th><th scope="col">Facts</th></tr></thead>
<tbody>${lines.map(
    (line) => html`<tr><td>${time(line.at, now)}</td>
<th scope="row"><a href="${linkTo('/audit', {}, { event: line.event })}">${line.event}</a></th>
<td>${who(line.principal)}</td>
<td>${factList(line.facts)}</td></tr>
`,
  )}</tbody></table>`;

/** Short names stay on one line. */
function who(principal: string): Html {
  const name = principalName(principal);
  const at = linkTo('/audit', {}, { principal });
  return html`<a class="${name.length < 28 ? 'nowrap' : ''}" href="${at}">${name}</a>`;
}

const factList = (facts: AuditEventResource['facts']): Html =>
  html`<ul class="run small">${Object.entries(facts)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => html`<li><span class="muted">${name}</span> ${valueOf(name, value)}</li>`)}</ul>`;

/** What has a page of its own leads there. */
function valueOf(name: string, value: unknown): Printed {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return html`<code>${JSON.stringify(value).slice(0, 500)}</code>`;
  const shown = shortened(value);
  if (name === 'device' && isUuid(value)) return html`<a href="${linkTo('/devices/{id}', { id: value })}">${shown}</a>`;
  if (name === 'warning' && isUuid(value))
    return html`<a href="${linkTo('/warnings/{id}', { id: value })}">${shown}</a>`;
  if (name === 'certificate' && isSha256Hex(value))
    return html`<a href="${linkTo('/certificates/{cert}', { cert: value })}">${shown}</a>`;
  return shown;
}

/** A digest by its beginning; the API has it whole. */
function shortened(value: string): string {
  if (isSha256Hex(value)) return `${value.slice(0, 12)}…`;
  return value.length > 120 ? `${value.slice(0, 120)}…` : value;
}
