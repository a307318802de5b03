// The list of hosts, with those that wait for a person on top.
import { type DeviceState } from '../domain/device.ts';
import type { HostLine, HostPage } from '../domain/host-view.ts';
import { firmwareText, tpmVendorName } from '../domain/tpm-vendors.ts';
import { type PendingEnrollmentResource, type TpmResource, wireTime } from '../domain/wire.ts';
import { breakable, counts, filterRow, row, table } from './content-parts.ts';
import { type Html, html } from './html.ts';
import { linkTo, type LinkQuery } from './link.ts';
import { empty, level, pager } from './parts.ts';
import { distanceText, time } from './time.ts';

export const hostStates: readonly DeviceState[] = ['active', 'suspended', 'retired'];

export type HostsView = {
  readonly text: string;
  readonly state: DeviceState | null;
  readonly page: HostPage;
  /** What waits for a decision. */
  readonly waiting: readonly PendingEnrollmentResource[];
  readonly now: Date;
};

/** `/devices` */
export function hostsPage(view: HostsView): Html {
  const { text, state, page, waiting, now } = view;
  const query: LinkQuery = { q: text, state };
  const states = [null, ...hostStates].map((one) => ({
    words: one ?? 'any',
    query: { ...query, state: one },
    isOn: one === state,
  }));
  return html`<h1>Devices</h1>
${waiting.length > 0 && waitingList(waiting, now)}
<form class="search" method="get" action="/devices" role="search">
<label class="sr-only" for="q">Part of the name, id, endorsement key or Keylime UUID</label>
<input id="q" name="q" type="search" value="${text}" maxlength="255" placeholder="Part of the name, id, endorsement key, Keylime UUID" autocapitalize="none" spellcheck="false">
${state !== null && html`<input type="hidden" name="state" value="${state}">`}
<button class="primary">Search</button>
${text !== '' && html`<a class="button" href="${linkTo('/devices', {}, { state })}">Clear</a>`}
</form>
${filterRow('State', states, '/devices')}
${
  page.items.length === 0
    ? empty(nothing(view))
    : table(
        'By name.',
        columns,
        page.items.map((line) => hostRow(line, now)),
      )
}
${pager('/devices', query, page.next)}`;
}

function nothing({ text, state }: HostsView): Html {
  if (text !== '' || state !== null) return html`Nothing fits.`;
  return html`No host is enrolled yet. <code>omens tokens create --host NAME</code> prints the command that enrolls one.`;
}

function waitingList(waiting: readonly PendingEnrollmentResource[], now: Date): Html {
  const columns = ['Host', 'TPM', 'Asks for', 'Warnings', 'Lapses'];
  const rows = waiting.map((one) =>
    row(columns, [
      html`<a href="${linkTo('/enrollments/{id}', { id: one.id })}">${breakable(one.hostName)}</a>`,
      tpmText(one.tpm),
      one.profiles.join(', '),
      one.warnings.length === 0
        ? html`<span class="muted">none</span>`
        : one.warnings.map((warning) => html`<div>${level('warning', 'look')} ${warning}</div>`),
      time(one.lapsesAt, now),
    ]),
  );
  return html`<section aria-labelledby="waiting"><h2 id="waiting">Waiting for a decision</h2>
${table('Hosts that proved their TPM and that nobody authorized beforehand.', columns, rows)}</section>
<h2>Enrolled</h2>`;
}

const columns = ['Host', 'State', 'Last seen', 'TPM', 'Certificates', 'Warnings'] as const;

function hostRow(line: HostLine, now: Date): Html {
  const { id, hostName, state, certificates, warnings } = line;
  const { total, warning, critical } = certificates;
  return row(columns, [
    html`<a href="${linkTo('/devices/{id}', { id })}">${breakable(hostName)}</a>`,
    stateOf(state),
    seen(line, now),
    html`${tpmText(line.tpm)}${line.firmware !== null && html` <span class="muted nowrap">${firmwareText(line.firmware)}</span>`}`,
    counts([
      [critical, 'critical', 'critical'],
      [warning, 'warning', 'near the end'],
      [total - warning - critical, 'ok', 'ok'],
    ]),
    counts([
      [warnings.critical, 'critical', 'critical'],
      [warnings.warning, 'warning', warnings.warning === 1 ? 'warning' : 'warnings'],
    ]),
  ]);
}

/** Active is how a host should be; the others are somebody's decision. */
export const stateOf = (state: DeviceState): Html =>
  level(state === 'active' ? 'ok' : state === 'suspended' ? 'warning' : 'neutral', state);

/** When it called, by color, sign and word: the levels are those of the warning that it was not seen. */
function seen({ state, lastSeenAt, notSeen }: HostLine, now: Date): Html {
  const at = wireTime(lastSeenAt);
  const distance = html`<time datetime="${at}">${distanceText(at, now)}</time>`;
  if (state !== 'active') return html`<span class="muted">${distance}</span>`;
  return html`${level(notSeen ?? 'ok', notSeen === null ? 'calls' : notSeen === 'warning' ? 'late' : 'missing')} ${distance}`;
}

/** `Infineon SLB9670` */
function tpmText({ manufacturer, model }: TpmResource): Html {
  const name = tpmVendorName(manufacturer);
  if (name === null) return html`<span class="muted">no EK certificate</span>`;
  return html`${name}${model !== null && ` ${model}`}`;
}
