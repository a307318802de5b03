// What a store of trust bundles must do, whatever it is made of.
import { expect, test } from '@jest/globals';
import type { PublishedBundle } from '../../src/storage/trust-bundles.ts';
import type { memoryTrustBundles } from './trust-bundles.ts';

type Store = Omit<ReturnType<typeof memoryTrustBundles>, 'rows'>;

const bundle = (generation: number, follows = generation - 1): PublishedBundle => ({
  generation,
  follows,
  cms: Uint8Array.of(0x30, generation),
  publishedBy: 'operator:alice:1',
  publishedAt: new Date('2026-11-26T10:00:00Z'),
  facts: { signedBy: 'aa', anchors: ['bb'] },
});
const last = (octets: Uint8Array | null): number | null => octets?.[1] ?? null;

/** Runs the suite; each test gets an empty store. */
export function describeTrustBundleStore(open: () => Promise<Store>): void {
  test('an empty store has no bundle', async () => {
    const store = await open();
    expect([await store.newestTrustBundle(), await store.trustBundleAfter(0)]).toEqual([null, null]);
  });

  test('the newest is that of the largest generation, and each leads to the next', async () => {
    const store = await open();
    for (const generation of [1, 2, 9]) expect(await store.insertTrustBundle(bundle(generation))).toBe(true);
    expect(last(await store.newestTrustBundle())).toBe(9);
    const after = await Promise.all([0, 1, 2, 9].map(async (one) => last(await store.trustBundleAfter(one))));
    expect(after).toEqual([1, 2, 9, null]);
  });

  test('a generation that does not grow is not stored', async () => {
    const store = await open();
    await store.insertTrustBundle(bundle(5));
    expect([await store.insertTrustBundle(bundle(5)), await store.insertTrustBundle(bundle(4))]).toEqual([
      false,
      false,
    ]);
    expect(last(await store.trustBundleAfter(0))).toBe(5);
  });

  test('of two at once that follow on one generation, one is stored: the signer of the other may be no root any more', async () => {
    const store = await open();
    await store.insertTrustBundle(bundle(1));
    const stored = await Promise.all([store.insertTrustBundle(bundle(2, 1)), store.insertTrustBundle(bundle(3, 1))]);
    expect(stored.toSorted()).toEqual([false, true]);
  });

  test('of two at once with one generation, one is stored', async () => {
    const store = await open();
    const stored = await Promise.all([store.insertTrustBundle(bundle(3)), store.insertTrustBundle(bundle(3))]);
    expect(stored.toSorted()).toEqual([false, true]);
  });
}
