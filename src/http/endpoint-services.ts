// What the HTTP edge needs of probes: declared endpoints, and the agents of Keylime.
import type { Principal } from '../domain/principal.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { EndpointResource, KeylimeAgentResource } from '../domain/warning-wire.ts';

type Operator = Extract<Principal, { readonly kind: 'operator' }>;

export type EndpointServices = {
  readonly listEndpoints: () => Promise<readonly EndpointResource[]>;
  /** Visits it at once. */
  readonly probeEndpoint: (name: string) => Promise<Result<EndpointResource, Refusal>>;
  readonly listKeylimeAgents: () => Promise<readonly KeylimeAgentResource[]>;
  /** The gate does not hold it for a day. */
  readonly letAgentThrough: (
    agent: string,
    principal: Operator,
    context: { readonly now: Date },
  ) => Promise<Result<KeylimeAgentResource, Refusal>>;
};
