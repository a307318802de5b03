// Routes of lineages: renewal and confirmation by their hosts, and what people read of them.
import { createHash } from 'node:crypto';
import type { LineageStateName } from '../../domain/lineage-wire.ts';
import { pagingOf } from '../paging.ts';
import { answered, found, foundOr } from '../reply.ts';
import { type Query, type Repeatable, type Repetition, type Route, route } from '../route.ts';
import type { LineageServices } from '../services.ts';

/** `/v1/lineages…`, `/v1/certificates/{cert}/confirmation` */
export const lineageRoutes = (services: LineageServices): readonly Route[] => [
  route('GET', '/v1/lineages', { takes: ['viewer'] }, async (r) =>
    found(await services.listLineages({ ...filtersOf(r.query), ...pagingOf(r.query) }, r)),
  ),
  route('GET', '/v1/lineages/{id}', { takes: ['viewer'] }, async (r) =>
    foundOr(await services.showLineage(r.params.id, r), 'lineage'),
  ),
  route(
    'POST',
    '/v1/lineages/{id}/renewals',
    { takes: ['device'], body: 'RenewalBody', maxBodyOctets: 48 * 1024, repetition: repetitionOf(services) },
    async (r) => {
      const { deviceId, nonce } = r.principal;
      const bodySha256 = createHash('sha256').update(r.rawBody).digest('hex');
      const renewed = await services.renew({ lineageId: r.params.id, deviceId, body: r.body, bodySha256, nonce }, r);
      if (renewed.ok) return found(renewed.value);
      const { refusals, retryAfterSeconds } = renewed.error;
      const [only] = refusals;
      return {
        refusals: refusals.length === 1 && only !== undefined ? only : refusals,
        ...(retryAfterSeconds === null ? {} : { headers: { 'Retry-After': String(retryAfterSeconds) } }),
      };
    },
  ),
  route(
    'POST',
    '/v1/certificates/{cert}/confirmation',
    { takes: ['device'], body: 'ConfirmationBody', maxBodyOctets: 32 * 1024 },
    async (r) => {
      const { deviceId, nonce } = r.principal;
      const input = { cert: r.params.cert, deviceId, body: r.body, nonce: nonce.octets };
      return answered(await services.confirmCertificate(input, r), found);
    },
  ),
];

function repetitionOf(services: LineageServices): Repetition {
  const octetsOf = ({ id: lineageId, deviceId, bodySha256, now }: Repeatable) => ({
    ...{ lineageId, deviceId, bodySha256, now },
  });
  return {
    isRepeated: (request) => services.isRepeatedRenewal(octetsOf(request)),
    onReplay: (request) => services.renewalReplayed(octetsOf(request)),
  };
}

/** Other resources have states too; the contract lets only those of lineages come here. */
const isOfLineage = (state: Query['state']): state is LineageStateName =>
  state !== undefined && !['pending', 'approved', 'open', 'closed'].includes(state);

const filtersOf = ({ state, device, profile }: Query) => ({
  ...(isOfLineage(state) ? { state } : {}),
  ...(device === undefined ? {} : { device }),
  ...(profile === undefined ? {} : { profile }),
});
