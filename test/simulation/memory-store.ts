// The store of a simulation in memory: the fake of lifecycle and issuance that passes the same suite as PostgreSQL, and
// beside it what else a simulated fleet needs.
import type { Device, Grant } from '../../src/domain/device.ts';
import type { HostReportBody } from '../../src/domain/lineage-wire.ts';
import { fakeLifecycleStore } from '../fakes/lifecycle-store.ts';
import type { SimulationStore } from './service.ts';

type Member = {
  readonly device: Device;
  readonly grants: readonly Grant[];
  readonly lineages: ReadonlyMap<string, string>;
};

/** A store with nothing in it. */
export function memoryStore(): SimulationStore {
  const store = fakeLifecycleStore();
  const members = new Map<string, Member>();
  const reports = new Map<string, HostReportBody>();
  /** Conversation and lineage of each certificate. */
  const issued = new Map<string, readonly [string, string]>();
  const nonces = new Map<string, Date>();
  const told = new Map<string, number>();
  const member = (id: string): Member => {
    const found = members.get(id);
    if (found === undefined) throw new Error(`no device ${id}`);
    return found;
  };
  const pull = async (lineageId: string, renewAt: Date, by: { at: Date; by: string; because: string }) => {
    const facts = await store.lineageFacts(lineageId);
    if (facts?.renewAt == null || facts.renewAt <= renewAt) return false;
    store.pull(lineageId, { renewAt, ...by });
    return true;
  };
  return {
    ...store,
    ...store.issuance,
    findDevice: async (id) => members.get(id)?.device ?? null,
    grantsOf: async (id) => member(id).grants,
    recordIssued: async (result) => {
      const { conversationId, lineageId } = result.intent;
      issued.set(result.fingerprint, [conversationId ?? '', lineageId ?? '']);
      return store.issuance.recordIssued(result);
    },
    findCertificate: async (fingerprint) => {
      const attempts = await store.issuance.findByConversation(...(issued.get(fingerprint) ?? ['', '']));
      return attempts.find(({ certificate }) => certificate?.fingerprint === fingerprint)?.certificate ?? null;
    },
    newestTrustGeneration: async () => 0,
    spendNonce: async (sha256, expiresAt) => {
      // Nonces of one clock end in the order in which they were given out.
      for (const [old, until] of nonces) {
        if (until.getTime() > expiresAt.getTime() - 3_600_000) break;
        nonces.delete(old);
      }
      if (nonces.has(sha256)) return false;
      nonces.set(sha256, expiresAt);
      return true;
    },
    recordReport: async ({ deviceId, report, lineages, at }, eventsSince) => {
      for (const { event } of eventsSince(reports.get(deviceId) ?? null)) told.set(event, (told.get(event) ?? 0) + 1);
      reports.set(deviceId, report);
      for (const { lineageId, ...said } of lineages) store.reported(lineageId, { ...said, at });
    },
    lineagesOfScope: async ({ profile }) => {
      const rows = await store.listLineageFacts({ deviceId: null, profile, after: null, limit: Infinity });
      return rows.flatMap(({ id, hostName, place, newest, isGranted, deviceState, profile: name }) =>
        newest === null || !isGranted || deviceState !== 'active'
          ? []
          : [
              {
                lineageId: id,
                hostName,
                profile: name,
                place,
                certificate: newest.fingerprint,
                notAfter: newest.notAfter,
              },
            ],
      );
    },
    pullRenewals: async ({ due, by, because, at }) => {
      let pulled = 0;
      for (const one of due) if (await pull(one.lineageId, one.at, { at, by, because })) pulled += 1;
      return pulled;
    },
    addDevice: async ({ id, hostName }, lineages, at) => {
      store.addDevice({ id, hostName });
      for (const { id: lineageId, grant } of lineages) {
        const { profile, place } = grant;
        store.addLineage({ id: lineageId, deviceId: id, profile, place, createdAt: at });
      }
      members.set(id, {
        device: { id, hostName, state: 'active', keylimeUuid: null, createdAt: at, lastSeenAt: at },
        grants: lineages.map(({ grant }) => grant),
        lineages: new Map(lineages.map(({ id: lineageId, grant }) => [grant.profile, lineageId])),
      });
    },
    changeDeviceState: async (id, state, at) => {
      const { device, lineages, ...rest } = member(id);
      members.set(id, { ...rest, lineages, device: { ...device, state } });
      store.setDeviceState(id, state);
      // What was suspended was revoked as well: it is due at once.
      if (state !== 'active') return;
      for (const lineageId of lineages.values()) await pull(lineageId, at, { at, by: 'operator', because: 'resumed' });
    },
    withdrawGrant: async (deviceId, profile) => {
      const { grants, ...rest } = member(deviceId);
      members.set(deviceId, { ...rest, grants: grants.filter((grant) => grant.profile !== profile) });
      const lineageId = rest.lineages.get(profile);
      if (lineageId !== undefined) store.withdrawGrant(lineageId);
    },
    auditCounts: async () => {
      const counts = new Map(told);
      for (const { event } of store.audit) counts.set(event, (counts.get(event) ?? 0) + 1);
      return counts;
    },
  };
}
