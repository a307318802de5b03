// Deliveries in memory, held to what those in PostgreSQL do.
import { describeDeliveryStore } from '../../fakes/delivery-store-suite.ts';
import { fakeDeliveryStore } from '../../fakes/delivery-store.ts';
import { fakeWarningStore } from '../../fakes/warning-store.ts';
import { warningTables } from '../../fakes/warning-tables.ts';

describeDeliveryStore('memory', async () => {
  const tables = warningTables();
  const { outbox } = tables;
  return {
    ...fakeWarningStore(tables),
    ...fakeDeliveryStore(tables),
    raise: async ({ topic, key, facts, at }) => {
      outbox.push({ id: outbox.length + 1, topic, key, facts: { ...facts }, at, deliveredAt: null });
    },
    alarmsLeft: async () => outbox.filter(({ deliveredAt }) => deliveredAt === null).length,
  };
});
