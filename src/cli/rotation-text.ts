// Campaigns, the fleet view and the forecast for people.
import type {
  CampaignResource,
  ErrorBudget,
  FleetResource,
  ForecastResource,
  RenewalPullResource,
  RotationScope,
  StateCounts,
} from '../domain/rotation-wire.ts';
import { facts, table } from './table.ts';

const stateNames = [
  ...(['current', 'windowOpen', 'inProgress', 'issued', 'installed'] as const),
  ...(['failed', 'late', 'blocked', 'empty'] as const),
] satisfies readonly (keyof StateCounts)[];

/** Such as `profile devid`. */
function scopeText(scope: RotationScope): string {
  if ('tpm' in scope) {
    const { manufacturer, model, firmwareFrom, firmwareTo } = scope.tpm;
    const firmware =
      firmwareFrom === undefined && firmwareTo === undefined
        ? []
        : [`firmware ${firmwareFrom ?? '0.0'} to ${firmwareTo ?? 'the newest'}`];
    return ['TPMs of', manufacturer, ...(model === undefined ? [] : [model]), ...firmware].join(' ');
  }
  return Object.entries(scope)
    .map(([name, value]) => `${name} ${value}`)
    .join('');
}

const budgetText = (budget: ErrorBudget): string =>
  'count' in budget ? `${budget.count} may fail` : `${budget.percent} % may fail`;

/** One campaign: what was decided, its waves, and who failed. */
export function campaignText(campaign: CampaignResource): string {
  const told = facts([
    ['campaign', campaign.name],
    ['id', campaign.id],
    ['state', campaign.stopReason === null ? campaign.state : `${campaign.state}: ${campaign.stopReason}`],
    ['scope', scopeText(campaign.scope)],
    ['because', campaign.because],
    ['error budget', budgetText(campaign.errorBudget)],
    ['confirm within', `${campaign.confirmWithinSeconds} s`],
    ['in flight', pairsText(campaign.maxInFlight)],
    ['classes', pairsText(campaign.serviceClasses)],
    ['planned', `${campaign.createdAt} by ${campaign.createdBy}`],
  ]);
  const waves = campaign.waves.map(({ wave, total, waiting, released, confirmed, failed, hosts }) => [
    wave === 0 ? 'pilots' : String(wave),
    ...[total, waiting, released, confirmed, failed].map(String),
    hosts.length > 5 ? `${hosts.slice(0, 5).join(' ')} …` : hosts.join(' '),
  ]);
  const headings = ['WAVE', 'TOTAL', 'WAITING', 'RELEASED', 'CONFIRMED', 'FAILED', 'HOSTS'];
  const failures = campaign.failures.map(({ hostName, profile, error, at }) => [hostName, profile, at, error]);
  const failed = failures.length === 0 ? '' : `\n${table(['FAILED HOST', 'PROFILE', 'AT', 'WHY'], failures)}`;
  return `${told}\n${table(headings, waves)}${failed}`;
}

const pairsText = (pairs: Readonly<Record<string, string | number>>): string | null =>
  Object.entries(pairs)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ') || null;

/** Campaigns, one a line. */
const campaignTable = (campaigns: readonly CampaignResource[]): string =>
  table(
    ['CAMPAIGN', 'STATE', 'CONFIRMED', 'IN FLIGHT', 'FAILED', 'SCOPE'],
    campaigns.map(({ name, state, members, scope }) => [
      ...[name, state, `${members.confirmed} of ${members.total}`],
      ...[String(members.released), String(members.failed), scopeText(scope)],
    ]),
  );

/** The fleet at a glance. */
export function fleetText({
  generatedAt,
  states,
  profiles,
  late,
  ceiling,
  blackouts,
  campaigns,
}: FleetResource): string {
  const row = (name: string, counts: StateCounts): readonly string[] => [
    name,
    ...stateNames.map((state) => String(counts[state])),
  ];
  const headings = ['PROFILE', ...stateNames.map((state) => state.replace(/([A-Z])/g, ' $1').toUpperCase())];
  const counts = table(headings, [
    ...profiles.map(({ profile, states: own }) => row(profile, own)),
    row('all', states),
  ]);
  const lateRows = late.map(({ hostName, profile, notAfter, reason }) => [
    hostName,
    profile,
    notAfter ?? '',
    reason ?? '',
  ]);
  const blacked = blackouts.filter(({ active }) => active).map(({ to }) => `; none until ${to}`);
  const used = `renewals: ${ceiling.usedInLastHour} of ${ceiling.perHour} in the last hour, ${ceiling.waiting} wait`;
  const parts = [
    counts,
    ...(late.length === 0 ? [] : [table(['LATE', 'PROFILE', 'NOT AFTER', 'WHY'], lateRows)]),
    ...(states.late > late.length ? [`${states.late - late.length} more are late: GET /v1/lineages?state=late\n`] : []),
    ...(campaigns.length === 0 ? [] : [campaignTable(campaigns)]),
    `${used}; ${ceiling.outsideInLastDay} outside the ceiling in 24 h${blacked.join('')}; at ${generatedAt}\n`,
  ];
  return parts.join('\n');
}

/** Renewals a day, and the hours that are too full. */
export function forecastText({ items, total, days, perHour, overCeiling }: ForecastResource): string {
  const rows = items.map(({ day, profile, renewals }) => [day, profile, String(renewals)]);
  const full = overCeiling.map(
    ({ hour, renewals }) => `${hour}: ${renewals} are due, and ${perHour} an hour are admitted\n`,
  );
  return `${table(['DAY', 'PROFILE', 'RENEWALS'], rows)}\n${full.join('')}${total} in ${days} d\n`;
}

/** What a pull did, or would do. */
export function pullText({ matched, pulled, batches, dryRun }: RenewalPullResource): string {
  const rows = batches.map(({ at, count }) => [at, String(count)]);
  const last = dryRun
    ? `${matched} would be pulled; nothing was written`
    : `${pulled} of ${matched} were due later and are pulled`;
  return `${table(['AT', 'LINEAGES'], rows)}\n${last}\n`;
}
