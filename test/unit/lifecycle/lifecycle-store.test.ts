import { randomUUID } from 'node:crypto';
import { fakeLifecycleStore } from '../../fakes/lifecycle-store.ts';
import { describeLifecycleStore } from '../../fakes/lifecycle-store-suite.ts';

describeLifecycleStore('the fake', async () => {
  const store = fakeLifecycleStore();
  return {
    store,
    issuance: store.issuance,
    issuerId: 'a'.repeat(64),
    addHost: async (createdAt) => {
      const [deviceId, lineageId] = [randomUUID(), randomUUID()];
      store.addDevice({ id: deviceId, hostName: `${deviceId}.example.org` });
      store.addLineage({ id: lineageId, deviceId, profile: 'nginx-vhost', place: '', createdAt });
      return { deviceId, lineageId };
    },
    suspendDevice: async (deviceId) => store.setDeviceState(deviceId, 'suspended'),
    withdrawGrant: async (lineageId) => store.withdrawGrant(lineageId),
    holdTpmKey: async (spkiSha256) => store.holdTpmKey(spkiSha256),
    compromiseKey: async (spkiSha256) => store.compromiseKey(spkiSha256),
    supersededAt: async (fingerprint) => store.supersededAt(fingerprint),
    events: async (id) =>
      store.audit.filter(({ facts }) => Object.values(facts).includes(id)).map(({ event }) => event),
  };
});
