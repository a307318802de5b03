import { randomUUID } from 'node:crypto';
import { fakeIssuanceStore } from '../../fakes/issuance-store.ts';
import { describeIssuanceStore } from '../../fakes/issuance-store-suite.ts';

const store = fakeIssuanceStore();

describeIssuanceStore('the fake', async () => ({
  store,
  issuerId: 'a'.repeat(64),
  addDevice: async () => ({ deviceId: randomUUID(), lineageId: randomUUID(), conversationId: randomUUID() }),
  suspendDevice: async (deviceId) => store.suspendDevice(deviceId),
  compromiseKey: async (spkiSha256) => store.compromiseKey(spkiSha256),
}));
