// What ends, as the expiry report reads it: by pages of an index each, nearest end first. Levels of what serves are stored;
// those of the rest are asked for.
import type { ExpiryLevel } from '../domain/expiry.ts';
import type { LineageFacts } from '../domain/lineage.ts';
import { factsFromRow } from './lineages.ts';
import type { Database, RawRow } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

/** Which page; null does not bound. Behind `after`, by end and then by fingerprint. */
export type EndingPage = {
  readonly endsBy: Date | null;
  readonly after: { readonly notAfter: Date; readonly id: string } | null;
  readonly limit: number;
  readonly deviceId: string | null;
  readonly level: ExpiryLevel | null;
  readonly now: Date;
};

type Near = { readonly warning: number; readonly critical: number };
type Key = { readonly fingerprint: string; readonly notAfter: Date };

const keyFromRow = (row: RawRow): Key => ({
  fingerprint: text(row, 'fingerprint'),
  notAfter: instant(row, 'not_after'),
});
const nearFromRow = (row: RawRow): Near => ({ warning: number(row, 'warning'), critical: number(row, 'critical') });

const servingPage = statement<readonly unknown[], Key>('serving_page.sql', keyFromRow);
const servingOfDevice = statement<readonly unknown[], Key>('serving_of_device.sql', keyFromRow);
const details = statement<[readonly string[]], ReturnType<typeof servingFromRow>>(
  'serving_details.sql',
  servingFromRow,
);
const lastEnd = statement<[Date, boolean], Date | null>('last_end_of_level.sql', (row) =>
  instantOrNull(row, 'not_after'),
);
const facts = statement<[readonly string[]], LineageFacts>('lineage_facts_of.sql', factsFromRow);
const near = statement<[Date, Date], Near>('serving_near_end.sql', nearFromRow);
const total = statement<[Date], number>('serving_total.sql', (row) => number(row, 'total'));
const unmanaged = statement<readonly unknown[], ReturnType<typeof unmanagedFromRow>>(
  'expiring_unmanaged.sql',
  unmanagedFromRow,
);
const unmanagedLevels = statement<[Date, Date], Near & { readonly ok: number }>('unmanaged_levels.sql', (row) => ({
  ok: number(row, 'ok'),
  ...nearFromRow(row),
}));
const endorsement = statement<readonly unknown[], ReturnType<typeof endorsementFromRow>>(
  'ending_endorsement_certificates.sql',
  endorsementFromRow,
);
const endorsementNear = statement<[Date, Date], Near>('endorsement_certificates_near_end.sql', nearFromRow);
const crlEnds = statement<[], { readonly issuerId: string; readonly nextUpdate: Date }>('crl_ends.sql', (row) => ({
  issuerId: text(row, 'issuer_id'),
  nextUpdate: instant(row, 'next_update'),
}));
const otherWarnings = statement<[readonly string[]], number>('count_other_warnings.sql', (row) => number(row, 'open'));
const giveUp = statement<[Date, number], number>('give_up_serving.sql', (row) => number(row, 'changed'));

function servingFromRow(row: RawRow) {
  const generation = row['trust_generation'];
  return {
    fingerprint: text(row, 'fingerprint'),
    issuerId: text(row, 'issuer_id'),
    profile: text(row, 'profile'),
    serialNumber: text(row, 'serial_number'),
    commonName: text(row, 'subject_common_name'),
    notBefore: instant(row, 'not_before'),
    notAfter: instant(row, 'not_after'),
    warningAt: instant(row, 'warning_at'),
    criticalAt: instant(row, 'critical_at'),
    lineageId: textOrNull(row, 'lineage_id'),
    isConfirmed: boolean(row, 'is_confirmed'),
    /** There is a newer one in its lineage, which does not serve. */
    isOlder: boolean(row, 'is_older'),
    deviceId: textOrNull(row, 'device_id'),
    hostName: textOrNull(row, 'host_name'),
    hostLastSeenAt: instantOrNull(row, 'last_seen_at'),
    endorsementNotAfter: instantOrNull(row, 'endorsement_not_after'),
    trustGeneration: typeof generation === 'number' ? generation : null,
  };
}

