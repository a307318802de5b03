// What looks gather of issuers, of what was issued and refused lately, and of what waits for a person. What is not well is
// decided in domain/standings/.
import type { PendingSubject, RefusedRequests, StoppedCampaign } from '../domain/standings/issuance.ts';
import type { StoppedProfile } from '../domain/standings/issuer.ts';
import type { Database } from './pool.ts';
import { instant, instantOrNull, number, text, textOrNull, texts } from './row.ts';
import { statement } from './statement.ts';

type Work = {
  readonly issuerId: string;
  readonly unsigned: number;
  readonly unsignedSince: Date | null;
  readonly firstNotAfter: Date | null;
};
type NewNames = { readonly principal: string; readonly names: readonly string[]; readonly last: Date };

const work = statement<[Date], Work>('issuer_work.sql', (row) => ({
  issuerId: text(row, 'id'),
  unsigned: number(row, 'unsigned'),
  unsignedSince: instantOrNull(row, 'unsigned_since'),
  firstNotAfter: instantOrNull(row, 'first_not_after'),
}));
const stops = statement<[readonly string[]], StoppedProfile>('stopped_profiles.sql', (row) => ({
  profile: text(row, 'profile'),
  reason: text(row, 'reason'),
  stoppedAt: instant(row, 'stopped_at'),
}));
const pending = statement<[Date], PendingSubject>('enrollments_to_look_at.sql', (row) => ({
  id: text(row, 'id'),
  hostName: text(row, 'host_name'),
  fingerprint: text(row, 'ek_fingerprint'),
  since: instant(row, 'updated_at'),
}));
const campaigns = statement<[Date], StoppedCampaign>('stopped_campaigns.sql', (row) => ({
  id: text(row, 'id'),
  name: text(row, 'name'),
  reason: text(row, 'stop_reason'),
  stoppedAt: instant(row, 'changed_at'),
}));
const ofHour = statement<[Date, number], number>('issuances_of_hour.sql', (row) => number(row, 'issued'));
const newNames = statement<[Date], NewNames>('new_names.sql', (row) => ({
  principal: text(row, 'principal'),
  names: texts(row, 'names'),
  last: instant(row, 'last'),
}));
const refused = statement<[Date], RefusedRequests>('refused_requests.sql', (row) => ({
  reason: text(row, 'reason') as RefusedRequests['reason'],
  principal: text(row, 'principal'),
  deviceId: textOrNull(row, 'device_id'),
  name: text(row, 'name'),
  count: number(row, 'requests'),
  last: instant(row, 'last'),
}));

/** What looks read of issuance in a database, as lifecycle/look-at-issuers.ts and look-at-issuance.ts need it. */
export const issuanceStandingsIn = (db: Database) => ({
  issuerWork: (now: Date): Promise<readonly Work[]> => work(db, [now]),
  stoppedProfiles: (digests: readonly string[]): Promise<readonly StoppedProfile[]> => stops(db, [digests]),
  enrollmentsPending: (provedAfter: Date): Promise<readonly PendingSubject[]> => pending(db, [provedAfter]),
  campaignsStopped: (stoppedAfter: Date): Promise<readonly StoppedCampaign[]> => campaigns(db, [stoppedAfter]),
  /** Counted up to `most`. */
  issuancesOfHour: async (now: Date, most: number): Promise<number> => (await ofHour(db, [now, most]))[0] ?? 0,
  newNames: (since: Date): Promise<readonly NewNames[]> => newNames(db, [since]),
  refusedRequests: (since: Date): Promise<readonly RefusedRequests[]> => refused(db, [since]),
});
