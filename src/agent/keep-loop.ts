// The daemon: round after round until it is told to stop. When a round is due the round before has said; here is only the
// pause in between, and what systemd and the log are told.
import { messageOf } from '../domain/thrown.ts';
import type { KeepPorts } from './keep-ports.ts';
import { stateOf } from './keep-report.ts';
import { keepRound, type RoundOutcome } from './keep-round.ts';
import type { Notify, Supervisor } from './systemd-notify.ts';

export type LoopPorts = {
  readonly keep: KeepPorts;
  readonly supervisor: Supervisor;
  /** Longest pause, read anew after each round, in seconds. */
  readonly checkEverySeconds: () => number;
  /** Ends early when the process is told to stop. */
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly isStopping: () => boolean;
};

/** No round follows another within this time. */
const leastSeconds = 1;
/** After a round that could not be done at all: another one at work, a full disk, a broken agent.yaml. */
const afterFaultSeconds = 30;

/** Runs until `isStopping`; the round at work is ended first. */
export async function keepForEver(ports: LoopPorts): Promise<void> {
  const { keep, supervisor, pause, isStopping } = ports;
  const watched: KeepPorts = { ...keep, save: (kept) => savedAndAlive(keep, supervisor.notify, kept) };
  await supervisor.notify({ isReady: true, status: 'looking' });
  while (!isStopping()) {
    const seconds = await oneRound(ports, watched);
    if (!isStopping()) await pause(seconds * 1000);
  }
  await supervisor.notify({ isStopping: true, status: 'stopped after the last round' });
}

/** Each step that is on disk is progress, and only progress is told as life. */
async function savedAndAlive(keep: KeepPorts, notify: Notify, kept: Parameters<KeepPorts['save']>[0]): Promise<void> {
  await keep.save(kept);
  await notify({ isAlive: true });
}

/** Answers the seconds of the pause after it. */
async function oneRound(ports: LoopPorts, keep: KeepPorts): Promise<number> {
  const { supervisor, checkEverySeconds } = ports;
  try {
    const outcome = await keepRound(keep, { urgency: () => 'usual' });
    await supervisor.notify({ isAlive: true, status: statusLine(outcome) });
    const due = (outcome.nextAt.getTime() - keep.now().getTime()) / 1000;
    return Math.max(leastSeconds, Math.min(due, checkEverySeconds(), watchPause(supervisor)));
  } catch (error) {
    keep.log('round.failed', { detail: messageOf(error) });
    await supervisor.notify({ status: `failed: ${messageOf(error)}` });
    return Math.min(afterFaultSeconds, watchPause(supervisor));
  }
}

/** Often enough for systemd, with one round to spare. */
const watchPause = ({ watchdogSeconds }: Supervisor): number => (watchdogSeconds ?? Infinity) / 3;

/** How the host stands in one line. */
export function statusLine({ targets, contact }: RoundOutcome): string {
  const troubled = targets.flatMap(({ target, record, files }) => {
    const state = stateOf(record, files);
    const error = record.failure?.error;
    if (error === undefined && state !== 'missing') return [];
    return [`${target.name} ${state}${error === undefined ? '' : `: ${error.detail}`}`];
  });
  const server = contact.failure === null ? [] : [`service: ${contact.failure.error.detail}`];
  const well = `${targets.length - troubled.length} of ${targets.length} targets well`;
  return [well, ...server, ...troubled].join('; ');
}
