// The fleet at a glance, and the renewals to come. States are those of domain/lineage.ts, decided from the facts of every
// lineage: there is no second way to tell what is late.
import { type Blackout, blackoutAt } from '../domain/blackout.ts';
import type { Cursor } from '../domain/cursor.ts';
import { type DueGroup, forecast } from '../domain/forecast.ts';
import { type LineageFacts, lineageState } from '../domain/lineage.ts';
import { reasonOf } from '../domain/lineage-resource.ts';
import type {
  BlackoutResource,
  CampaignResource,
  FleetResource,
  ForecastResource,
  LateLineageResource,
  StateCounts,
} from '../domain/rotation-wire.ts';
import { wireTime } from '../domain/wire.ts';
import type { LineageReads } from './records.ts';

export type RenewalCounts = Pick<FleetResource['ceiling'], 'usedInLastHour' | 'outsideInLastDay' | 'waiting'>;

export type FleetPorts = Pick<LineageReads, 'listLineageFacts'> & {
  readonly renewalCounts: (now: Date) => Promise<RenewalCounts>;
  readonly openCampaigns: () => Promise<readonly CampaignResource[]>;
  readonly perHour: number;
  readonly blackouts: readonly Blackout[];
};

export type ForecastPorts = {
  /** Lineages of active devices that are due before an instant. What is past is one group a profile and lifetime. */
  readonly dueGroups: (now: Date, before: Date) => Promise<readonly DueGroup[]>;
  readonly perHour: number;
};

const pageSize = 1000;
const mostShown = 100;

/** Every lineage, page after page. */
async function* everyLineage(
  ports: Pick<LineageReads, 'listLineageFacts'>,
  limit: number,
): AsyncGenerator<readonly LineageFacts[]> {
  let after: Cursor | null = null;
  for (;;) {
    const page: readonly LineageFacts[] = await ports.listLineageFacts({
      ...{ deviceId: null, profile: null, after, limit },
    });
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return;
    after = { at: last.createdAt, id: last.id };
  }
}

/** The fleet view. Lineages of retired devices are not in it. */
export const showFleet =
  (ports: FleetPorts) =>
  async (now: Date): Promise<FleetResource> => {
    const byProfile = new Map<string, Counting>();
    const late: LateLineageResource[] = [];
    for await (const page of everyLineage(ports, pageSize)) {
      for (const facts of page) {
        if (facts.deviceState === 'retired') continue;
        const state = lineageState(facts, now);
        const counts = byProfile.get(facts.profile) ?? none();
        counts[state.kind] += 1;
        byProfile.set(facts.profile, counts);
        if (state.kind === 'late') late.push(lateResource(facts, reasonOf(state)));
      }
    }
    const [ceiling, campaigns] = await Promise.all([ports.renewalCounts(now), ports.openCampaigns()]);
    const profiles = [...byProfile].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return {
      generatedAt: wireTime(now),
      states: sumOf(profiles.map(([, counts]) => counts)),
      profiles: profiles.map(([profile, states]) => ({ profile, states })),
      late: late.toSorted((a, b) => ((a.notAfter ?? '') < (b.notAfter ?? '') ? -1 : 1)).slice(0, mostShown),
      ceiling: { perHour: ports.perHour, ...ceiling },
      blackouts: ports.blackouts.map((blackout) => blackoutResource(blackout, now)),
      campaigns,
    };
  };

type Counting = { -readonly [Name in keyof StateCounts]: number };

const none = (): Counting => ({
  ...{ empty: 0, current: 0, windowOpen: 0, inProgress: 0, issued: 0 },
  ...{ installed: 0, failed: 0, late: 0, blocked: 0 },
});

function sumOf(all: readonly StateCounts[]): StateCounts {
  const sum = none();
  for (const counts of all)
    for (const name of Object.keys(sum) as readonly (keyof StateCounts)[]) sum[name] += counts[name];
  return sum;
}

const lateResource = (facts: LineageFacts, reason: string | null): LateLineageResource => ({
  lineage: facts.id,
  device: facts.deviceId,
  hostName: facts.hostName,
  profile: facts.profile,
  place: facts.place,
  notAfter: facts.newest === null ? null : wireTime(facts.newest.notAfter),
  reason,
});

function blackoutResource(blackout: Blackout, now: Date): BlackoutResource {
  const active = blackoutAt([blackout], now) !== null;
  if (blackout.kind === 'span')
    return { kind: 'span', from: wireTime(blackout.from), to: wireTime(blackout.to), active };
  const clock = (minute: number): string =>
    [Math.floor(minute / 60) % 24, minute % 60].map((part) => String(part).padStart(2, '0')).join(':');
  return { kind: 'daily', from: clock(blackout.fromMinute), to: clock(blackout.toMinute), active };
}

/** The forecast. */
export const showForecast =
  (ports: ForecastPorts) =>
  async (days: number, now: Date): Promise<ForecastResource> => {
    const { perHour } = ports;
    const groups = await ports.dueGroups(now, new Date(now.getTime() + days * 86_400_000));
    const { days: items, overCeiling } = forecast(groups, { now, days, perHour });
    return {
      ...{ generatedAt: wireTime(now), days, perHour, items },
      total: items.reduce((total, { renewals }) => total + renewals, 0),
      overCeiling: overCeiling.slice(0, mostShown).map(({ hour, renewals }) => ({ hour: wireTime(hour), renewals })),
    };
  };
