// How the channels of the notifier stand, as a look sees them: one that fails is told on the others. Pure.
import { channelSubject } from './look.ts';
import type { Standing, WarningLevel } from './warning.ts';
import { utcMinute } from './words.ts';

/** A shorter failure is repaired by repeating. Seconds. */
const warningAfter = 300;
const criticalAfter = 3600;

/** A message that was refused for good is told for so long. Seconds. */
export const refusalToldSeconds = 86_400;

type ChannelFacts = {
  readonly channel: string;
  readonly failingSince: Date | null;
  readonly lastError: string | null;
  readonly waiting: number;
  readonly refusedAt: Date | null;
};

/** The standings of channels that take nothing, or refused a message. */
export const channelStandings = (states: readonly ChannelFacts[], now: Date): readonly Standing[] =>
  states.flatMap((state) => {
    const { channel, failingSince, refusedAt, waiting } = state;
    const error = state.lastError ?? 'no word of it';
    const failing = failingSince === null ? 0 : (now.getTime() - failingSince.getTime()) / 1000;
    const standing = (level: WarningLevel, reason: string): Standing => ({
      ...{ condition: 'channelFailing', subject: channelSubject(channel), level, cause: channelSubject(channel) },
      ...{ reason, deviceId: null, lineageId: null, facts: { name: channel, waiting } },
    });
    if (failingSince !== null && failing >= warningAfter) {
      const reason = `takes nothing since ${utcMinute(failingSince)}: ${error}`;
      return [standing(failing >= criticalAfter ? 'critical' : 'warning', reason)];
    }
    return refusedAt === null ? [] : [standing('warning', `refused a message at ${utcMinute(refusedAt)}: ${error}`)];
  });
