// Group commit: items that arrive while a batch is on its way to the database form the next batch, and so share one
// commit. It has no timers (an unloaded item waits for nothing) and knows nothing of databases.

/** How batches are run. `lanes` batches may be in flight at once (default 1). */
export type GroupCommitOptions<In, Out> = {
  /** Runs one batch, all or nothing, and answers in its order. */
  readonly run: (items: readonly In[]) => Promise<readonly Out[]>;
  /**
   * Whether a failure may be that of one item, and the batch was surely rolled back: then each item is run once more,
   * alone. Otherwise all fail at once; so with a lost connection, which may have come after the commit.
   */
  readonly mayBeOfOneItem: (error: unknown) => boolean;
  readonly maxBatch: number;
  readonly lanes?: 1 | 2;
};

type Waiting<In, Out> = {
  readonly item: In;
  readonly resolve: (out: Out) => void;
  readonly reject: (error: unknown) => void;
};

/** Gives a function that resolves when its item was committed, or rejects with the item's own failure. */
export function groupCommit<In, Out>(options: GroupCommitOptions<In, Out>): (item: In) => Promise<Out> {
  const { maxBatch, lanes = 1 } = options;
  if (!Number.isSafeInteger(maxBatch) || maxBatch < 1) throw new RangeError('maxBatch is a positive whole number');
  const queue: Waiting<In, Out>[] = [];
  let inFlight = 0;

  const settle = async (batch: readonly Waiting<In, Out>[]): Promise<void> => {
    try {
      const answers = await options.run(batch.map((waiting) => waiting.item));
      if (answers.length !== batch.length) throw new Error(`${answers.length} answers to a batch of ${batch.length}`);
      answers.forEach((answer, i) => batch[i]?.resolve(answer));
    } catch (error) {
      if (batch.length > 1 && options.mayBeOfOneItem(error)) for (const waiting of batch) await settle([waiting]);
      else for (const waiting of batch) waiting.reject(error);
    }
  };

  const pump = (): void => {
    while (inFlight < lanes && queue.length > 0) {
      inFlight += 1;
      void settle(queue.splice(0, maxBatch)).finally(() => {
        inFlight -= 1;
        pump();
      });
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      pump();
    });
}
