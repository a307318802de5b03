// Routes of probes: declared endpoints, and the agents of Keylime.
import { answered, found } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { EndpointServices } from '../endpoint-services.ts';

/** `/v1/endpoints…` and `/v1/keylime/…`; both lists are whole: they are bounded by the configuration and by Keylime. */
export const endpointRoutes = (services: EndpointServices): readonly Route[] => [
  route('GET', '/v1/endpoints', { takes: ['viewer'] }, async () =>
    found({ items: await services.listEndpoints(), next: null }),
  ),
  route('POST', '/v1/endpoints/{name}/probe', { takes: ['admin'] }, async (r) =>
    answered(await services.probeEndpoint(r.params.name), found),
  ),
  route('GET', '/v1/keylime/agents', { takes: ['viewer'] }, async () =>
    found({ items: await services.listKeylimeAgents(), next: null }),
  ),
  route('POST', '/v1/keylime/agents/{agent}/let-through', { takes: ['admin'] }, async (r) =>
    answered(await services.letAgentThrough(r.params.agent, r.principal, r), found),
  ),
];
