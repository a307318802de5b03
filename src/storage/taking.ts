// The one transaction of a successful activation: everything is taken, or nothing. What somebody else has already shows in
// unique constraints and row locks, in whatever order two hosts race.
import { randomUUID } from 'node:crypto';
import { type Taking, takingEvent, type TakingOutcome } from '../domain/taking.ts';
import { changeDeviceStateIn } from './device-states.ts';
import { parseFirmwareVersion } from '../domain/tpm-denials.ts';
import { grantsJson } from './devices.ts';
import { codeOf } from './fault.ts';
import type { Database, RawRow, Session } from './pool.ts';
import { text } from './row.ts';
import { statement } from './statement.ts';

const id = (row: RawRow): string => text(row, 'id');
const lockActivation = statement<[string, string], string>('lock_activation.sql', id);
const spendToken = statement<[string, string, Date], string>('spend_enrollment_token.sql', id);
const insertDevice = statement<readonly unknown[], string>('insert_device.sql', id);
const refreshDevice = statement<readonly unknown[], string>('refresh_device.sql', id);
const hostNameHolder = statement<[string], string>('device_of_host_name.sql', id);
const takeEndorsementKey = statement<readonly unknown[], string>('take_endorsement_key.sql', (row) =>
  text(row, 'fingerprint'),
);
const replaceTpmKeys = statement<readonly unknown[], string>('replace_tpm_keys.sql', (row) => text(row, 'name'));
const takeTpmKeys = statement<readonly unknown[], string>('take_tpm_keys.sql', (row) => text(row, 'name'));
const takePublicKeys = statement<readonly unknown[], string>('take_public_keys.sql', (row) => text(row, 'spki_sha256'));
const compromisedKeys = statement<[readonly string[]], string>('compromised_keys.sql', (row) =>
  text(row, 'spki_sha256'),
);
const upsertGrants = statement<readonly unknown[], string>('upsert_grants.sql', id);
const takeLineages = statement<readonly unknown[], string>('take_lineages.sql', id);
const attestFirmware = statement<[string, string], string>('attest_firmware.sql', id);
const authorize = statement<readonly unknown[], string>('authorize_enrollment.sql', id);

type Conflict = Extract<TakingOutcome, { readonly kind: 'conflict' }>['with'];

