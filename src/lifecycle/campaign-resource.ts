// A campaign on the wire.
import type { PlannedMember } from '../domain/campaign.ts';
import type { CampaignResource, FailedMemberResource, MemberCounts, WaveResource } from '../domain/rotation-wire.ts';
import { wireTime } from '../domain/wire.ts';
import type { CampaignRecord } from './campaigns.ts';

/** Members of a wave by state, and the first of its host names. */
export type WaveCounts = Omit<WaveResource, 'total'>;

const hostsShown = 50;

/** The resource. */
export function campaignResource(
  campaign: CampaignRecord,
  waves: readonly WaveCounts[],
  failures: readonly FailedMemberResource[],
): CampaignResource {
  const { id, name, plan, state, stopReason, createdBy, createdAt, changedAt } = campaign;
  const counted = waves.map((wave) => ({ ...wave, hosts: wave.hosts.slice(0, hostsShown), total: totalOf(wave) }));
  return {
    ...{ id, name, state, stopReason },
    ...plan,
    createdBy,
    createdAt: wireTime(createdAt),
    changedAt: wireTime(changedAt),
    members: sumOf(counted),
    waves: counted,
    failures,
  };
}

const totalOf = ({ waiting, released, confirmed, failed }: WaveCounts): number =>
  waiting + released + confirmed + failed;

const sumOf = (waves: readonly MemberCounts[]): MemberCounts => {
  const sum = (member: keyof MemberCounts): number => waves.reduce((total, wave) => total + wave[member], 0);
  return {
    total: sum('total'),
    waiting: sum('waiting'),
    released: sum('released'),
    confirmed: sum('confirmed'),
    failed: sum('failed'),
  };
};

/** The waves of a plan that nothing was done with yet. */
export function wavesOfPlan(members: readonly PlannedMember[]): readonly WaveCounts[] {
  const numbers = [...new Set(members.map(({ wave }) => wave))];
  return numbers.map((wave) => {
    const own = members.filter((member) => member.wave === wave);
    const hosts = [...new Set(own.map(({ hostName }) => hostName))];
    return { wave, waiting: own.length, released: 0, confirmed: 0, failed: 0, hosts };
  });
}
