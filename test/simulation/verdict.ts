// The verdict on a simulation: from its log to histories, from these to everything that was not as it must be. Says what is
// wrong in words, with host and time; a test wants to hear nothing.
import type { LineageResource } from '../../src/domain/lineage-wire.ts';
import { difference, intersection, type Interval, type Intervals, lengthWithin, union } from './intervals.ts';
import {
  answeredTwice,
  broken,
  judgeCeiling,
  type Lapse,
  lapsesOf,
  type LineageHistory,
  longEnough,
  miscalledRecoveries,
  type Placing,
  type Signing,
  windowStart,
} from './oracle.ts';
import type { OperatorAct, Outcome } from './simulation.ts';

export type Verdict = {
  /** What must not be, one sentence each. */
  readonly faults: readonly string[];
  readonly renewals: number;
  readonly recoveries: number;
  /** Certificates that ended before their successor was there, all of them with a reason. */
  readonly lapses: number;
  /** Of these: the ceiling made the host wait, and it was away in the last tenth. */
  readonly lapsesByCeiling: number;
  /** Host and server had their hour between the begin of the window and the instant that was drawn, and not after it. */
  readonly lapsesBeforeDrawn: number;
  readonly exceptions: number;
  readonly fullHours: number;
  /** At the end. */
  readonly states: ReadonlyMap<string, number>;
  /** Calls of a host within a day: the most of any host with a right clock, and the mean of all. */
  readonly mostCalls: number;
  readonly meanCalls: number;
};

/** Judges everything. */
export function judge(outcome: Outcome): Verdict {
  const histories = historiesOf(outcome);
  const ceiling = judgeCeiling(histories, outcome.ceilingAt);
  const lapses = judgeLapses(outcome, histories);
  const recoveries = histories.flatMap(({ signings }) => signings.filter(({ said }) => said?.isRecovery === true));
  const counted = outcome.audit.get('certificate.recoveredAfterExpiry') ?? 0;
  const calls = judgeCalls(outcome);
  return {
    faults: [
      ...outcome.faults,
      ...lapses.broken.map(lapseWords),
      ...ceiling.exceeded.map(
        ({ at, count, ceiling: most }) => `${time(at)}: ${count} renewals in an hour, not ${most}`,
      ),
      ...ceiling.miscounted.map((one) => `${time(one.at)}: ${one.lineage} is miscounted as to the ceiling`),
      ...miscalledRecoveries(histories).map((one) => `${time(one.at)}: ${one.lineage} is miscalled as a recovery`),
      ...(counted === recoveries.length ? [] : [`${recoveries.length} recoveries, ${counted} in the audit`]),
      ...answeredTwice(histories).map((request) => `two certificates for the request ${request}`),
      ...judgeEnd(outcome, histories),
      ...calls.faults,
    ],
    renewals: outcome.signings.length - histories.length,
    recoveries: recoveries.length,
    ...{ lapses: lapses.all, lapsesByCeiling: lapses.byCeiling, lapsesBeforeDrawn: lapses.beforeDrawn },
    ...{ exceptions: ceiling.exceptions, fullHours: ceiling.full },
    states: countsOf(outcome.lineages.map(({ state }) => state)),
    ...{ mostCalls: calls.most, meanCalls: calls.mean },
  };
}

const time = (at: number): string => new Date(at).toISOString();

const lapseWords = (lapse: Lapse): string =>
  `${lapse.host} ${lapse.profile}: due ${time(lapse.opened)}, ended ${time(lapse.notAfter)}, ` +
  `replaced ${lapse.replacedAt === null ? 'never' : time(lapse.replacedAt)}, together ${Math.round(lapse.together / 1000)} s`;

const countsOf = (names: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
};

/**
 * A certificate's window opens for its host at the instant that was drawn: earlier nobody may come. From then on the next
 * one must be in place. A host that fetches early must have it in hand from the begin of the window on.
 */
function judgeLapses({ server, span, fleet, waits }: Outcome, histories: readonly LineageHistory[]) {
  const early = new Set(
    fleet.flatMap(({ targets }) => targets.filter((one) => one.stageEarly).map((one) => one.lineage)),
  );
  const waited = grouped(waits);
  const isByCeiling = (history: LineageHistory, lapse: Lapse): boolean => {
    const told = waited.get(history.lineage) ?? [];
    if (!told.some(({ at }) => at >= lapse.opened && at <= lapse.notAfter)) return false;
    const signing = history.signings.find(({ notAfter }) => notAfter === lapse.notAfter);
    const lastTenth = lapse.notAfter - (lapse.notAfter - (signing?.notBefore ?? 0)) / 10;
    const together = intersection(history.able, server);
    return lengthWithin(together, { from: lastTenth, to: lapse.notAfter }) < longEnough;
  };
  const found = histories.map((history) => {
    const lapses = lapsesOf(history, { server, span, opening: ({ renewAt }) => renewAt });
    const unfetched = early.has(history.lineage)
      ? lapsesOf({ ...history, placings: history.signings }, { server, span, opening: windowStart })
      : [];
    const wrong = [...broken(lapses), ...broken(unfetched)];
    const sinceBegin = broken(lapsesOf(history, { server, span, opening: windowStart }));
    return {
      all: lapses.length,
      wrong,
      beforeDrawn: sinceBegin.length - broken(lapses).length,
      excused: wrong.filter((lapse) => isByCeiling(history, lapse)),
    };
  });
  return {
    all: found.reduce((sum, { all }) => sum + all, 0),
    beforeDrawn: found.reduce((sum, { beforeDrawn }) => sum + beforeDrawn, 0),
    byCeiling: found.reduce((sum, { excused }) => sum + excused.length, 0),
    broken: found.flatMap(({ wrong, excused }) => wrong.filter((lapse) => !excused.includes(lapse))),
  };
}

