// The pages of rotation: how the fleet stands, what is due, and campaigns. Nothing is decided here.
import type {
  CampaignResource,
  FleetResource,
  ForecastResource,
  LateLineageResource,
  MemberCounts,
  RotationScope,
  StateCounts,
} from '../domain/rotation-wire.ts';
import { type Part, share, smallBars } from './bars.ts';
import { type Html, html } from './html.ts';
import type { Frame } from './layout.ts';
import { linkTo } from './link.ts';
import { empty, facts, level, pager, postButton } from './parts.ts';
import { time, timeText } from './time.ts';
import { principalName } from './warning-parts.ts';

export type RotationView = {
  readonly fleet: FleetResource;
  readonly forecast: ForecastResource;
  readonly campaigns: readonly CampaignResource[];
  /** Cursor of the next campaigns. */
  readonly next: string | null;
};

/** The fleet, the forecast, and every campaign. */
export function rotationPage({ fleet, forecast, campaigns, next }: RotationView, { now }: Frame): Html {
  return html`<h1>Rotation</h1>
<section><h2>How certificates stand</h2>${stateTable(fleet)}</section>
<section><h2>Late</h2>${lateTable(fleet.late, now)}</section>
<section><h2>Campaigns</h2>${campaignTable(campaigns, now)}${pager('/rotation', {}, next)}
<p class="hint">A campaign is planned by <code>omens rotation plan</code>, and started here or there.</p></section>
<section><h2>What is due</h2>${forecastPart(forecast)}</section>
<section><h2>Limits</h2>${limits(fleet)}</section>`;
}

const inTrouble = ({ failed, late, blocked }: StateCounts): number => failed + late + blocked;
const underWay = ({ windowOpen, inProgress, issued, installed }: StateCounts): number =>
  windowOpen + inProgress + issued + installed;

/** A bar of how certificates stand, and the words for it. */
function stateShare(states: StateCounts): Html {
  const words = `${states.current} current, ${underWay(states)} under way, ${inTrouble(states)} in trouble`;
  const parts: readonly Part[] = [
    { kind: 'ok', count: states.current },
    { kind: 'going', count: underWay(states) },
    { kind: 'critical', count: inTrouble(states) },
    { kind: 'none', count: states.empty },
  ];
  return share(parts, words);
}

/** By profile. */
export const stateTable = ({ profiles, states }: Pick<FleetResource, 'profiles' | 'states'>): Html =>
  profiles.length === 0
    ? empty('No host keeps a certificate yet.')
    : html`<table class="table"><caption class="sr-only">Certificates of hosts by profile and state</caption>
<thead><tr><th scope="col">Profile</th><th scope="col">Share</th><th scope="col" class="number">Current</th><th scope="col" class="number">Under way</th><th scope="col" class="number">In trouble</th></tr></thead>
<tbody>${[...profiles, ...(profiles.length > 1 ? [{ profile: 'all', states }] : [])].map(
        (one) => html`<tr><th scope="row">${one.profile}</th><td>${stateShare(one.states)}</td>
<td class="number" data-label="Current">${one.states.current}</td><td class="number" data-label="Under way">${underWay(one.states)}</td>
<td class="number" data-label="In trouble">${inTrouble(one.states) === 0 ? 0 : level('critical', String(inTrouble(one.states)))}</td></tr>
`,
      )}</tbody></table>`;

const lateTable = (late: readonly LateLineageResource[], now: Date): Html =>
  late.length === 0
    ? empty('Nothing is late.')
    : html`<table class="table"><caption class="sr-only">Late certificates, those that end first at the top</caption>
<thead><tr><th scope="col">Host</th><th scope="col">Profile</th><th scope="col">Ends</th><th scope="col">Why</th></tr></thead>
<tbody>${late.map(
        ({ device, hostName, profile, place, notAfter, reason }) => html`<tr>
<th scope="row"><a href="${linkTo('/devices/{id}', { id: device })}">${hostName}</a></th><td>${profile}${place !== '' && html` <span class="muted">(${place})</span>`}</td>
<td data-label="Ends">${time(notAfter, now)}</td><td>${reason}</td></tr>
`,
      )}</tbody></table>`;

const campaignTable = (campaigns: readonly CampaignResource[], now: Date): Html =>
  campaigns.length === 0
    ? empty('There was no campaign yet.')
    : html`<table class="table"><caption class="sr-only">Campaigns, the newest first</caption>
<thead><tr><th scope="col">Name</th><th scope="col">State</th><th scope="col">Members</th><th scope="col">Changed</th></tr></thead>
<tbody>${campaigns.map((campaign) => campaignLine(campaign, now))}</tbody></table>`;

const campaignLine = (campaign: CampaignResource, now: Date): Html => html`<tr>
<th scope="row">${campaign.id === null ? campaign.name : html`<a href="${linkTo('/rotation/campaigns/{id}', { id: campaign.id })}">${campaign.name}</a>`}</th>
<td>${campaignState(campaign)}</td><td>${memberShare(campaign.members)}</td><td data-label="Changed">${time(campaign.changedAt, now)}</td></tr>
`;

/** Its state; one that stopped says why. */
export const campaignState = ({ state, stopReason }: Pick<CampaignResource, 'state' | 'stopReason'>): Html => {
  const looks = { planned: 'neutral', running: 'ok', paused: 'warning', stopped: 'critical', finished: 'neutral' };
  return html`${level(looks[state], state)}${stopReason !== null && html` ${stopReason}`}`;
};

