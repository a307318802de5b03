// Routes of SPIRE at rotation: plan of a host, agents of the server, the word of an admin.
import { answered, found, foundOr } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { SpireServices } from '../services.ts';

/** `/v1/spire/…` and what of SPIRE belongs to a device or certificate. */
export const spireRoutes = (services: SpireServices): readonly Route[] => [
  route('GET', '/v1/devices/{id}/spire', { takes: ['viewer'] }, async (r) =>
    foundOr(await services.spireOfDevice(r.params.id, r), 'device'),
  ),
  route('GET', '/v1/spire/agents', { takes: ['viewer'] }, async (r) => found(await services.spireAgents(r))),
  route(
    'POST',
    '/v1/certificates/{cert}/spire-confirmation',
    { takes: ['admin'], body: 'SpireConfirmationBody' },
    async (r) => {
      const input = { cert: r.params.cert, spiffeId: r.body.spiffeId, principal: r.principal };
      return answered(await services.confirmBySpireId(input, r), found);
    },
  ),
];
