// The look at declared endpoints: each is visited in its turn, compared with the inventory, written down; what was served
// confirms its certificate, or opens its lineage again; and what is not well becomes standings.
import type { CertificateRecord } from '../domain/certificate.ts';
import type { Device } from '../domain/device.ts';
import { addressOf, type Endpoint, type EndpointSeen, type ProbeSettings } from '../domain/endpoint.ts';
import type { LineageFacts } from '../domain/lineage.ts';
import type { LookChange } from '../domain/look.ts';
import type { ChannelRules } from '../domain/message.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import {
  confirmationOf,
  endpointConditions,
  type EndpointFacts,
  endpointFindings,
  endpointStandings,
  nextRecord,
  type ProbeRecord,
  type ServedFacts,
} from '../domain/standings/endpoint.ts';
import type { Standing } from '../domain/warning.ts';
import type { EndpointResource } from '../domain/warning-wire.ts';
import { wireTime } from '../domain/wire.ts';
import type { LineageReads } from './records.ts';
import type { WarningStore } from './warning-records.ts';

/** What was read of the leaf, and why clients do not verify it. */
export type ChainJudgement = {
  readonly leaf: { readonly sha256: string; readonly notBefore: Date; readonly notAfter: Date } | null;
  readonly faults: EndpointFacts['chainFaults'];
};

export type EndpointPorts = Pick<LineageReads, 'lineageFacts' | 'lineageFactsOfDevice'> &
  Pick<WarningStore, 'recordLook'> & {
    readonly settings: ProbeSettings;
    readonly policy: EndpointFacts['policy'];
    readonly channels: readonly ChannelRules[];
    readonly now: () => Date;
    /** Never rejects. */
    readonly probe: (endpoint: Endpoint) => Promise<EndpointSeen>;
    readonly judgeChain: (endpoint: Endpoint, chain: readonly Uint8Array[], now: Date) => Promise<ChainJudgement>;
    readonly findCertificate: (fingerprint: string) => Promise<CertificateRecord | null>;
    readonly deviceOfHostName: (hostName: string) => Promise<Device | null>;
    readonly probeRecords: () => Promise<readonly ProbeRecord[]>;
    readonly recordProbe: (record: ProbeRecord) => Promise<void>;
    readonly forgetProbes: (declared: readonly string[]) => Promise<void>;
    readonly confirmAs: (
      kind: 'probe',
      confirmation: {
        readonly cert: string;
        readonly principal: string;
        readonly evidence: object;
        readonly now: Date;
      },
    ) => Promise<Result<unknown, Refusal>>;
  };

/** What is not well is told at least so often, also where nobody's turn has come. Seconds. */
const tellSeconds = 60;

/**
 * A round: visits endpoints whose turn it is, those first that waited longest, and as many as may be visited at once, so
 * that a round ends soon; several servers share the turns. Says which warnings changed.
 */
export function lookAtEndpoints(ports: EndpointPorts): () => Promise<readonly LookChange[]> {
  let toldAt: number | null = null;
  return async () => {
    const { endpoints, concurrency } = ports.settings;
    await ports.forgetProbes(endpoints.map(({ name }) => name));
    const before = new Map((await ports.probeRecords()).map((record) => [record.endpoint, record]));
    const due = dueEndpoints(ports.settings, before, ports.now());
    const turn = due.slice(0, concurrency);
    const visits = await Promise.allSettled(
      turn.map((endpoint) => visit(ports, endpoint, before.get(endpoint.name) ?? null)),
    );
    const now = ports.now().getTime();
    if (turn.length === 0 && toldAt !== null && now - toldAt < tellSeconds * 1000) return [];
    toldAt = now;
    const changes = await tellStandings(ports);
    // What failed at one endpoint is told only now: it must not keep silent what was seen at the others.
    for (const one of visits) if (one.status === 'rejected') throw one.reason;
    return changes;
  };
}

/** What was looked at long after now was so by a clock that was wrong, and is due as well. */
function dueEndpoints(
  { endpoints, everySeconds }: ProbeSettings,
  before: ReadonlyMap<string, ProbeRecord>,
  now: Date,
): readonly Endpoint[] {
  const lookedAt = ({ name }: Endpoint): number => before.get(name)?.lookedAt.getTime() ?? 0;
  return endpoints
    .filter((endpoint) => Math.abs(now.getTime() - lookedAt(endpoint)) >= everySeconds * 1000)
    .toSorted((a, b) => lookedAt(a) - lookedAt(b));
}

/** Visits one endpoint at once. Refused for a name that is not declared. */
export const probeNow =
  (ports: EndpointPorts) =>
  async (name: string): Promise<Result<EndpointResource, Refusal<'notFound'>>> => {
    const endpoint = ports.settings.endpoints.find((one) => one.name === name);
    if (endpoint === undefined) return err({ reason: 'notFound', detail: 'there is no such endpoint' });
    const before = (await ports.probeRecords()).find((record) => record.endpoint === name) ?? null;
    const record = await visit(ports, endpoint, before);
    await tellStandings(ports);
    return ok(endpointResource(endpoint, record));
  };

