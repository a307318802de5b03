// Lineages as the API calls them: renewal, confirmation and what is read of them, over one database and one issuance. Part
// of the composition root.
import { randomUUID } from 'node:crypto';
import { decodeCursor, encodeCursor } from './domain/cursor.ts';
import { proveRenewal } from './enrollment/prove-renewal.ts';
import { verifyUse } from './enrollment/prove-use.ts';
import type { CertificateServices, LineageServices } from './http/services.ts';
import { finder } from './inventory-services.ts';
import { issue, preview } from './issuance/issue.ts';
import { confirm, confirmAs } from './lifecycle/confirm.ts';
import { listLineages, showLineage } from './lifecycle/lineages.ts';
import { isRetransmission, renew } from './lifecycle/renew.ts';
import { tellReplay } from './lifecycle/replay.ts';
import { attestationGate } from './probe-services.ts';
import type { ServiceParts } from './services.ts';
import { certificatesIn } from './storage/certificates.ts';
import { deviceStore } from './storage/devices.ts';
import { lineagesIn } from './storage/lineages.ts';
import { renewalsIn } from './storage/renewals.ts';

/** Every function of lineages that the API has. */
export function lineageServices(
  parts: ServiceParts,
  { showCertificate }: Pick<CertificateServices, 'showCertificate'>,
): LineageServices {
  const ports = { ...lineagesIn(parts.db), ...renewalsIn(parts.db) };
  const devices = deviceStore(parts.db);
  const renewing = renew({
    ...ports,
    ...devices,
    certificate: showCertificate,
    profiles: parts.policies.profiles,
    limits: parts.config.renewals,
    ...attestationGate(parts),
    prove: proveRenewal({ ...devices, tpmDenials: parts.policies.tpmDenials }),
    issue: issue(parts.ports),
    preview: preview(parts.ports),
    newId: () => randomUUID(),
    counted: parts.metrics.countRenewal,
  });
  const isRepeated = isRetransmission(ports);
  const confirming = confirm({
    ...ports,
    verifyUse,
    findCertificate: finder({ certificates: certificatesIn(parts.db) }),
  });
  const list = listLineages(ports);
  const show = showLineage(ports);
  return {
    renew: (input, { now }) => renewing({ ...input, now }),
    isRepeatedRenewal: isRepeated,
    renewalReplayed: tellReplay(ports),
    confirmCertificate: (input, { now }) => confirming({ ...input, now }),
    listLineages: async (query, { now }) => {
      const { state = null, device = null, profile = null, cursor, limit } = query;
      const after = decodeCursor(cursor, 'uuid');
      const { items, next } = await list({ state, deviceId: device, profile, after, limit }, now);
      return { items, next: next === null ? null : encodeCursor(next) };
    },
    showLineage: (id, { now }) => show(id, now),
  };
}

/** `confirmAs` over a database, for whoever has another's word for it: a probe, the SPIRE server, an operator. */
export const confirmingAs = ({ db }: Pick<ServiceParts, 'db'>) =>
  confirmAs({ ...lineagesIn(db), ...renewalsIn(db), findCertificate: finder({ certificates: certificatesIn(db) }) });
