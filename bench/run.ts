// One round of work: so many items, so many of them in flight at a time, each timed.

/** What a round asks for: items by their numbers. */
export type RunInput = { readonly from: number; readonly count: number; readonly inFlight: number };

/** What a round gives. Processor time is that of the process that did the work, in microseconds. */
export type RunOutput = {
  readonly wallMs: number;
  readonly cpuMicroseconds: number;
  readonly latenciesMs: readonly number[];
};

/** Works through the items; the first failure ends the round. */
export async function run(input: RunInput, work: (item: number) => Promise<unknown>): Promise<RunOutput> {
  const latenciesMs: number[] = [];
  const end = input.from + input.count;
  let next = input.from;
  const lane = async (): Promise<void> => {
    while (next < end) {
      const item = next++;
      const started = performance.now();
      await work(item);
      latenciesMs.push(performance.now() - started);
    }
  };
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: input.inFlight }, lane));
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs, cpuMicroseconds: user + system, latenciesMs };
}
