// Pulling renewal windows to now, in batches: which lineage comes when. Pure.

export type PullBatch = { readonly at: Date; readonly lineageIds: readonly string[] };

/** What is pulled together, and seconds between batches. The ordinary pace is that of the ordinary ceiling. */
export const ordinaryPace = { batchSize: 100, batchSeconds: 600 } as const;

/** A lineage of the scope. */
export type Pullable = { readonly lineageId: string; readonly notAfter: Date };

/** Batches from now on, the nearest expiry first. */
export function pullBatches(
  lineages: readonly Pullable[],
  pace: { readonly batchSize: number; readonly batchSeconds: number },
  now: Date,
): readonly PullBatch[] {
  const sorted = lineages.toSorted(
    (a, b) => a.notAfter.getTime() - b.notAfter.getTime() || (a.lineageId < b.lineageId ? -1 : 1),
  );
  const count = Math.ceil(sorted.length / pace.batchSize);
  return Array.from({ length: count }, (_, i) => ({
    at: new Date(now.getTime() + i * pace.batchSeconds * 1000),
    lineageIds: sorted.slice(i * pace.batchSize, (i + 1) * pace.batchSize).map(({ lineageId }) => lineageId),
  }));
}
