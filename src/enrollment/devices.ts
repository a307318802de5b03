// Hosts in the inventory: shown, granted, suspended, resumed, retired, and known beforehand by their EK. The store revokes
// what a suspended or retired host had, in the transaction that changes its state.
import { type Cursor, decodeCursor, encodeCursor, pageOf } from '../domain/cursor.ts';
import type { Device, DeviceState, Grant, Lineage, Preregistration } from '../domain/device.ts';
import { type Principal, principalText } from '../domain/principal.ts';
import type { Profile } from '../domain/profile.ts';
import { relyingPartySteps } from '../domain/relying-party-steps.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { DeviceStateResource } from '../domain/revocation-wire.ts';
import type { SpireSettings } from '../domain/spire.ts';
import {
  type CertificateResource,
  type DeviceResource,
  type GrantResource,
  type Page,
  type PreregistrationBody,
  type PreregistrationResource,
  wireTime,
} from '../domain/wire.ts';
import { type GrantReason, makeGrants, readGrants } from './grants.ts';
import type { Context, DeviceLookups } from './records.ts';

export type DeviceReason = 'notFound' | 'deviceRetired' | 'deviceNotSuspended' | 'alreadyPreregistered' | GrantReason;

type Operator = Extract<Principal, { readonly kind: 'operator' }>;
type Change = { readonly by: string; readonly at: Date };

export type DevicePorts = Pick<DeviceLookups, 'findDevice' | 'grantsOf' | 'endorsementKeysOf' | 'lineagesOf'> & {
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Newest first. */
  readonly listDevices: (after: Cursor | null, limit: number) => Promise<readonly Device[]>;
  /** The newest certificate of a lineage, or null. */
  readonly newestCertificate: (lineageId: string) => Promise<CertificateResource | null>;
  /** DevID certificates that have not ended at an instant, revoked ones too, newest first. */
  readonly devidsOf: (
    deviceId: string,
    now: Date,
  ) => Promise<readonly { readonly der: Uint8Array; readonly notAfter: Date }[]>;
  readonly spire: SpireSettings | null;
  /**
   * False when the device is not in a state from which this one can be reached. Suspending and retiring revoke its
   * certificates, resuming makes the next ones due, in the same transaction.
   */
  readonly changeDeviceState: (id: string, state: DeviceState, change: Change) => Promise<boolean>;
  readonly replaceGrants: (id: string, grants: readonly Grant[], change: Change) => Promise<void>;
  /** False when this EK is pre-registered already. */
  readonly insertPreregistration: (preregistration: Preregistration) => Promise<boolean>;
};

type Changed = Promise<Result<DeviceResource, readonly Refusal<DeviceReason>[]>>;

/** A page of devices, the newest first. */
export const listDevices =
  (ports: DevicePorts) =>
  async (query: { readonly cursor?: string; readonly limit: number }): Promise<Page<DeviceResource>> => {
    const found = await ports.listDevices(decodeCursor(query.cursor, 'uuid'), query.limit + 1);
    const { page, last } = pageOf(found, query.limit);
    const items = await Promise.all(page.map((device) => resourceOf(ports, device)));
    return { items, next: last === null ? null : encodeCursor({ at: last.createdAt, id: last.id }) };
  };

/** One device, or null. */
export const showDevice =
  (ports: DevicePorts) =>
  async (id: string): Promise<DeviceResource | null> => {
    const device = await ports.findDevice(id);
    return device === null ? null : resourceOf(ports, device);
  };

/** Replaces what a device may have. What was issued under a grant that is gone runs out, and is not renewed. */
export const replaceGrants =
  (ports: DevicePorts) =>
  async (
    input: { readonly id: string; readonly grants: readonly GrantResource[]; readonly principal: Operator },
    { now }: Context,
  ): Changed => {
    const device = await ports.findDevice(input.id);
    if (device === null) return err([notFound]);
    if (device.state === 'retired') return err([retired]);
    const grants = readGrants(input.grants, { principal: input.principal, known: ports.profiles });
    if (!grants.ok) return grants;
    await ports.replaceGrants(device.id, grants.value, { by: principalText(input.principal), at: now });
    return ok(await resourceOf(ports, device));
  };