function unmanagedFromRow(row: RawRow) {
  return {
    fingerprint: text(row, 'fingerprint'),
    deviceId: text(row, 'device_id'),
    hostName: text(row, 'host_name'),
    hostLastSeenAt: instant(row, 'last_seen_at'),
    subject: text(row, 'subject'),
    notBefore: instant(row, 'not_before'),
    notAfter: instant(row, 'not_after'),
    // Both are written by the statement itself.
    level: text(row, 'level') as ExpiryLevel,
    places: row['places'] as readonly { readonly hostName: string; readonly path: string }[],
    fault: textOrNull(row, 'fault'),
  };
}

function endorsementFromRow(row: RawRow) {
  return {
    fingerprint: text(row, 'fingerprint'),
    deviceId: text(row, 'device_id'),
    hostName: text(row, 'host_name'),
    hostLastSeenAt: instant(row, 'last_seen_at'),
    manufacturer: textOrNull(row, 'manufacturer'),
    model: textOrNull(row, 'model'),
    notAfter: instant(row, 'certificate_not_after'),
  };
}

const none: Near = { warning: 0, critical: 0 };

/** Reads of the expiry report on one database. */
export const expiryIn = (db: Database) => ({
  /** What serves. Without a lineage only what ended no earlier than `givenUpBefore`. */
  serving: async (page: EndingPage & { readonly profile: string | null; readonly givenUpBefore: Date }) => {
    const { after, limit, deviceId, level, now, profile, givenUpBefore } = page;
    const endsBy = level === null || level === 'ok' ? page.endsBy : await endOfLevel(db, page, level);
    if (endsBy === 'none') return [];
    const bounds = [endsBy, after?.notAfter ?? null, after?.id ?? null, limit];
    const keys =
      deviceId === null
        ? await servingPage(db, [...bounds, givenUpBefore, profile, level, now])
        : await servingOfDevice(db, [...bounds, deviceId, profile, level, now]);
    const rows = keys.length === 0 ? [] : await details(db, [keys.map(({ fingerprint }) => fingerprint)]);
    const byFingerprint = new Map(rows.map((row) => [row.fingerprint, row]));
    return keys.flatMap(({ fingerprint }) => byFingerprint.get(fingerprint) ?? []);
  },

  /** Facts of these lineages, in no order. */
  factsOf: (lineageIds: readonly string[]): Promise<readonly LineageFacts[]> => facts(db, [lineageIds]),

  unmanaged: ({ endsBy, after, limit, deviceId, level, now }: EndingPage, givenUpBefore: Date) =>
    unmanaged(db, [
      ...[endsBy, after?.notAfter ?? null, after?.id ?? null, limit],
      ...[givenUpBefore, deviceId, level, now],
    ]),

  endorsementCertificates: ({ after, limit, deviceId }: EndingPage, endsBy: Date) =>
    endorsement(db, [endsBy, after?.notAfter ?? null, after?.id ?? null, limit, deviceId]),

  crlEnds: () => crlEnds(db, []),

  servingNearEnd: async (now: Date, givenUpBefore: Date): Promise<Near> =>
    (await near(db, [now, givenUpBefore]))[0] ?? none,
  servingTotal: async (givenUpBefore: Date): Promise<number> => (await total(db, [givenUpBefore]))[0] ?? 0,
  unmanagedLevels: async (now: Date, givenUpBefore: Date) =>
    (await unmanagedLevels(db, [now, givenUpBefore]))[0] ?? { ok: 0, ...none },
  endorsementNearEnd: async (warningBy: Date, criticalBy: Date): Promise<Near> =>
    (await endorsementNear(db, [warningBy, criticalBy]))[0] ?? none,

  /** Open warnings of other conditions than these. */
  otherWarnings: async (conditions: readonly string[]): Promise<number> =>
    (await otherWarnings(db, [conditions]))[0] ?? 0,

  /** What belongs to no lineage and ended before serves no more, at most 2000 a time; gives how many. */
  giveUp: async (before: Date): Promise<number> => (await giveUp(db, [before, 2000]))[0] ?? 0,
});

/** The nearer of two bounds; `none` when nothing has the level. */
async function endOfLevel(
  db: Database,
  { endsBy, now }: EndingPage,
  level: Exclude<ExpiryLevel, 'ok'>,
): Promise<Date | 'none'> {
  const [last = null] = await lastEnd(db, [now, level === 'critical']);
  if (last === null) return 'none';
  return endsBy !== null && endsBy < last ? endsBy : last;
}