/** The declared endpoints with what was seen of each the last time. */
export const listEndpoints =
  (ports: Pick<EndpointPorts, 'settings' | 'probeRecords'>) => async (): Promise<readonly EndpointResource[]> => {
    const records = new Map((await ports.probeRecords()).map((record) => [record.endpoint, record]));
    return ports.settings.endpoints.map((endpoint) => endpointResource(endpoint, records.get(endpoint.name) ?? null));
  };

async function visit(ports: EndpointPorts, endpoint: Endpoint, before: ProbeRecord | null): Promise<ProbeRecord> {
  const seenAt = ports.now();
  const seen = await ports.probe(endpoint);
  const judgement = seen.reached ? await ports.judgeChain(endpoint, seen.chain, seenAt) : { leaf: null, faults: [] };
  const served = await servedFacts(ports, endpoint, judgement);
  const now = ports.now();
  const facts = { endpoint, seen, served, chainFaults: judgement.faults, policy: ports.policy, now };
  const record = nextRecord(before, facts, endpointFindings(facts));
  await ports.recordProbe(record);
  const cert = confirmationOf(facts, { seenAt });
  if (cert !== null) {
    const evidence = { version: 1, endpoint: endpoint.name, address: addressOf(endpoint), servedSha256: cert };
    await ports.confirmAs('probe', { cert, principal: 'service', evidence, now });
  }
  return record;
}

async function servedFacts(
  ports: EndpointPorts,
  { expects }: Endpoint,
  { leaf }: ChainJudgement,
): Promise<ServedFacts | null> {
  if (leaf === null) return null;
  const record = await ports.findCertificate(leaf.sha256);
  const owner = record?.lineageId == null ? null : await ports.lineageFacts(record.lineageId);
  return { ...leaf, record, owner, expected: await expectedLineages(ports, expects) };
}

async function expectedLineages(
  ports: EndpointPorts,
  expects: Endpoint['expects'],
): Promise<readonly LineageFacts[] | null> {
  if (expects?.kind !== 'lineage') return null;
  const device = await ports.deviceOfHostName(expects.hostName);
  const lineages = device === null ? [] : await ports.lineageFactsOfDevice(device.id);
  return lineages.filter(
    ({ profile, place }) => profile === expects.profile && (expects.place === null || place === expects.place),
  );
}

async function tellStandings(ports: EndpointPorts): Promise<readonly LookChange[]> {
  const records = new Map((await ports.probeRecords()).map((record) => [record.endpoint, record]));
  const standings: Standing[] = [];
  for (const endpoint of ports.settings.endpoints) {
    const record = records.get(endpoint.name);
    if (record === undefined || record.findings.length === 0) continue;
    standings.push(...endpointStandings(endpoint, record, await deviceBehind(ports, endpoint, record)));
  }
  return ports.recordLook({ conditions: endpointConditions, standings, at: ports.now(), channels: ports.channels });
}

/** Whose endpoint it is: of the host that is expected there, else of whoever has the certificate. */
async function deviceBehind(
  ports: EndpointPorts,
  { expects }: Endpoint,
  { servedSha256 }: ProbeRecord,
): Promise<{ readonly id: string; readonly lineageId: string | null } | null> {
  const record = servedSha256 === null ? null : await ports.findCertificate(servedSha256);
  if (expects?.kind !== 'lineage') return record?.deviceId == null ? null : { id: record.deviceId, lineageId: null };
  const device = await ports.deviceOfHostName(expects.hostName);
  if (device === null) return null;
  const [only, ...others] = (await expectedLineages(ports, expects)) ?? [];
  return { id: device.id, lineageId: others.length === 0 ? (only?.id ?? null) : null };
}

function endpointResource(endpoint: Endpoint, record: ProbeRecord | null): EndpointResource {
  const { name, kind } = endpoint;
  const findings = record?.findings ?? [];
  const isCritical = findings.some(({ level }) => level === 'critical');
  const found = isCritical ? 'critical' : findings.length > 0 ? 'warning' : 'ok';
  return {
    ...{ name, kind, address: addressOf(endpoint) },
    lookedAt: record === null ? null : wireTime(record.lookedAt),
    reachableAt: timeOrNull(record?.reachableAt),
    level: record === null ? 'unknown' : found,
    findings,
    servedSha256: record?.servedSha256 ?? null,
    servedNotAfter: timeOrNull(record?.servedNotAfter),
  };
}

const timeOrNull = (instant: Date | null | undefined): string | null =>
  instant === null || instant === undefined ? null : wireTime(instant);
