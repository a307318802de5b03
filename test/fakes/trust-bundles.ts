// Published trust bundles in memory; the same suite is run against PostgreSQL.
import type { PublishedBundle } from '../../src/storage/trust-bundles.ts';

/** Bundles as `storage/trust-bundles.ts` keeps them. */
export function memoryTrustBundles() {
  const rows: PublishedBundle[] = [];
  const newest = (): PublishedBundle | undefined => rows.toSorted((a, b) => b.generation - a.generation)[0];
  return {
    rows,
    newestTrustBundle: async (): Promise<Uint8Array | null> => newest()?.cms ?? null,
    trustBundleAfter: async (generation: number): Promise<Uint8Array | null> =>
      rows.filter((row) => row.generation > generation).toSorted((a, b) => a.generation - b.generation)[0]?.cms ?? null,
    insertTrustBundle: async (row: PublishedBundle): Promise<boolean> => {
      if ((newest()?.generation ?? 0) >= row.generation) return false;
      if (rows.some(({ follows }) => follows === row.follows)) return false;
      rows.push(row);
      return true;
    },
  };
}
