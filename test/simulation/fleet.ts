// Who takes part: hosts with their certificates, schedules and luck. Everything is drawn before the clock starts.
import type { Dice } from '../hostile/dice.ts';
import type { KeepTarget } from '../../src/agent/keep-ports.ts';
import { type HostSchedule, hostSchedule } from './schedule.ts';
import type { Interval } from './intervals.ts';

/** A certificate in its place on a host. `lineage` is known to the server from the enrollment on. */
export type FleetTarget = KeepTarget & { readonly lineage: string; readonly isTpmKey: boolean };

export type FleetHost = {
  readonly index: number;
  readonly deviceId: string;
  readonly hostName: string;
  readonly targets: readonly FleetTarget[];
  readonly schedule: HostSchedule;
};

/** A UUID that tells by its first digits what it names. */
export const uuidOf = (kind: number, index: number): string =>
  `${kind.toString(16).padStart(8, '0')}-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;

/** Of the shipped profiles: 90 days in a TPM, 7 days, 24 hours, 30 days. */
export const fleetProfiles = ['devid', 'spire-agents', 'keylime-agent', 'openbao-server'] as const;

type FleetProfile = (typeof fleetProfiles)[number];

/** Every host has a DevID and one certificate more: of a day, of a week, or of a month. */
function profilesOf(index: number): readonly FleetProfile[] {
  if (index % 36 === 3) return ['devid', 'keylime-agent'];
  return ['devid', index % 10 < 3 ? 'spire-agents' : 'openbao-server'];
}

/** One host in ten fetches its certificates when the window opens, and installs them at the instant that was drawn. */
export function makeFleet(dice: Dice, { count, span }: { readonly count: number; readonly span: Interval }) {
  return Array.from({ length: count }, (_, index): FleetHost => {
    const stageEarly = index % 10 === 0;
    return {
      index,
      deviceId: uuidOf(0xde, index),
      hostName: `host-${index}.funlab.casa`,
      targets: profilesOf(index).map((profile, i) => ({
        ...{ name: profile, profile, place: '', hasSpireAgent: false, stageEarly },
        ...{ lineage: uuidOf(0x11, index * 8 + i), isTpmKey: profile === 'devid' },
      })),
      schedule: hostSchedule(dice, span),
    };
  });
}
