// Which certificate of a lineage serves. Whoever changes what that depends on locks the lineages, writes, and has it decided
// anew, in one transaction. What belongs to no lineage is written by the statements themselves.
import type { WarningPolicy } from '../domain/warning-policy.ts';
import { expiryInstants } from '../domain/warning-policy.ts';
import type { Database, Session } from './pool.ts';
import { instant, number, text } from './row.ts';
import { statement } from './statement.ts';

const lock = statement<[readonly string[]], string>('lock_lineages.sql', (row) => text(row, 'id'));
const lockOfDevice = statement<[string], string>('lock_lineages_of_device.sql', (row) => text(row, 'id'));
const keep = statement<[readonly string[]], number>('keep_serving.sql', (row) => number(row, 'changed'));

/** Locks lineages until the transaction ends; before anything is written that who serves depends on. */
export const lockLineagesIn = async (tx: Session, lineageIds: readonly string[]): Promise<void> => {
  if (lineageIds.length > 0) await lock(tx, [lineageIds]);
};

/** Locks a device and all its lineages; gives their ids. */
export const lockLineagesOfDeviceIn = (tx: Session, deviceId: string): Promise<readonly string[]> =>
  lockOfDevice(tx, [deviceId]);

/** Decides who serves in lineages that this transaction has locked. */
export const keepServingIn = async (tx: Session, lineageIds: readonly string[]): Promise<void> => {
  if (lineageIds.length > 0) await keep(tx, [lineageIds]);
};

type Levels = {
  readonly fingerprint: string;
  readonly profile: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly renewsItself: boolean;
};

const readSetting = statement<[string], string>('read_setting.sql', (row) => text(row, 'value'));
const writeSetting = statement<[string, string], string>('write_setting.sql', (row) => text(row, 'name'));
const servingAfter = statement<[string], Levels>('serving_after.sql', (row) => ({
  fingerprint: text(row, 'fingerprint'),
  profile: text(row, 'profile'),
  notBefore: instant(row, 'not_before'),
  notAfter: instant(row, 'not_after'),
  renewsItself: row['lineage_id'] !== null,
}));
const writeLevels = statement<[readonly string[], readonly Date[], readonly Date[]], number>(
  'write_levels.sql',
  (row) => number(row, 'changed'),
);

const digestSetting = 'expiryPolicyDigest';
/** As in serving_after.sql. */
const batchSize = 2000;

/**
 * Computes the levels of all that serves anew, in batches, when the policy is another than the one of the last time. Gives
 * how many changed; null when there was nothing to do. Broken off, it begins again at the next start.
 */
export async function renewLevels(
  db: Database,
  policy: Pick<WarningPolicy, 'digest' | 'expiry'>,
): Promise<number | null> {
  const [known] = await readSetting(db, [digestSetting]);
  if (known === policy.digest) return null;
  let [changed, after] = [0, ''];
  for (;;) {
    const batch = await servingAfter(db, [after]);
    const levels = batch.map((certificate) => expiryInstants(policy, certificate));
    const fingerprints = batch.map(({ fingerprint }) => fingerprint);
    const [warningAt, criticalAt] = [levels.map((level) => level.warningAt), levels.map((level) => level.criticalAt)];
    changed += (await writeLevels(db, [fingerprints, warningAt, criticalAt]))[0] ?? 0;
    after = fingerprints.at(-1) ?? after;
    if (batch.length < batchSize) break;
  }
  await writeSetting(db, [digestSetting, policy.digest]);
  return changed;
}
