// What concerns many lineages at once: scopes, pulled windows, counts, and what is due. What they mean is decided in
// lifecycle/.
import type { DueGroup } from '../domain/forecast.ts';
import type { ScopeFilter } from '../domain/rotation-scope.ts';
import type { RotationScope } from '../domain/rotation-wire.ts';
import type { Session } from './pool.ts';
import { instant, number, text } from './row.ts';
import { statement } from './statement.ts';

const ofScope = statement<readonly unknown[], LineageOfScope>('lineages_of_scope.sql', (row) => ({
  lineageId: text(row, 'id'),
  hostName: text(row, 'host_name'),
  profile: text(row, 'profile'),
  place: text(row, 'place'),
  certificate: text(row, 'fingerprint'),
  notAfter: instant(row, 'not_after'),
}));
const pull = statement<readonly unknown[], number>('pull_renewals.sql', (row) => number(row, 'pulled'));
const counts = statement<[Date], Counts>('renewal_counts.sql', (row) => ({
  usedInLastHour: number(row, 'used'),
  outsideInLastDay: number(row, 'outside'),
  waiting: number(row, 'waiting'),
}));
const due = statement<[Date, Date], DueGroup>('due_groups.sql', (row) => ({
  profile: text(row, 'profile'),
  at: instant(row, 'at'),
  lifetimeSeconds: number(row, 'lifetime'),
  count: number(row, 'lineages'),
}));

type LineageOfScope = {
  readonly lineageId: string;
  readonly hostName: string;
  readonly profile: string;
  readonly place: string;
  readonly certificate: string;
  readonly notAfter: Date;
};
type Counts = { readonly usedInLastHour: number; readonly outsideInLastDay: number; readonly waiting: number };

/** Rotation in a database. */
export const rotationStore = (db: Session) => ({
  lineagesOfScope: (filter: ScopeFilter): Promise<readonly LineageOfScope[]> => {
    const { deviceId, profile, issuerId, manufacturer, model, firmware } = filter;
    const range = firmware === null ? [null, null] : [firmware.from.toString(), firmware.to.toString()];
    return ofScope(db, [deviceId, profile, issuerId, manufacturer, model, ...range]);
  },
  /** Says how many were due later. */
  pullRenewals: async (pulling: {
    readonly due: readonly { readonly lineageId: string; readonly at: Date }[];
    readonly scope: RotationScope;
    readonly by: string;
    readonly because: string;
    readonly at: Date;
  }): Promise<number> => {
    const ids = pulling.due.map(({ lineageId }) => lineageId);
    const instants = pulling.due.map(({ at }) => at);
    const { at, by, because, scope } = pulling;
    return (await pull(db, [ids, instants, at, by, because, JSON.stringify(scope)]))[0] ?? 0;
  },
  renewalCounts: async (now: Date): Promise<Counts> =>
    (await counts(db, [now]))[0] ?? { usedInLastHour: 0, outsideInLastDay: 0, waiting: 0 },
  dueGroups: (now: Date, before: Date): Promise<readonly DueGroup[]> => due(db, [now, before]),
});
