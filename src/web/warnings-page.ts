// The pages of warnings: the list with its filters, and one with what is known, who was told, and what can be done.
import type { WarningResource } from '../domain/warning-wire.ts';
import { conditions } from '../domain/warning.ts';
import { type Html, html, type Printed } from './html.ts';
import type { Frame } from './layout.ts';
import { linkTo } from './link.ts';
import { empty, facts, level, pager, postForm } from './parts.ts';
import { time } from './time.ts';
import { conditionText, principalName, stateText, warningTable } from './warning-parts.ts';

export type WarningsView = {
  readonly state: 'open' | 'closed';
  readonly level: string;
  readonly condition: string;
  readonly device: string;
  readonly warnings: readonly WarningResource[];
  readonly next: string | null;
};

/** The list. */
export function warningsPage(view: WarningsView, { now }: Frame): Html {
  const { state, level: ofLevel, condition, device, warnings, next } = view;
  const isFiltered = ofLevel !== '' || condition !== '' || device !== '';
  const none = isFiltered
    ? 'Nothing of this kind.'
    : state === 'open'
      ? 'All is well: no warning is open.'
      : 'No warning was ever closed.';
  return html`<h1>Warnings</h1>
<form class="inline" method="get" action="/warnings">
${device !== '' && html`<input type="hidden" name="device" value="${device}">`}
<div class="field"><label for="state">State</label>${select('state', ['open', 'closed'], state)}</div>
<div class="field"><label for="level">Level</label>${select('level', ['', 'critical', 'warning'], ofLevel)}</div>
<div class="field"><label for="condition">Condition</label>${select('condition', ['', ...Object.keys(conditions)], condition)}</div>
<button>Show</button>
</form>
${device !== '' && html`<p>Only of one host. <a href="${linkTo('/warnings', {}, { state, level: ofLevel, condition })}">Show all hosts</a></p>`}
${warningTable(warnings, { now, caption: `${state} warnings`, none })}
${pager('/warnings', { state, level: ofLevel, condition, device }, next)}`;
}

const select = (name: string, options: readonly string[], chosen: string): Html =>
  html`<select id="${name}" name="${name}">${options.map(
    (option) =>
      html`<option value="${option}"${option === chosen && html` selected`}>${option === '' ? 'all' : option}</option>`,
  )}</select>`;

/** One warning, with what an admin can do about it. */
export function warningPage(warning: WarningResource, frame: Frame): Html {
  const { now, operator } = frame;
  const isOpen = warning.closedAt === null;
  return html`<p><a href="/warnings">All warnings</a></p>
<h1>${warning.facts.name}</h1>
<p>${level(warning.level)} ${conditionText(warning.condition)}</p>
<p class="lead">${warning.reason}</p>
<div class="cards">
<section class="card"><h2>What is known</h2>${known(warning, now)}</section>
<section class="card"><h2>Who was told</h2>${told(warning, now)}</section>
${isOpen && operator.role === 'admin' && html`<section class="card"><h2>What you can do</h2>${actions(warning, frame)}</section>`}
</div>
${isOpen && operator.role !== 'admin' && html`<p class="muted">An administrator can acknowledge or snooze it.</p>`}`;
}

function known(warning: WarningResource, now: Date): Html {
  const { facts: of, device, acknowledgedAt, acknowledgedBy, snoozedUntil, snoozedBy, note } = warning;
  const { name, hostName, profile, place, certificate, notAfter, lastError, failures, ...more } = of;
  return facts([
    ['State', stateText(warning, now)],
    ['Since', time(warning.openedAt, now)],
    ['At this level since', warning.levelAt !== warning.openedAt && time(warning.levelAt, now)],
    ['Well again', warning.closedAt !== null && time(warning.closedAt, now)],
    [
      'Acknowledged',
      acknowledgedAt !== null && html`${time(acknowledgedAt, now)} by ${principalName(acknowledgedBy ?? '')}`,
    ],
    ['Snoozed until', snoozedUntil !== null && html`${time(snoozedUntil, now)} by ${principalName(snoozedBy ?? '')}`],
    ['Note', note],
    [
      'Host',
      device === null ? hostName : html`<a href="${linkTo('/devices/{id}', { id: device })}">${hostName ?? name}</a>`,
    ],
    ['Profile', profile],
    ['Place', place],
    [
      'Certificate',
      certificate !== undefined &&
        certificate !== '' &&
        html`<a href="${linkTo('/certificates/{cert}', { cert: certificate })}"><code>${certificate.slice(0, 16)}…</code></a>`,
    ],
    ['Ends', notAfter !== undefined && time(notAfter, now)],
    ['Failures in a row', failures],
    [
      'Last error',
      lastError !== undefined &&
        html`${time(lastError.at, now)}<br><strong>${lastError.phase}: ${lastError.reason}</strong><br>${lastError.detail}`,
    ],
    ...Object.entries(more).map(([fact, value]): readonly [string, Printed] => [fact, valueText(value)]),
    ['Subject', html`<code>${warning.subject}</code>`],
  ]);
}

/** A fact of one condition only; what it is made of is shown as it is. */
function valueText(value: unknown): Printed {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number') return value;
  return html`<code>${JSON.stringify(value)}</code>`;
}

const kinds: Readonly<Record<string, string>> = {
  warning: 'warning',
  critical: 'critical',
  wellAgain: 'well again',
};

const kindText = (kind: string): string => kinds[kind] ?? kind.replace(/^([a-z]+):([0-9]+)$/, '$1 $2');

function told(warning: WarningResource, now: Date): Html {
  const lines = warning.told ?? [];
  if (lines.length === 0) return empty('Nobody: no channel is configured for it.');
  return html`<ul class="plain">${lines.map(
    ({ channel, kind, at, deliveredAt }) =>
      html`<li><strong>${channel}</strong>: ${kindText(kind)}, ${
        deliveredAt === null ? html`found ${time(at, now)}, not delivered` : html`delivered ${time(deliveredAt, now)}`
      }</li>\n`,
  )}</ul>`;
}

function actions(warning: WarningResource, frame: Frame): Html {
  const to = (path: `/${string}`): string => linkTo(path, { id: warning.id });
  return html`${
    warning.acknowledgedAt === null &&
    postForm(
      frame,
      to('/warnings/{id}/acknowledgement'),
      html`<label for="ack-note">Note (may be empty)</label>
<input id="ack-note" name="note" maxlength="512" autocomplete="off">
<button class="primary">Acknowledge</button>
<span class="hint">It is not escalated any more. Its end is still told.</span>`,
    )
  }
${postForm(
  frame,
  to('/warnings/{id}/snooze'),
  html`<label for="for">Snooze it for</label>
<select id="for" name="for"><option value="1d">1 day</option><option value="3d">3 days</option><option value="7d">7 days</option><option value="date">until the date below</option></select>
<label for="until">Date (UTC)</label>
<input id="until" name="until" type="date">
<label for="snooze-note">Note (may be empty)</label>
<input id="snooze-note" name="note" maxlength="512" autocomplete="off">
<button>Snooze</button>
<span class="hint">Nothing is told of it meanwhile, unless its level rises. At most 30 days.</span>`,
)}`;
}
