// Warnings as pages show them: one line of a list, whom it is about, and what a person has done about it.
import type { WarningResource } from '../domain/warning-wire.ts';
import { conditions } from '../domain/warning.ts';
import { type Html, html } from './html.ts';
import { linkTo } from './link.ts';
import { empty, level } from './parts.ts';
import { distanceText, time } from './time.ts';

/** What is not well, in words. */
export const conditionText = (condition: string): string => {
  const known = Object.entries(conditions).find(([name]) => name === condition);
  return known === undefined ? condition : known[1];
};

/** A principal as people know it: the name of an operator without the id of its token, a host by the beginning of its id. */
export const principalName = (principal: string): string =>
  /^operator:(.+):[0-9a-f-]{36}$/.exec(principal)?.[1] ??
  principal.replace(/^operator:/, '').replace(/^([a-z]+):([0-9a-f]{8})-[0-9a-f-]{27}$/, '$1 $2…');

/** A table of warnings in the order given; each line leads to its page. */
export const warningTable = (
  warnings: readonly WarningResource[],
  { now, caption, none }: { readonly now: Date; readonly caption: string; readonly none: string },
): Html =>
  warnings.length === 0
    ? empty(none)
    : html`<table class="table"><caption class="sr-only">${caption}</caption>
<thead><tr><th scope="col">Level</th><th scope="col">What</th><th scope="col">Why</th><th scope="col">Since</th><th scope="col">State</th></tr></thead>
<tbody>${warnings.map((warning) => line(warning, now))}</tbody></table>`;

const line = (warning: WarningResource, now: Date): Html => html`<tr>
<td>${level(warning.level)}</td>
<th scope="row"><a href="${linkTo('/warnings/{id}', { id: warning.id })}">${warning.facts.name}</a><br><span class="muted thin">${conditionText(warning.condition)}</span></th>
<td>${warning.reason}</td>
<td data-label="Since">${time(warning.openedAt, now)}</td>
<td data-label="State">${stateText(warning, now)}</td>
</tr>
`;

/** `open`, or what somebody did, or that it is over. */
export function stateText(warning: WarningResource, now: Date): string {
  if (warning.closedAt !== null) return `well again ${distanceText(warning.closedAt, now)}`;
  const snoozed = isSnoozed(warning, now) ? `snoozed, ends ${distanceText(warning.snoozedUntil ?? '', now)}` : null;
  const taken = warning.acknowledgedBy === null ? null : `acknowledged by ${principalName(warning.acknowledgedBy)}`;
  return [taken, snoozed].filter((text) => text !== null).join('; ') || 'nobody yet';
}

const isSnoozed = ({ snoozedUntil }: WarningResource, now: Date): boolean =>
  snoozedUntil !== null && new Date(snoozedUntil) > now;

/** Whether nobody has taken it upon himself or snoozed it. */
export const isWaiting = (warning: WarningResource, now: Date): boolean =>
  warning.acknowledgedAt === null && !isSnoozed(warning, now);