/** How far its members are. */
export function memberShare({ total, waiting, released, confirmed, failed }: MemberCounts): Html {
  const words = `${confirmed} of ${total} confirmed${failed > 0 ? `, ${failed} failed` : ''}`;
  const parts: readonly Part[] = [
    { kind: 'ok', count: confirmed },
    { kind: 'critical', count: failed },
    { kind: 'going', count: released },
    { kind: 'none', count: waiting },
  ];
  return html`${share(parts, words)}<br><span class="muted">${words}</span>`;
}

function forecastPart({ items, total, days, overCeiling, perHour }: ForecastResource): Html {
  if (total === 0) return empty(`Nothing is due within ${days} days.`);
  const byDay = new Map<string, number>();
  for (const { day, renewals } of items) byDay.set(day, (byDay.get(day) ?? 0) + renewals);
  return html`<p>${total} renewals are due within ${days} days.
${overCeiling.length > 0 && html`${level('warning', `${overCeiling.length} hours`)} have more than the ${perHour} an hour that are allowed, the first at ${timeText(overCeiling[0]?.hour ?? '')}.`}</p>
${smallBars([...byDay.values()], `Renewals by day, ${total} within ${days} days`)}
<details><summary>By day</summary><table class="table slim"><caption class="sr-only">Renewals by day</caption>
<thead><tr><th scope="col">Day</th><th scope="col" class="number">Renewals</th></tr></thead>
<tbody>${[...byDay].map(([day, renewals]) => html`<tr><th scope="row">${day}</th><td class="number">${renewals}</td></tr>`)}</tbody></table></details>`;
}

function limits({ ceiling, blackouts }: FleetResource): Html {
  return facts([
    ['Renewals in the last hour', `${ceiling.usedInLastHour} of ${ceiling.perHour}`],
    ['Hosts that were told to wait', ceiling.waiting],
    ['Past the limit in the last day', ceiling.outsideInLastDay],
    [
      'Blackouts',
      blackouts.length === 0
        ? 'none'
        : html`<ul class="plain">${blackouts.map(
            ({ kind, from, to, active }) =>
              html`<li>${kind === 'daily' ? 'each day ' : ''}${from} to ${to}${active && html` ${level('warning', 'now')}`}</li>`,
          )}</ul>`,
    ],
  ]);
}

/** One campaign, with its waves. */
export function campaignPage(campaign: CampaignResource, frame: Frame): Html {
  const { now } = frame;
  return html`<p><a href="/rotation">Rotation</a></p>
<h1>${campaign.name}</h1>
<p>${campaignState(campaign)}</p>
${frame.operator.role === 'admin' && campaign.id !== null && campaignActions(campaign, campaign.id, frame)}
<div class="cards">
<section class="card"><h2>Plan</h2>${facts([
    ['Because', campaign.because],
    ['Of', scopeText(campaign.scope)],
    ['Members', memberShare(campaign.members)],
    ['Pilots', campaign.pilots.join(', ')],
    ['In a wave', campaign.waveSize],
    ['Errors that stop it', errorBudgetText(campaign.errorBudget)],
    ['Planned', html`${time(campaign.createdAt, now)} by ${principalName(campaign.createdBy)}`],
    ['Changed', time(campaign.changedAt, now)],
  ])}</section>
<section class="card"><h2>Waves</h2>${waves(campaign)}</section>
</div>
<section><h2>Failed</h2>${failures(campaign, now)}</section>`;
}

const errorBudgetText = (budget: CampaignResource['errorBudget']): string =>
  'count' in budget ? `more than ${budget.count}` : `more than ${budget.percent} % of all`;

function scopeText(scope: RotationScope): string {
  if ('device' in scope) return `one host: ${scope.device}`;
  if ('profile' in scope) return `profile ${scope.profile}`;
  if ('issuer' in scope) return `certificates of the CA ${scope.issuer.slice(0, 16)}…`;
  const { manufacturer, model, firmwareFrom, firmwareTo } = scope.tpm;
  return `TPMs of ${[manufacturer, model, firmwareFrom, firmwareTo].filter((part) => part !== undefined).join(' ')}`;
}

/** What its state allows. */
function campaignActions({ state }: CampaignResource, id: string, frame: Frame): Html {
  const to = (deed: 'start' | 'pause' | 'resume'): string => linkTo(`/rotation/campaigns/{id}/${deed}`, { id });
  return html`<div class="actions">
${state === 'planned' && postButton(frame, to('start'), { words: 'Start', style: 'primary' })}
${state === 'running' && postButton(frame, to('pause'), { words: 'Pause' })}
${(state === 'paused' || state === 'stopped') && postButton(frame, to('resume'), { words: 'Resume', style: 'primary' })}
</div>`;
}

const waves = ({ waves: all }: CampaignResource): Html =>
  all.length === 0
    ? empty('It has no members.')
    : html`<table class="table"><caption class="sr-only">Waves in their order</caption>
<thead><tr><th scope="col">Wave</th><th scope="col">Members</th><th scope="col">Hosts</th></tr></thead>
<tbody>${all.map(
        ({ wave, hosts, ...members }) =>
          html`<tr><th scope="row">${wave === 0 ? 'pilots' : wave}</th><td>${memberShare(members)}</td><td>${hosts.join(', ')}</td></tr>`,
      )}</tbody></table>`;

const failures = ({ failures: all }: CampaignResource, now: Date): Html =>
  all.length === 0
    ? empty('No member has failed.')
    : html`<table class="table"><caption class="sr-only">Members that failed</caption>
<thead><tr><th scope="col">Host</th><th scope="col">Profile</th><th scope="col">Error</th><th scope="col">When</th></tr></thead>
<tbody>${all.map(
        ({ hostName, profile, place, error, at }) =>
          html`<tr><th scope="row">${hostName}</th><td>${profile}${place !== '' && ` (${place})`}</td><td>${error}</td><td>${time(at, now)}</td></tr>`,
      )}</tbody></table>`;
