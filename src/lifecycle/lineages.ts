// Lineages as the API shows them. States are decided by the clock, so that a list of one state is read and sifted.
import { type Cursor, pageOf } from '../domain/cursor.ts';
import type { LineageFacts } from '../domain/lineage.ts';
import { lineageResource } from '../domain/lineage-resource.ts';
import type { LineageResource, LineageStateName } from '../domain/lineage-wire.ts';
import type { LineageFilter, LineageReads } from './records.ts';

export type LineageQuery = LineageFilter & { readonly state: LineageStateName | null };

/** Read at once while one state is looked for. */
const batch = 500;

/** One page, oldest lineage first; `next` is where the next one begins, null at the end. */
export const listLineages =
  (ports: Pick<LineageReads, 'listLineageFacts'>) =>
  async (
    { state, limit, ...filter }: LineageQuery,
    now: Date,
  ): Promise<{ readonly items: readonly LineageResource[]; readonly next: Cursor | null }> => {
    const found: { readonly at: Cursor; readonly resource: LineageResource }[] = [];
    let after = filter.after;
    for (;;) {
      const size = state === null ? limit + 1 : batch;
      const rows = await ports.listLineageFacts({ ...filter, after, limit: size });
      for (const facts of rows) {
        const resource = lineageResource(facts, now);
        if (state === null || resource.state === state) found.push({ at: cursorOf(facts), resource });
      }
      const last = rows.at(-1);
      if (found.length > limit || rows.length < size || last === undefined) break;
      after = cursorOf(last);
    }
    const { page, last } = pageOf(found, limit);
    return { items: page.map(({ resource }) => resource), next: last?.at ?? null };
  };

/** One lineage, or null. */
export const showLineage =
  (ports: Pick<LineageReads, 'lineageFacts'>) =>
  async (id: string, now: Date): Promise<LineageResource | null> => {
    const facts = await ports.lineageFacts(id);
    return facts === null ? null : lineageResource(facts, now);
  };

const cursorOf = ({ createdAt, id }: LineageFacts): Cursor => ({ at: createdAt, id });
