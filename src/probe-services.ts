// Probes of endpoints and of Keylime as the API offers them, and the looks that the server takes by itself. Part of the
// composition root: nothing is decided here.
import type { Authorities } from './authorities.ts';
import { judgeChain } from './client-trust.ts';
import type { Config } from './config.ts';
import type { LookChange } from './domain/look.ts';
import type { ChannelRules } from './domain/message.ts';
import { principalText } from './domain/principal.ts';
import { keylimeUuidOf, readEndorsementKey } from './enrollment/presented-tpm.ts';
import type { EndpointServices } from './http/endpoint-services.ts';
import { finder } from './inventory-services.ts';
import { type EndpointPorts, listEndpoints, lookAtEndpoints, probeNow } from './lifecycle/look-endpoints.ts';
import { attestationHold, letAgentThrough, listKeylimeAgents, lookAtKeylime } from './lifecycle/look-keylime.ts';
import type { RenewPorts } from './lifecycle/renew.ts';
import type { Job } from './lifecycle/scheduler.ts';
import { confirmingAs } from './lineage-services.ts';
import type { Logger } from './log.ts';
import type { Policies } from './policies.ts';
import { keylime } from './probes/keylime.ts';
import { probeEndpoint } from './probes/tls-endpoint.ts';
import { certificatesIn } from './storage/certificates.ts';
import { deviceStore } from './storage/devices.ts';
import { keylimeStore } from './storage/keylime.ts';
import { lineagesIn } from './storage/lineages.ts';
import type { Database } from './storage/pool.ts';
import { probeStore } from './storage/probes.ts';
import { warningStore } from './storage/warnings.ts';
import { throwawayClient } from './throwaway-client.ts';

type ProbeParts = {
  readonly db: Database;
  readonly config: Pick<Config, 'probes' | 'keylime'>;
  readonly policies: Pick<Policies, 'warnings'>;
  readonly authorities: Authorities;
  readonly channels: readonly ChannelRules[];
  readonly now: () => Date;
};

function endpointPorts({ db, config, policies, authorities, channels, now }: ProbeParts): EndpointPorts {
  const { probes: settings } = config;
  return {
    ...{ settings, channels, now, policy: policies.warnings },
    ...lineagesIn(db),
    ...probeStore(db),
    recordLook: warningStore(db).recordLook,
    findCertificate: finder({ certificates: certificatesIn(db) }),
    deviceOfHostName: deviceStore(db).deviceOfHostName,
    probe: (endpoint) =>
      probeEndpoint(endpoint, {
        timeoutMs: settings.timeoutSeconds * 1000,
        makeThrowaway: () => throwawayClient(now()),
      }),
    judgeChain: judgeChain(authorities),
    confirmAs: confirmingAs({ db }),
  };
}

/** The operations over one database and the declared endpoints. */
export function endpointServices(parts: ProbeParts): EndpointServices {
  const ports = endpointPorts(parts);
  const agents = keylimeStore(parts.db);
  const through = letAgentThrough(agents);
  return {
    listEndpoints: listEndpoints(ports),
    probeEndpoint: probeNow(ports),
    listKeylimeAgents: listKeylimeAgents(agents),
    letAgentThrough: (agent, principal, { now }) => through(agent, principalText(principal), now),
  };
}

/** The gate of attestation, as a renewal asks it; without Keylime it holds nobody. */
export function attestationGate({
  db,
  config,
}: Pick<ProbeParts, 'db' | 'config'>): Pick<RenewPorts, 'attestationHold'> {
  const { keylime: settings } = config;
  if (settings === null) return {};
  return { attestationHold: attestationHold({ settings, heldAgent: keylimeStore(db).heldAgent }) };
}

/** Between rounds, each of which visits as many endpoints as may be visited at once. */
const roundSeconds = 5;

/** The looks. Several servers may take them: turns are shared by what the database says was seen. */
export function probeJobs(parts: ProbeParts & { readonly log: Logger }): readonly Job[] {
  const { config, log } = parts;
  const tell = (changes: readonly LookChange[]): void => {
    for (const { change, ...rest } of changes) log.warn(`warning.${change}`, rest);
  };
  const look = lookAtEndpoints(endpointPorts(parts));
  const endpoints = {
    name: 'endpoints',
    everySeconds: Math.min(roundSeconds, config.probes.everySeconds),
    run: async () => tell(await look()),
  };
  return [endpoints, ...keylimeJobs(parts, tell)];
}

function keylimeJobs(
  { db, config, channels, now }: ProbeParts,
  tell: (changes: readonly LookChange[]) => void,
): readonly Job[] {
  const { keylime: settings } = config;
  if (settings === null) return [];
  const look = lookAtKeylime({
    ...{ settings, channels, now, ...keylimeStore(db) },
    recordLook: warningStore(db).recordLook,
    keylime: keylime(settings),
    keylimeUuidOf: (ekPublic) => {
      const key = readEndorsementKey(ekPublic);
      return key.ok ? keylimeUuidOf(key.value.publicKey.spkiDer) : null;
    },
  });
  return [{ name: 'keylime', everySeconds: settings.everySeconds, run: async () => tell(await look()) }];
}
