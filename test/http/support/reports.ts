// The reports of the small world.
import type { ReportServices } from '../../../src/http/report-services.ts';
import type { ExpiryItem } from '../../../src/domain/report-wire.ts';
import { ok } from '../../../src/domain/result.ts';

const time = '2026-01-02T03:04:05Z';
const id = '33333333-3333-4333-8333-333333333333';
const states = {
  ...{ empty: 0, current: 1, windowOpen: 0, inProgress: 0, issued: 0 },
  ...{ installed: 0, failed: 0, late: 0, blocked: 0 },
};

/** An item as every kind has it. */
export const expiryItem: ExpiryItem = {
  ...{ kind: 'certificate', certificate: 'ab'.repeat(32), device: 'tower.example.org', profile: 'nginx-vhost' },
  ...{ serial: '0badc0de', subject: 'www.example.org', notAfter: time, effectiveNotAfter: time, limitedBy: 'leaf' },
  ...{ level: 'ok', managed: true, reason: 'far, "far" away', lineage: id, state: 'current', hostLastSeenAt: time },
  ...{ fault: null, places: [] },
};

const alien: ExpiryItem = {
  ...{
    ...expiryItem,
    kind: 'unmanaged',
    profile: 'unmanaged',
    serial: null,
    managed: false,
    lineage: null,
    state: null,
  },
  ...{ fault: 'softwareKeyDevId', places: [{ hostName: 'tower.example.org', path: '/etc/x.crt' }] },
};

export const reports: ReportServices = {
  expiryReport: async () =>
    ok({
      ...{ generatedAt: time, summary: { ok: 2, warning: 0, critical: 0 }, otherWarnings: 1 },
      ...{ items: [expiryItem, alien], next: 'bmV4dA' },
    }),
  issuanceReport: async (within) => ({
    ...{ generatedAt: time, from: time, totals: { issued: within, refused: 1, revoked: 0 }, issuedPerHour: 0.5 },
    profiles: [{ profile: 'devid', issued: within, refused: 1, revoked: 0 }],
    principals: [{ principal: `device:${id}`, issued: 2 }],
  }),
  rotationReport: async () => ({
    ...{ generatedAt: time, states, profiles: [{ profile: 'devid', states }] },
    late: [
      {
        lineage: id,
        device: id,
        hostName: 'tower.example.org',
        profile: 'devid',
        place: '',
        notAfter: null,
        reason: null,
      },
    ],
    campaigns: [
      {
        ...{ id, name: 'keys', state: 'running' },
        members: { total: 1, waiting: 1, released: 0, confirmed: 0, failed: 0 },
      },
    ],
    forecast: [{ day: '2026-01-03', profile: 'devid', renewals: 1 }],
  }),
  devicesReport: async () => ({
    generatedAt: time,
    items: [
      {
        ...{ id, hostName: 'tower.example.org', state: 'active', lastSeenAt: time, trustGeneration: null },
        tpm: { manufacturer: '49465800', model: 'SLB 9670', endorsementNotAfter: time },
        ...{ certificates: { ok: 1, warning: 0, critical: 0 }, nearestNotAfter: time },
        openWarnings: { warning: 1, critical: 0 },
      },
    ],
    next: 'bmV4dA',
  }),
};
