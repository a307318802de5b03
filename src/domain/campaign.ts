// A campaign: the orchestrated replacement of many certificates, pilot hosts first, then waves. Pure: what is planned, and
// what a turn of the scheduler does with it. A release pulls the window of a lineage; its host comes by itself.
import type { CampaignStateName, ErrorBudget, RotationScope } from './rotation-wire.ts';

/** What a person decided; every value is there. */
export type CampaignPlan = {
  readonly scope: RotationScope;
  readonly because: string;
  /** Host names. */
  readonly pilots: readonly string[];
  readonly waveSize: number;
  readonly maxInFlight: Readonly<Record<string, number>>;
  readonly serviceClasses: Readonly<Record<string, string>>;
  readonly errorBudget: ErrorBudget;
  readonly confirmWithinSeconds: number;
};

/** A lineage as a plan sees it. */
export type Candidate = {
  readonly lineageId: string;
  readonly hostName: string;
  readonly profile: string;
  readonly place: string;
  /** Fingerprint of its newest certificate: the one that the campaign replaces. */
  readonly certificate: string;
};

/** Wave 0 are the pilots. */
export type PlannedMember = Candidate & { readonly wave: number; readonly serviceClass: string };

export type MemberState = 'waiting' | 'released' | 'confirmed' | 'failed';

/** A member and what is known of its lineage now. */
export type CampaignMember = {
  readonly lineageId: string;
  readonly wave: number;
  readonly serviceClass: string;
  readonly state: MemberState;
  readonly fromCertificate: string | null;
  readonly releasedAt: Date | null;
  readonly isDeviceActive: boolean;
  readonly newestCertificate: string | null;
  readonly isNewestConfirmed: boolean;
  /** The host says that it failed or rolled back; `at` by the server's clock. */
  readonly failure: { readonly at: Date; readonly detail: string } | null;
};

/** What a decision needs of a campaign. */
export type CampaignFacts = {
  readonly plan: CampaignPlan;
  readonly state: CampaignStateName;
  /** Until then nobody has failed for being late: the servers themselves were away. */
  readonly patientUntil: Date | null;
};

export type Conclusion =
  | { readonly lineageId: string; readonly as: 'confirmed' }
  | { readonly lineageId: string; readonly as: 'failed'; readonly error: string };

/** One turn: what is known of members is written in any case, then exactly one thing happens. */
export type CampaignDecision = { readonly conclude: readonly Conclusion[] } & (
  | { readonly do: 'wait' }
  | { readonly do: 'release'; readonly lineageIds: readonly string[] }
  | { readonly do: 'stop'; readonly reason: string }
  | { readonly do: 'finish' }
);

/** Service class of a profile: its own name, unless the plan says otherwise. */
const classOf = (plan: Pick<CampaignPlan, 'serviceClasses'>, profile: string): string =>
  (Object.hasOwn(plan.serviceClasses, profile) ? plan.serviceClasses[profile] : undefined) ?? profile;

/** The members in the order of their release: pilot hosts whole, then waves by host name. */
export function planCampaign(plan: CampaignPlan, candidates: readonly Candidate[]): readonly PlannedMember[] {
  const pilots = new Set(plan.pilots);
  const sorted = candidates.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  const rest = sorted.filter(({ hostName }) => !pilots.has(hostName));
  const member = (candidate: Candidate, wave: number): PlannedMember => ({
    ...candidate,
    wave,
    serviceClass: classOf(plan, candidate.profile),
  });
  return [
    ...sorted.filter(({ hostName }) => pilots.has(hostName)).map((candidate) => member(candidate, 0)),
    ...rest.map((candidate, i) => member(candidate, 1 + Math.floor(i / plan.waveSize))),
  ];
}

const orderOf = ({ hostName, profile, place, lineageId }: Candidate): string =>
  [hostName, profile, place, lineageId].join('\n');

/** Pilot hosts that have nothing in the scope. */
export const unknownPilots = (plan: CampaignPlan, candidates: readonly Candidate[]): readonly string[] =>
  plan.pilots.filter((pilot) => candidates.every(({ hostName }) => hostName !== pilot));

/** How many members may fail. */
export const allowedFailures = (budget: ErrorBudget, members: number): number =>
  'count' in budget ? budget.count : Math.floor((members * budget.percent) / 100);