const changeState =
  (state: DeviceState) =>
  (ports: DevicePorts) =>
  async (
    id: string,
    principal: Operator,
    { now }: Context,
  ): Promise<Result<DeviceStateResource, readonly Refusal<DeviceReason>[]>> => {
    const device = await ports.findDevice(id);
    if (device === null) return err([notFound]);
    if (device.state === 'retired' && state !== 'retired') return err([retired]);
    if (device.state === 'active' && state === 'active') return err([notSuspended]);
    const isDone = await ports.changeDeviceState(id, state, { by: principalText(principal), at: now });
    if (!isDone) return err([retired]);
    const { keylimeUuid } = device;
    const steps = relyingPartySteps({
      state,
      keylimeUuid,
      devids: await ports.devidsOf(id, now),
      spire: ports.spire,
      now,
    });
    return ok({ ...(await resourceOf(ports, { ...device, state })), steps });
  };

/** Its certificates are revoked, and nothing is issued to it until it is resumed. */
export const suspendDevice = changeState('suspended');

/** Ends a suspension; its next certificates are due at once. */
export const resumeDevice = changeState('active');

/** For good: its certificates are revoked, its name and its TPM may be taken by a new device, which an admin has to allow. */
export const retireDevice = changeState('retired');

/** Makes an EK known before its host calls: that host then needs neither token nor approval. */
export const preregister =
  (ports: DevicePorts) =>
  async (
    body: PreregistrationBody,
    principal: Operator,
    { now }: Context,
  ): Promise<Result<PreregistrationResource, readonly Refusal<DeviceReason>[]>> => {
    const { ekFingerprint, hostName, addresses = [], profiles = null, exception = null } = body;
    const grants = makeGrants({ hostName, addresses, profiles, principal, known: ports.profiles });
    if (!grants.ok) return grants;
    const createdBy = principalText(principal);
    const preregistration = { ekFingerprint, hostName, grants: grants.value, exception, createdBy, createdAt: now };
    const isNew = await ports.insertPreregistration(preregistration);
    return isNew ? ok({ ekFingerprint, hostName, grants: grants.value, exception }) : err([alreadyPreregistered]);
  };

async function resourceOf(ports: DevicePorts, device: Device): Promise<DeviceResource> {
  const [keys, grants, lineages] = await Promise.all([
    ports.endorsementKeysOf(device.id),
    ports.grantsOf(device.id),
    ports.lineagesOf(device.id),
  ]);
  const [key] = keys;
  return {
    id: device.id,
    hostName: device.hostName,
    state: device.state,
    keylimeUuid: device.keylimeUuid,
    createdAt: wireTime(device.createdAt),
    lastSeenAt: wireTime(device.lastSeenAt),
    tpm: { manufacturer: key?.manufacturer ?? null, model: key?.model ?? null, version: key?.version ?? null },
    endorsementKeys: keys.map(({ fingerprint, provedAt, exception }) => ({
      fingerprint,
      provedAt: wireTime(provedAt),
      exception,
    })),
    grants,
    lineages: await Promise.all(lineages.map((lineage) => lineageOf(ports, lineage))),
  };
}

const lineageOf = async (ports: DevicePorts, { id, profile, place }: Lineage) => ({
  id,
  profile,
  place,
  certificate: await ports.newestCertificate(id),
});

const notFound: Refusal<DeviceReason> = { reason: 'notFound', detail: 'there is no device of this id', field: 'id' };

const retired: Refusal<DeviceReason> = {
  reason: 'deviceRetired',
  detail: 'the device is retired, and stays so',
  field: 'id',
  accepted: 'a new enrollment of the host',
};

const notSuspended: Refusal<DeviceReason> = {
  reason: 'deviceNotSuspended',
  detail: 'the device is active',
  field: 'id',
  accepted: 'a suspended device',
};

const alreadyPreregistered: Refusal<DeviceReason> = {
  reason: 'alreadyPreregistered',
  detail: 'this endorsement key is pre-registered already',
  field: 'ekFingerprint',
  accepted: 'each endorsement key once',
};
