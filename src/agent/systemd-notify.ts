// What systemd is told of the daemon (sd_notify(3)), through `systemd-notify`: that it is ready, that it lives, how it
// stands. Says nothing where systemd did not ask.
import { execFile } from 'node:child_process';

/** Tells; never rejects, since nobody but systemd misses it. */
export type Notify = (told: {
  readonly isReady?: true;
  readonly isStopping?: true;
  /** Keeps the watchdog quiet. */
  readonly isAlive?: true;
  /** One line for `systemctl status`. */
  readonly status?: string;
}) => Promise<void>;

export type Supervisor = {
  readonly notify: Notify;
  /** Seconds within which life must be told, null where systemd does not watch. */
  readonly watchdogSeconds: number | null;
};

type Run = (program: string, args: readonly string[], env: Readonly<Record<string, string>>) => Promise<void>;

const patienceMs = 10_000;

const runProgram: Run = (program, args, env) =>
  new Promise((resolve) => {
    // One that is not there or fails says nothing, which is what a host without systemd has.
    execFile(program, args, { env, timeout: patienceMs }, () => resolve());
  });

/** Reads NOTIFY_SOCKET and WATCHDOG_USEC of the environment. */
export function supervisorOf(env: Readonly<Record<string, string | undefined>>, run: Run = runProgram): Supervisor {
  const socket = env['NOTIFY_SOCKET'] ?? '';
  if (socket === '') return { notify: () => Promise.resolve(), watchdogSeconds: null };
  const microseconds = Number(env['WATCHDOG_USEC'] ?? 0);
  return {
    watchdogSeconds: microseconds > 0 ? microseconds / 1_000_000 : null,
    notify: ({ isReady, isStopping, isAlive, status }) =>
      run(
        'systemd-notify',
        [
          ...(isReady === true ? ['--ready'] : []),
          ...(status === undefined ? [] : [`--status=${status.replaceAll(/\s+/g, ' ').slice(0, 200)}`]),
          ...(isAlive === true ? ['WATCHDOG=1'] : []),
          ...(isStopping === true ? ['STOPPING=1'] : []),
        ],
        { NOTIFY_SOCKET: socket, PATH: env['PATH'] ?? '/usr/bin:/bin' },
      ),
  };
}
