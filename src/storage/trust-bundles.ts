// Published trust bundles, octet for octet. What is in them is not looked at here.
import type { Session } from './pool.ts';
import { number, octets } from './row.ts';
import { statement } from './statement.ts';

/** A bundle to publish; `facts` go to the audit. */
export type PublishedBundle = {
  readonly generation: number;
  /** The generation that was in force when its signer was judged, 0 for none. */
  readonly follows: number;
  readonly cms: Uint8Array;
  readonly publishedBy: string;
  readonly publishedAt: Date;
  readonly facts: { readonly signedBy: string; readonly anchors: readonly string[] };
};

const insert = statement<readonly unknown[], number>('insert_trust_bundle.sql', (row) => number(row, 'generation'));
const newest = statement<[], Uint8Array>('newest_trust_bundle.sql', (row) => octets(row, 'cms'));
const following = statement<[number], Uint8Array>('trust_bundle_after.sql', (row) => octets(row, 'cms'));

/** Trust bundles in a database, as `issuance/publish-trust-bundle.ts` needs them. */
export const trustBundlesIn = (db: Session) => ({
  newestTrustBundle: async (): Promise<Uint8Array | null> => (await newest(db, []))[0] ?? null,
  trustBundleAfter: async (generation: number): Promise<Uint8Array | null> =>
    (await following(db, [generation]))[0] ?? null,
  /** False when this generation or a later one is there already, or another that follows on the same one. */
  insertTrustBundle: async (bundle: PublishedBundle): Promise<boolean> => {
    const { generation, follows, cms, publishedBy, publishedAt, facts } = bundle;
    return (await insert(db, [generation, cms, publishedBy, publishedAt, JSON.stringify(facts), follows])).length === 1;
  },
});
