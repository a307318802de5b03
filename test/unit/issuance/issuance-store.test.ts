import { randomUUID } from 'node:crypto';
import { fakeIssuanceStore } from '../../fakes/issuance-store.ts';
import { describeIssuanceStore } from '../../fakes/issuance-store-suite.ts';

const store = fakeIssuanceStore();

describeIssuanceStore('the fake', async () => ({
  store,
  issuerId: 'a'.repeat(64),
  addDevice: async () => {
    const [deviceId, lineageId] = [randomUUID(), randomUUID()];
    store.placeLineage(lineageId, deviceId);
    return { deviceId, lineageId, conversationId: randomUUID() };
  },
  withdrawGrants: async (deviceId) => store.withdrawGrants(deviceId),
  loseEndorsementKeys: async (deviceId) => store.suspendDevice(deviceId),
  suspendDevice: async (deviceId) => store.suspendDevice(deviceId),
  compromiseKey: async (spkiSha256) => store.compromiseKey(spkiSha256),
}));