/** Thrown within the transaction so that it rolls back, and caught around it. */
class NotTaken extends Error {
  readonly outcome: TakingOutcome;
  constructor(outcome: TakingOutcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

const conflict = (kind: Conflict): NotTaken => new NotTaken({ kind: 'conflict', with: kind });

/** What a violated constraint means, where no statement looks for it first. */
const constraints: Readonly<Record<string, Conflict>> = {
  device_host_name: 'hostName',
  device_keylime_uuid: 'endorsementKey',
  tpm_key_request: 'tpmKey',
};

/** Takes it all, or says what somebody else has. */
export async function takeIn(db: Database, taking: Taking): Promise<TakingOutcome> {
  try {
    await db.transaction((tx) => takeAll(tx, taking));
    return { kind: 'taken' };
  } catch (error) {
    if (error instanceof NotTaken) return error.outcome;
    const violated = codeOf(error) === '23505' ? constraints[constraintOf(error)] : undefined;
    if (violated === undefined) throw error;
    return { kind: 'conflict', with: violated };
  }
}

const constraintOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'constraint' in error ? String(error.constraint) : '';

/**
 * Locks are always taken in this order, so that two takings wait for each other and never both ways. The recording of
 * intents takes public keys before devices: where it meets a taking the other way round, PostgreSQL fails one of both
 * (40P01), which is rolled back and may be tried again.
 */
async function takeAll(tx: Session, taking: Taking): Promise<void> {
  const { device, at } = taking;
  const [locked] = await lockActivation(tx, [taking.enrollmentId, taking.bodySha256]);
  if (locked === undefined) throw new NotTaken({ kind: 'lost' });
  if (device.replaces !== null)
    await changeDeviceStateIn(tx, { id: device.replaces, state: 'retired' }, { by: taking.principal, at });
  await takeDevice(tx, taking);
  if (taking.tokenId !== null) {
    const spent = await spendToken(tx, [taking.tokenId, device.id, at]);
    if (spent.length === 0 && taking.isTokenNeeded) throw conflict('token');
  }
  await takeEndorsement(tx, taking);
  await takeKeys(tx, taking);
  const firmware = taking.firmware === null ? null : parseFirmwareVersion(taking.firmware, 0);
  if (firmware !== null) await attestFirmware(tx, [device.id, firmware.toString()]);
  if (taking.grants.length > 0) await upsertGrants(tx, [device.id, grantsJson(taking.grants), taking.principal, at]);
  const { lineages } = taking;
  const profiles = lineages.map(({ profile }) => profile);
  const places = lineages.map(({ place }) => place);
  if (lineages.length > 0) await takeLineages(tx, [device.id, lineages.map(() => randomUUID()), profiles, places, at]);
  await conclude(tx, taking);
}

async function takeDevice(tx: Session, { device, at }: Taking): Promise<void> {
  if (!device.isNew) {
    const refreshed = await refreshDevice(tx, [device.id, device.keylimeUuid, at]);
    if (refreshed.length === 0) throw conflict('device');
    return;
  }
  const inserted = await insertDevice(tx, [device.id, device.hostName, device.keylimeUuid, at]);
  if (inserted.length === 1) return;
  const holders = await hostNameHolder(tx, [device.hostName]);
  throw conflict(holders.length > 0 ? 'hostName' : 'endorsementKey');
}

async function takeEndorsement(tx: Session, { device, endorsementKey: ek, at }: Taking): Promise<void> {
  const taken = await takeEndorsementKey(tx, [
    ek.fingerprint,
    device.id,
    ek.public,
    ek.path[0] ?? null,
    ek.manufacturer,
    ek.model,
    ek.version,
    ek.hardwareSerial,
    ek.certificateNotAfter,
    ek.exception,
    at,
  ]);
  if (taken.length === 0) throw conflict('endorsementKey');
}

async function takeKeys(tx: Session, taking: Taking): Promise<void> {
  const { device, tpmKeys, at } = taking;
  if (tpmKeys.length > 0 && !(await takeTpmKeysIn(tx, device.id, { tpmKeys, at }))) throw conflict('tpmKey');
  const taken = await takePublicKeysIn(tx, device.id, { keys: publicKeysOf(taking), at });
  if (taken !== 'taken') throw conflict(taken);
}

/** Records keys of a device's TPM; those of the same roles before them are replaced. False: one is not its to have. */
export async function takeTpmKeysIn(
  tx: Session,
  deviceId: string,
  { tpmKeys, at }: Pick<Taking, 'tpmKeys' | 'at'>,
): Promise<boolean> {
  const names = tpmKeys.map(({ name }) => name);
  const roles = tpmKeys.map(({ role }) => role);
  await replaceTpmKeys(tx, [deviceId, names, roles, at]);
  const areas = tpmKeys.map((key) => key.public);
  const digests = tpmKeys.map(({ spkiSha256 }) => spkiSha256);
  const taken = await takeTpmKeys(tx, [deviceId, names, roles, areas, digests, at]);
  return taken.length === tpmKeys.length;
}

/** Gives public keys, by digest with their kinds, to a device; or says why one cannot be its. */
export async function takePublicKeysIn(
  tx: Session,
  deviceId: string,
  { keys, at }: { readonly keys: ReadonlyMap<string, string>; readonly at: Date },
): Promise<'taken' | 'publicKey' | 'compromisedKey'> {
  const digests = [...keys.keys()];
  const held = await takePublicKeys(tx, [deviceId, digests, [...keys.values()], at]);
  if (held.length === digests.length) return 'taken';
  const compromised = await compromisedKeys(tx, [digests]);
  return compromised.length > 0 ? 'compromisedKey' : 'publicKey';
}

/** Each public key once, with its kind. A key that would have two kinds is nobody's. */
function publicKeysOf({ endorsementKey, tpmKeys, softwareKeys }: Taking): ReadonlyMap<string, string> {
  const kinds = new Map([[endorsementKey.spkiSha256, 'endorsement']]);
  const all = [
    ...tpmKeys.map(({ spkiSha256, role }) => ({ spkiSha256, kind: role === 'devid' ? 'device' : role })),
    ...softwareKeys.map((spkiSha256) => ({ spkiSha256, kind: 'device' })),
  ];
  for (const { spkiSha256, kind } of all) {
    if ((kinds.get(spkiSha256) ?? kind) !== kind) throw conflict('publicKey');
    kinds.set(spkiSha256, kind);
  }
  return kinds;
}

async function conclude(tx: Session, taking: Taking): Promise<void> {
  const { device, proof, by } = taking;
  const facts = {
    ...{ by, replaces: device.replaces, grants: taking.grants, firmware: taking.firmware },
    ...(taking.absentSince === null ? {} : { absentSince: taking.absentSince }),
  };
  await authorize(tx, [
    taking.enrollmentId,
    device.id,
    proof.request,
    JSON.stringify(proof.evidence),
    proof.requestKey?.spkiSha256 ?? null,
    proof.requestKey?.public ?? null,
    taking.leaseUntil,
    taking.at,
    takingEvent(taking),
    taking.principal,
    JSON.stringify(facts),
    taking.answer === null ? null : JSON.stringify(taking.answer),
  ]);
}