/**
 * What to do at an instant. A campaign that is paused or was stopped learns what becomes of what is in flight, and
 * releases nothing. Members that were never released do not use up the error budget.
 */
export function decideCampaign(
  { plan, state, patientUntil }: CampaignFacts,
  members: readonly CampaignMember[],
  now: Date,
): CampaignDecision {
  const judgeLateness = patientUntil === null || now >= patientUntil;
  const conclude = members
    .map((member) => concludeMember(member, { now, plan, judgeLateness }))
    .filter((conclusion) => conclusion !== null);
  const after = withConclusions(members, conclude);
  if (state !== 'running' && state !== 'paused') return { conclude, do: 'wait' };
  const reason = stopReason(plan, after);
  if (reason !== null) return { conclude, do: 'stop', reason };
  if (after.every(isConcluded)) return { conclude, do: 'finish' };
  const lineageIds = state === 'running' ? nextReleases(plan, after) : [];
  return lineageIds.length === 0 ? { conclude, do: 'wait' } : { conclude, do: 'release', lineageIds };
}

type Judging = { readonly now: Date; readonly plan: CampaignPlan; readonly judgeLateness: boolean };

/** Confirmed counts before any failure: a member that came through late came through. */
function concludeMember(member: CampaignMember, judging: Judging): Conclusion | null {
  const { lineageId } = member;
  if (isConcluded(member)) return null;
  if (isReplaced(member) && member.isNewestConfirmed) return { lineageId, as: 'confirmed' };
  if (!member.isDeviceActive) return { lineageId, as: 'failed', error: 'its device is suspended or retired' };
  const error = errorOf(member, judging);
  return error === null ? null : { lineageId, as: 'failed', error };
}

function errorOf({ releasedAt, failure }: CampaignMember, { now, plan, judgeLateness }: Judging): string | null {
  if (releasedAt === null) return null;
  if (failure !== null && failure.at >= releasedAt) return failure.detail;
  const seconds = (now.getTime() - releasedAt.getTime()) / 1000;
  return judgeLateness && seconds > plan.confirmWithinSeconds
    ? `not confirmed within ${plan.confirmWithinSeconds} s of its release`
    : null;
}

const isConcluded = ({ state }: { readonly state: MemberState }): boolean =>
  state === 'confirmed' || state === 'failed';

const isReplaced = ({ newestCertificate, fromCertificate }: CampaignMember): boolean =>
  newestCertificate !== null && newestCertificate !== fromCertificate;

function withConclusions(
  members: readonly CampaignMember[],
  conclusions: readonly Conclusion[],
): readonly CampaignMember[] {
  const by = new Map(conclusions.map((conclusion) => [conclusion.lineageId, conclusion.as]));
  return members.map((member) => ({ ...member, state: by.get(member.lineageId) ?? member.state }));
}

function stopReason(plan: CampaignPlan, members: readonly CampaignMember[]): string | null {
  const failed = members.filter(({ state, releasedAt }) => state === 'failed' && releasedAt !== null).length;
  const allowed = allowedFailures(plan.errorBudget, members.length);
  if (failed > allowed) return `${failed} failed, and ${allowed} may`;
  const pilots = members.filter(({ wave, state }) => wave === 0 && state === 'failed').length;
  return pilots === 0 ? null : `${pilots} of the pilots failed`;
}

/** Of the first wave that is not concluded, as many as each service class has room for. */
function nextReleases(plan: CampaignPlan, members: readonly CampaignMember[]): readonly string[] {
  const wave = Math.min(...members.filter((member) => !isConcluded(member)).map((member) => member.wave));
  const inFlight = new Map<string, number>();
  for (const { state, serviceClass } of members)
    if (state === 'released') inFlight.set(serviceClass, (inFlight.get(serviceClass) ?? 0) + 1);
  const released: string[] = [];
  for (const member of members.filter(({ wave: of, state }) => of === wave && state === 'waiting')) {
    const { serviceClass } = member;
    const flying = inFlight.get(serviceClass) ?? 0;
    if (flying >= limitOf(plan, serviceClass)) continue;
    inFlight.set(serviceClass, flying + 1);
    released.push(member.lineageId);
  }
  return released;
}

const limitOf = ({ maxInFlight }: CampaignPlan, serviceClass: string): number =>
  (Object.hasOwn(maxInFlight, serviceClass) ? maxInFlight[serviceClass] : undefined) ?? Number.POSITIVE_INFINITY;
