// Warnings of the small world: one that is open, and one message of it.
import { ok } from '../../../src/domain/result.ts';
import type { DeliveryResource, WarningResource } from '../../../src/domain/warning-wire.ts';
import type { WarningServices } from '../../../src/http/warning-services.ts';

const time = '2026-01-02T03:04:05Z';

const warningId = '55555555-5555-4555-8555-555555555555';

const warning: WarningResource = {
  ...{ id: warningId, condition: 'renewalMissed', subject: 'service', level: 'critical', reason: 'due since 14 h' },
  ...{ facts: { name: 'tower.example.org', failures: 3 }, device: null, lineage: null, openedAt: time, levelAt: time },
  ...{ closedAt: null, acknowledgedAt: null, acknowledgedBy: null, snoozedUntil: null, snoozedBy: null, note: null },
};

const told = [{ channel: 'mail', kind: 'critical', at: time, deliveredAt: null }];

const delivery: DeliveryResource = {
  ...{ id: warningId, channel: 'mail', kind: 'warning', title: 'critical: tower.example.org: due since 14 h' },
  ...{ createdAt: time, attempts: 2, outcome: null, concludedAt: null, lastError: 'connect ECONNREFUSED' },
};

export const warnings: WarningServices = {
  listWarnings: async () => ({ items: [warning], next: null }),
  showWarning: async (id) => ({ ...warning, id, told }),
  acknowledgeWarning: async (_id, { note = null }, principal) =>
    ok({ ...warning, told, note, acknowledgedAt: time, acknowledgedBy: principal.name }),
  snoozeWarning: async (_id, { until, note = null }, principal) =>
    ok({ ...warning, told, note, snoozedUntil: until, snoozedBy: principal.name }),
  listDeliveries: async () => ({ items: [delivery], next: null }),
};
