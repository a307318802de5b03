// The heartbeat of the server: jobs that run again and again, each on its own, none twice at once. What a job does is
// decided elsewhere; a job that fails is reported and runs again at its next turn.

export type Job = {
  readonly name: string;
  readonly everySeconds: number;
  readonly run: () => Promise<void>;
};

/** What the scheduler needs of the world; tests hand in a clock of their own. */
export type SchedulerPorts = {
  /** Calls `fn` after so many milliseconds; the returned function prevents it. */
  readonly after: (milliseconds: number, fn: () => void) => () => void;
  readonly onFailure: (job: string, error: unknown) => void;
};

export type Scheduler = {
  /** Prevents further runs and waits for those under way. */
  readonly stop: () => Promise<void>;
};

/** Starts the jobs; each runs at once and then `everySeconds` after its last run ended. */
export function startScheduler(jobs: readonly Job[], ports: SchedulerPorts): Scheduler {
  let isStopped = false;
  const underWay = new Map<string, Promise<void>>();
  const cancel = new Map<string, () => void>();
  const turn = (job: Job): void => {
    const run = job
      .run()
      .catch((error: unknown) => ports.onFailure(job.name, error))
      .finally(() => {
        underWay.delete(job.name);
        if (!isStopped)
          cancel.set(
            job.name,
            ports.after(job.everySeconds * 1000, () => turn(job)),
          );
      });
    underWay.set(job.name, run);
  };
  for (const job of jobs) turn(job);
  return {
    stop: async () => {
      isStopped = true;
      for (const prevent of cancel.values()) prevent();
      await Promise.all(underWay.values());
    },
  };
}
