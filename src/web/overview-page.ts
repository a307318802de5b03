// The overview: first what needs a person now, then how everything stands.
import type { Issued, Timeline } from '../domain/overview.ts';
import type { CampaignResource, FleetResource } from '../domain/rotation-wire.ts';
import type { ChannelResource, WarningResource } from '../domain/warning-wire.ts';
import type { PendingEnrollmentResource } from '../domain/wire.ts';
import { smallBars } from './bars.ts';
import { type Html, html } from './html.ts';
import type { Frame } from './layout.ts';
import { linkTo } from './link.ts';
import { level } from './parts.ts';
import { campaignState, memberShare, stateTable } from './rotation-page.ts';
import { distanceText } from './time.ts';
import { timeline } from './timeline.ts';
import { isWaiting, warningTable } from './warning-parts.ts';

export type OverviewView = {
  /** The worst first, the first hundred. */
  readonly warnings: readonly WarningResource[];
  readonly hasMoreWarnings: boolean;
  readonly pending: readonly PendingEnrollmentResource[];
  readonly channels: readonly ChannelResource[];
  readonly fleet: FleetResource;
  /** Campaigns that stopped by themselves and wait for a word. */
  readonly stopped: readonly CampaignResource[];
  readonly timeline: Timeline;
  readonly issued: Issued;
  readonly isIssuerReady: boolean;
};

/** Warnings that are shown here; the rest is behind a link. */
const shownWarnings = 10;

/** The whole page below its head. */
export function overviewPage(view: OverviewView, frame: Frame): Html {
  const { now } = frame;
  return html`<h1>Overview</h1>
${healthLine(view)}
<section aria-labelledby="now"><h2 id="now">What needs a person now</h2>${needsPerson(view, now)}</section>
<section aria-labelledby="ends"><h2 id="ends">What ends in the next 90 days</h2><div class="card">${timeline(view.timeline)}</div></section>
<section aria-labelledby="rotation"><h2 id="rotation">Rotation</h2>${campaigns(view.fleet.campaigns)}${stateTable(view.fleet)}
<p><a href="/rotation">Fleet, forecast and campaigns</a></p></section>
<section aria-labelledby="issued"><h2 id="issued">Issued</h2>${issuedPart(view.issued)}</section>`;
}

function needsPerson(view: OverviewView, now: Date): Html {
  const { pending, channels, stopped } = view;
  const waiting = view.warnings.filter((warning) => isWaiting(warning, now));
  const taken = view.warnings.length - waiting.length;
  const failing = channels.filter(({ failingSince }) => failingSince !== null);
  const lines = [
    ...pending
      .slice(0, 5)
      .map(
        ({ id, hostName, lapsesAt }) =>
          html`<li>${level('warning', 'approval')} <a href="${linkTo('/enrollments/{id}', { id })}">${hostName}</a> waits for approval; it lapses ${distanceText(lapsesAt, now)}.</li>\n`,
      ),
    pending.length > 5 && html`<li><a href="/devices">${pending.length - 5} more wait for approval</a></li>\n`,
    ...stopped.map(
      ({ id, name, stopReason }) =>
        html`<li>${level('critical', 'stopped')} Campaign ${id === null ? name : html`<a href="${linkTo('/rotation/campaigns/{id}', { id })}">${name}</a>`} stopped: ${stopReason}.</li>\n`,
    ),
    ...failing.map(
      ({ name, failingSince, lastError }) =>
        html`<li>${level('critical', 'channel')} ${name} takes no messages, first ${distanceText(failingSince ?? '', now)}${lastError !== null && `: ${lastError}`}.</li>\n`,
    ),
  ].filter((line) => line !== false);
  const rest =
    taken > 0 || view.hasMoreWarnings || waiting.length > shownWarnings
      ? html`<p><a href="/warnings">All warnings</a>${taken > 0 && `; ${taken} acknowledged or snoozed`}.</p>`
      : null;
  if (lines.length === 0 && waiting.length === 0) {
    return html`<div class="well"><p><strong>All is well.</strong> Nothing needs a person now.</p></div>${rest}`;
  }
  return html`${lines.length > 0 && html`<ul class="needs">${lines}</ul>`}
${waiting.length > 0 && warningTable(waiting.slice(0, shownWarnings), { now, caption: 'Open warnings that nobody has taken', none: '' })}${rest}`;
}

function healthLine({ channels, isIssuerReady }: OverviewView): Html {
  const failing = channels.filter(({ failingSince }) => failingSince !== null).length;
  const notifier =
    channels.length === 0
      ? level('warning', 'no channel is configured')
      : failing === 0
        ? level('ok', `${channels.length} ${channels.length === 1 ? 'channel takes' : 'channels take'} messages`)
        : level('critical', `${failing} of ${channels.length} channels take nothing`);
  return html`<ul class="health" aria-label="Health">
<li>Database ${level('ok', 'reached')}</li>
<li>CA ${isIssuerReady ? level('ok', 'can issue') : level('critical', 'cannot issue')}</li>
<li>Notifier ${notifier}</li>
</ul>`;
}

const campaigns = (all: readonly CampaignResource[]): Html | null =>
  all.length === 0
    ? null
    : html`<div class="cards spaced">${all.map(
        (campaign) =>
          html`<section class="card"><h3>${campaign.id === null ? campaign.name : html`<a href="${linkTo('/rotation/campaigns/{id}', { id: campaign.id })}">${campaign.name}</a>`}</h3>
<p>${campaignState(campaign)}</p>${memberShare(campaign.members)}</section>\n`,
      )}</div>`;

function issuedPart({ hours, days }: Issued): Html {
  const sum = (all: Issued['hours']): number => all.reduce((total, { issued }) => total + issued, 0);
  const card = (name: string, what: string, all: Issued['hours']): Html => html`<section class="card"><h3>${name}</h3>
<p class="figure">${sum(all)} <span class="muted">${sum(all) === 1 ? 'certificate' : 'certificates'}</span></p>
${smallBars(
  all.map(({ issued }) => issued),
  `${sum(all)} certificates issued, by ${what}; at most ${Math.max(...all.map(({ issued }) => issued))}`,
)}</section>`;
  return html`<div class="cards">${card('Last 24 hours', 'hour', hours)}${card('Last 30 days', 'day', days)}</div>`;
}