/** At the end each lineage is confirmed, or its host had no hour to do what was to be done, or an operator forbade it. */
function judgeEnd({ lineages, server, span, acts, fleet }: Outcome, histories: readonly LineageHistory[]) {
  const known = new Map(histories.map((history) => [history.lineage, history]));
  const early = new Set(
    fleet.flatMap(({ targets }) => targets.filter((one) => one.stageEarly).map((one) => one.lineage)),
  );
  return lineages.flatMap((resource): readonly string[] => {
    const history = known.get(resource.id);
    if (history === undefined) return [`a lineage ${resource.id} that nobody made`];
    const words = `${resource.hostName} ${resource.profile}: at the end ${resource.state} (${resource.reason ?? ''})`;
    const forbidden = forbiddenBy(acts, { deviceId: resource.device, profile: resource.profile });
    if ((resource.state === 'blocked') !== (forbidden !== null)) return [words];
    if (forbidden !== null) return resource.reason?.includes(reasonWords[forbidden]) === true ? [] : [words];
    if ((resource.state === 'late' || resource.state === 'failed') && resource.reason === null) return [words];
    const from = toDoSince(resource, history, early.has(resource.id));
    const together = intersection(history.able, server);
    return lengthWithin(together, { from, to: span.to }) < longEnough ? [] : [`${words}, to do since ${time(from)}`];
  });
}

const reasonWords = { suspend: 'suspended', retire: 'retired', withdrawGrant: 'no grant' } as const;

/** Since when the host has something to do: confirm what it was given, or renew what is due. */
function toDoSince({ newest, renewAt }: LineageResource, { signings }: LineageHistory, isEarly: boolean): number {
  if (newest === null || renewAt === null) return 0;
  if (newest.confirmedAt !== null) return Date.parse(renewAt);
  const issuedAt = Date.parse(newest.issuedAt);
  // What was fetched early waits for the instant that was drawn for the one before.
  return isEarly ? Math.max(issuedAt, signings.at(-2)?.renewAt ?? 0) : issuedAt;
}

/** What an operator forbade, as it stands at the end. */
function forbiddenBy(
  acts: readonly OperatorAct[],
  { deviceId, profile }: { readonly deviceId: string; readonly profile: string },
): keyof typeof reasonWords | null {
  let forbidden: keyof typeof reasonWords | null = null;
  for (const act of acts.toSorted((a, b) => a.at - b.at)) {
    if (act.act === 'pull' || act.deviceId !== deviceId) continue;
    if (act.act === 'withdrawGrant' && act.profile !== profile) continue;
    forbidden = act.act === 'resume' ? null : act.act;
  }
  return forbidden;
}

/** No host asks in a tight loop: once in some minutes while its certificate has ended, once a minute while its clock is wrong. */
function judgeCalls({ calls, fleet, span }: Outcome) {
  const days = (span.to - span.from) / 86_400_000;
  const all = fleet.map(({ hostName, schedule }) => ({
    ...{ hostName, isClockRight: schedule.clockErrors.length === 0, boots: 0, most: 0, all: 0 },
    ...calls.get(hostName),
  }));
  const right = all.filter(({ isClockRight }) => isClockRight);
  return {
    most: Math.max(0, ...right.map(({ most }) => most)),
    mean: all.reduce((sum, one) => sum + one.all, 0) / all.length / days,
    faults: all
      .filter(({ isClockRight, most }) => most > (isClockRight ? 1000 : 2500))
      .map(({ hostName, most }) => `${hostName} called ${most} times in a day`),
  };
}

/** One history for each lineage. */
export function historiesOf(outcome: Outcome): readonly LineageHistory[] {
  const signings = grouped(outcome.signings);
  const placings = grouped(outcome.placings);
  return outcome.fleet.flatMap(({ deviceId, hostName, targets, schedule }) => {
    const running = intersection(schedule.up, difference(outcome.span, union(schedule.clockErrors)));
    return targets.flatMap(({ lineage, profile }): readonly LineageHistory[] => {
      // A host that was never up never enrolled.
      const own = signings.get(lineage);
      if (own === undefined) return [];
      const forbidden = forbiddenTimes(outcome.acts, { deviceId, profile }, outcome.span);
      return [
        {
          ...{ lineage, profile, host: hostName, signings: own, placings: placings.get(lineage) ?? [] },
          able: intersection(running, difference(outcome.span, forbidden)),
        },
      ];
    });
  });
}

function grouped<T extends Pick<Signing | Placing, 'lineage'>>(all: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(one.lineage);
    if (group === undefined) groups.set(one.lineage, [one]);
    else group.push(one);
  }
  return groups;
}

/** When the device was suspended or retired, or had no grant. */
function forbiddenTimes(
  acts: readonly OperatorAct[],
  { deviceId, profile }: { readonly deviceId: string; readonly profile: string },
  span: Interval,
): Intervals {
  const forbidden: Interval[] = [];
  let since: number | null = null;
  for (const act of acts.toSorted((a, b) => a.at - b.at)) {
    if (act.act === 'pull' || act.deviceId !== deviceId) continue;
    if (act.act === 'withdrawGrant' && act.profile !== profile) continue;
    if (act.act !== 'resume') since ??= act.at;
    else if (since !== null) {
      forbidden.push({ from: since, to: act.at });
      since = null;
    }
  }
  return since === null ? forbidden : [...forbidden, { from: since, to: span.to }];
}
