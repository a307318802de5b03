// A small world behind the HTTP edge: every service answers from memory with what the contract promises. Tokens and
// nonces are the real services over maps; nothing else decides anything.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { OperatorTokenRecord } from '../../../src/domain/operator-token.ts';
import type { LineageResource } from '../../../src/domain/lineage-wire.ts';
import type { OperatorRole } from '../../../src/domain/principal.ts';
import { ok } from '../../../src/domain/result.ts';
import type { SpireAgentsResource, SpireDeviceResource } from '../../../src/domain/spire-wire.ts';
import type { ChannelResource } from '../../../src/domain/warning-wire.ts';
import type { EndpointResource, KeylimeAgentResource } from '../../../src/domain/warning-wire.ts';
import type { CertificateResource, DeviceResource, LimitsResource } from '../../../src/domain/wire.ts';
import { newNonce, spendNonce } from '../../../src/enrollment/nonces.ts';
import {
  authenticateOperator,
  createOperatorToken,
  listOperatorTokens,
  type OperatorTokenPorts,
  revokeOperatorToken,
} from '../../../src/enrollment/operator-tokens.ts';
import type { EnrollmentLimitOptions } from '../../../src/http/enrollment-limits.ts';
import type { RotationServices } from '../../../src/http/rotation-services.ts';
import type { HttpServices } from '../../../src/http/services.ts';
import { evidence } from './evidence.ts';
import { warnings } from './warnings.ts';
import { reports } from './reports.ts';
import type { CampaignResource } from '../../../src/domain/rotation-wire.ts';

export const contractText = readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8');

const sha256 = (octets: Uint8Array | string): string => createHash('sha256').update(octets).digest('hex');
const time = '2026-01-02T03:04:05Z';
const pem = '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n';

export const ids = {
  enrollment: '11111111-1111-4111-8111-111111111111',
  otherEnrollment: '22222222-2222-4222-8222-222222222222',
  device: '33333333-3333-4333-8333-333333333333',
  anything: '44444444-4444-4444-8444-444444444444',
  fingerprint: sha256('certificate'),
} as const;

export const certificate: CertificateResource = {
  certificate: ids.fingerprint,
  profile: 'nginx-vhost',
  serial: '0badc0de',
  issuer: sha256('issuer'),
  subject: 'CN=www.example.org',
  dnsNames: ['www.example.org'],
  ipAddresses: [],
  uris: [],
  notBefore: time,
  notAfter: time,
  status: 'good',
  reasonCode: null,
  device: null,
  lineage: null,
  issuedAt: time,
  renewAt: time,
  pem,
  chain: pem,
};

const device: DeviceResource = {
  id: ids.device,
  hostName: 'tower.example.org',
  state: 'active',
  keylimeUuid: null,
  createdAt: time,
  lastSeenAt: time,
  tpm: { manufacturer: 'IFX', model: null, version: null },
  endorsementKeys: [{ fingerprint: sha256('ek'), provedAt: time, exception: null }],
  grants: [{ profile: 'devid', dnsNames: ['tower.example.org'], ipAddresses: [], uris: [], place: '' }],
  lineages: [{ id: ids.anything, profile: 'devid', place: '', certificate }],
};

export type TestKey = { readonly privateKey: KeyObject; readonly spki: Uint8Array; readonly sha256: string };

export function makeKey(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  return { privateKey, spki, sha256: sha256(spki) };
}

export type World = {
  readonly services: HttpServices;
  /** Key of an enrollment that has no device yet. */
  readonly enrollingKey: TestKey;
  /** Request key of the device, whose enrollment is `otherEnrollment`. */
  readonly deviceKey: TestKey;
  readonly token: (role: OperatorRole, over?: { ttlSeconds?: number; limits?: LimitsResource }) => Promise<string>;
  readonly tokens: Map<string, OperatorTokenRecord>;
  readonly tokenPorts: OperatorTokenPorts;
  /** The service functions that were reached, in order. */
  readonly calls: string[];
};

/** In-memory stores of tokens and nonces with the promises of the real ones. */
function makeStores() {
  const tokens = new Map<string, OperatorTokenRecord>();
  const spent = new Set<string>();
  const ports: OperatorTokenPorts = {
    random: (octets) => new Uint8Array(randomBytes(octets)),
    newId: () => randomUUID(),
    insertOperatorToken: async (token) => void tokens.set(token.id, token),
    findOperatorToken: async (id) => tokens.get(id) ?? null,
    listOperatorTokens: async (after, limit) => {
      const order = (t: { createdAt: Date; id: string }) => `${t.createdAt.toISOString()} ${t.id}`;
      const sorted = [...tokens.values()].toSorted((a, b) => (order(a) < order(b) ? 1 : -1));
      return sorted.filter((token) => after === null || order(token) < order(after)).slice(0, limit);
    },
    revokeOperatorToken: async (id, at) => {
      const token = tokens.get(id);
      if (token !== undefined) tokens.set(id, { ...token, revokedAt: token.revokedAt ?? at });
      return token !== undefined;
    },
    recordOperatorTokenUse: async (id, at) => {
      const token = tokens.get(id);
      if (token !== undefined) tokens.set(id, { ...token, lastUsedAt: at });
    },
  };
  const spend = async (digest: string): Promise<boolean> => !spent.has(digest) && Boolean(spent.add(digest));
  return { tokens, ports, spend };
}

export function makeWorld(): World {
  const { tokens, ports, spend } = makeStores();
  const nonces = { key: randomBytes(32), random: ports.random, spendNonce: spend };
  const [enrollingKey, deviceKey] = [makeKey(), makeKey()];
  const calls: string[] = [];
  const services: HttpServices = {
    beginEnrollment: async () =>
      ok({ id: ids.enrollment, credentialBlob: 'AAAA', encryptedSecret: 'AAAA', nonce: 'AAAA', expiresAt: time }),
    activate: async () => ok({ state: 'pending', ekFingerprint: sha256('ek'), version: 1, retryAfter: 30 }),
    readEnrollment: async () =>
      ok({ state: 'approved', credentialBlob: 'AAAA', encryptedSecret: 'AAAA', nonce: 'AAAA', expiresAt: time }),
    requestKeyOf: async ({ requestKeySha256 }) => {
      if (requestKeySha256 === enrollingKey.sha256) {
        return { publicKey: enrollingKey.spki, deviceId: null, enrollmentIds: [ids.enrollment] };
      }
      if (requestKeySha256 !== deviceKey.sha256) return null;
      return { publicKey: deviceKey.spki, deviceId: ids.device, enrollmentIds: [ids.otherEnrollment] };
    },
    listEnrollments: async () => ({ items: [pendingEnrollment], next: null }),
    approveEnrollment: async () => ok({ ...pendingEnrollment, state: 'approved' }),
    rejectEnrollment: async () => ok(null),
    createEnrollmentToken: async (body) =>
      ok({
        id: ids.anything,
        token: 'omens',
        command: 'omens agent enroll',
        hostName: body.hostName,
        grants: [],
        expiresAt: time,
      }),
    listEnrollmentTokens: async () => ({
      items: [{ id: ids.anything, hostName: 'tower.example.org', grants: [], expiresAt: time, spentAt: null }],
      next: null,
    }),
    deleteEnrollmentToken: async () => ok(null),
    preregister: async (body) =>
      ok({ ekFingerprint: body.ekFingerprint, hostName: body.hostName, grants: [], exception: body.exception ?? null }),
    listDevices: async () => ({ items: [device], next: 'bmV4dA' }),
    showDevice: async (id) => (id === ids.device ? device : null),
    showOwnDevice: async (id) => (id === ids.device ? device : null),
    replaceGrants: async ({ grants }) => ok({ ...device, grants }),
    suspendDevice: async () => ok({ ...device, state: 'suspended', steps: [step] }),
    resumeDevice: async () => ok({ ...device, steps: [] }),
    retireDevice: async () => ok({ ...device, state: 'retired', steps: [step] }),
    spireOfDevice: async (id) => (id === ids.device ? spireOfDevice : null),
    confirmBySpireId: async () => ok(spireOfDevice),
    spireAgents: async () => spireAgents,
    listEndpoints: async () => [endpoint],
    probeEndpoint: async () => ok(endpoint),
    listKeylimeAgents: async () => [keylimeAgent],
    letAgentThrough: async () => ok({ ...keylimeAgent, letThroughUntil: time }),
    revokeCertificate: async ({ reasonCode }) =>
      ok({ ...certificate, status: 'revoked', reasonCode, changed: true, revokedSerials: 1 }),
    issueFromCsr: async () => ok(certificate),
    findCertificates: async () => ({ items: [certificate], next: null }),
    certificateEvidence: async (cert) => (cert === ids.fingerprint ? evidence : null),
    showCertificate: async (cert) => (cert === ids.fingerprint ? certificate : null),
    renewalInfo: async () => ({ suggestedWindow: { start: time, end: time } }),
    listProfiles: async () => [profile],
    showProfile: async (name) => (name === profile.name ? profile : null),
    listIssuers: async () => [issuer],
    issuerPem: async (id) => (id === issuer.id ? pem : null),
    issuerDer: async (cert) => (cert === issuer.id ? Uint8Array.of(0x30, 0) : null),
    currentCrl: async (ski) => (ski === issuer.subjectKeyIdentifier ? Uint8Array.of(0x30, 0) : null),
    renew: async () => ok({ state: 'issued', recovered: false, certificate: renewed }),
    isRepeatedRenewal: async () => false,
    renewalReplayed: async () => undefined,
    confirmCertificate: async () => ok(lineage),
    listLineages: async () => ({ items: [lineage], next: null }),
    showLineage: async (id) => (id === ids.device ? lineage : null),
    deviceSeen: async () => undefined,
    trustBundle: async () => trustBundle,
    publishTrustBundle: async () => ok(trustBundle),
    ...rotation,
    listAudit: async () => ({
      items: [{ id: '1', at: time, event: 'web.login', principal: 'operator:ann', facts: { source: '192.0.2.1' } }],
      next: null,
    }),
    listChannels: async () => ({ items: [channel], next: null }),
    testChannel: async (name) =>
      ok({ channel: name, message: ids.anything, accepted: false, detail: 'the answer was 500' }),
    ...warnings,
    ...reports,
    createOperatorToken: createOperatorToken(ports),
    listOperatorTokens: listOperatorTokens(ports),
    revokeOperatorToken: revokeOperatorToken(ports),
    authenticateOperator: authenticateOperator(ports),
    newNonce: newNonce(nonces),
    spendNonce: spendNonce(nonces),
    metricsText: async () => '# HELP omens_database_up Up.\n# TYPE omens_database_up gauge\nomens_database_up 1\n',
    isDatabaseReady: async () => true,
    isIssuerReady: async () => true,
  };
  return {
    services: counted(services, calls),
    enrollingKey,
    deviceKey,
    tokens,
    tokenPorts: ports,
    calls,
    token: async (role, over = {}) => {
      const made = await createOperatorToken(ports)(
        { name: role, role, ...over },
        { text: 'test', sources: null },
        { now: new Date() },
      );
      if (!made.ok || made.value.token === undefined) throw new Error('no token');
      return made.value.token;
    },
  };
}

/** The same services, each call noted by its name; those of access are part of the edge and not noted. */
function counted(services: HttpServices, calls: string[]): HttpServices {
  const quiet = [
    ...['newNonce', 'spendNonce', 'authenticateOperator', 'requestKeyOf', 'deviceSeen'],
    ...['isRepeatedRenewal', 'renewalReplayed'],
  ];
  const entries = Object.entries(services).map(([name, fn]) => {
    if (quiet.includes(name)) return [name, fn];
    const noted = (...input: unknown[]): unknown => {
      calls.push(name);
      return (fn as (...values: unknown[]) => unknown)(...input);
    };
    return [name, noted];
  });
  return Object.fromEntries(entries) as HttpServices;
}

const states = {
  ...{ empty: 0, current: 1, windowOpen: 0, inProgress: 0, issued: 0 },
  ...{ installed: 0, failed: 0, late: 1, blocked: 0 },
};

const counts = { total: 1, waiting: 1, released: 0, confirmed: 0, failed: 0 };

const campaign: CampaignResource = {
  id: ids.anything,
  name: 'devid-2026',
  state: 'planned',
  stopReason: null,
  scope: { profile: 'devid' },
  because: 'a new issuing CA',
  pilots: ['tower.example.org'],
  waveSize: 10,
  maxInFlight: { devid: 2 },
  serviceClasses: {},
  errorBudget: { percent: 5 },
  confirmWithinSeconds: 86_400,
  createdBy: 'operator:admin',
  createdAt: time,
  changedAt: time,
  members: counts,
  waves: [{ wave: 0, ...counts, hosts: ['tower.example.org'] }],
  failures: [],
};

const late = {
  ...{ lineage: ids.anything, device: ids.device, hostName: 'tower.example.org', profile: 'devid', place: '' },
  ...{ notAfter: time, reason: 'the renewal window is over and its host has not come' },
};

const rotation: RotationServices = {
  reportHost: async () => ok({ time, lineages: [], trustGeneration: 0, callAgainSeconds: 300 }),
  showFleet: async () => ({
    generatedAt: time,
    states,
    profiles: [{ profile: 'devid', states }],
    late: [late],
    ceiling: { perHour: 600, usedInLastHour: 1, outsideInLastDay: 0, waiting: 0 },
    blackouts: [{ kind: 'daily', from: '22:00', to: '06:00', active: false }],
    campaigns: [campaign],
  }),
  showForecast: async (days) => ({
    ...{ generatedAt: time, days, perHour: 600, total: 1 },
    items: [{ day: '2026-01-03', profile: 'devid', renewals: 1 }],
    overCeiling: [{ hour: time, renewals: 601 }],
  }),
  pullRenewals: async ({ dryRun = false }) => ok({ matched: 1, pulled: 1, batches: [{ at: time, count: 1 }], dryRun }),
  planCampaign: async ({ dryRun = false }) => ok(dryRun ? { ...campaign, id: null } : campaign),
  listCampaigns: async () => ({ items: [campaign], next: null }),
  showCampaign: async (id) => ({ ...campaign, id }),
  startCampaign: async () => ok({ ...campaign, state: 'running' }),
  pauseCampaign: async () => ok({ ...campaign, state: 'paused' }),
  resumeCampaign: async () => ok({ ...campaign, state: 'running' }),
};

const channel: ChannelResource = {
  ...{ name: 'phone', kind: 'pushover', destination: 'api.pushover.net', level: 'critical', digest: true },
  ...{ escalation: true, waiting: 1, oldestWaiting: time, lastDeliveredAt: null, failingSince: time },
  lastError: 'the answer was 500',
};

const endpoint: EndpointResource = {
  ...{ name: 'verifier', address: 'verifier.example.org:8881', kind: 'keylime-verifier', lookedAt: time },
  ...{ reachableAt: time, level: 'critical', servedSha256: ids.fingerprint, servedNotAfter: time },
  findings: [{ condition: 'servedDiffers', level: 'critical', detail: 'serves another certificate' }],
};

const keylimeAgent: KeylimeAgentResource = {
  ...{ agent: sha256('ek'), device: ids.device, hostName: 'tower.example.org', registered: true },
  ...{ operationalState: 7, state: 'failed', attestationStatus: 'FAIL', lastSuccessfulAttestation: time },
  ...{ since: time, failingSince: time, held: true, letThroughUntil: null },
};

const pendingEnrollment = {
  id: ids.enrollment,
  state: 'pending' as const,
  version: 1,
  hostName: 'tower.example.org',
  ekFingerprint: sha256('ek'),
  tpm: { manufacturer: null, model: null, version: null },
  profiles: ['devid'],
  dnsNames: [],
  ipAddresses: [],
  warnings: [],
  lapsesAt: time,
};

const agentId = `spiffe://funlab.casa/spire/agent/tpm_devid/${'a'.repeat(40)}`;
const spireIdentity = { certificate: ids.fingerprint, spiffeId: agentId, notAfter: time, listed: null };
const spireOfDevice: SpireDeviceResource = {
  device: ids.device,
  hostName: 'tower.example.org',
  asked: 'notAllowed',
  because: null,
  nodeAlias: { spiffeId: 'spiffe://funlab.casa/omens/node/tower.example.org', selectors: ['tpm_devid:subject:cn:x'] },
  lineages: [
    {
      ...{ lineage: ids.anything, hasSpireAgent: true, confirmedAt: null, confirmedBy: null, older: [] },
      newest: spireIdentity,
      steps: [{ step: 'evict', state: 'notYet', spiffeId: agentId, command: 'spire-server agent evict', because: 'x' }],
    },
  ],
};
const spireAgents: SpireAgentsResource = {
  generatedAt: time,
  asked: 'answered',
  because: null,
  command: 'spire-server agent list',
  agents: [
    {
      ...{ spiffeId: agentId, attestationType: 'tpm_devid', expiresAt: time, state: 'current' },
      ...{ device: ids.device, hostName: 'tower.example.org', command: null, because: 'the newest DevID' },
    },
  ],
  joinToken: { isRemovable: false, because: 'a host is missing', missing: ['gate.example.org'] },
};

const step = {
  relyingParty: 'spire',
  action: 'ban the agent',
  state: 'due',
  notBefore: null,
  command: 'spire-server agent ban',
  because: 'it reads no CRL',
} as const;

const profile = {
  name: 'devid',
  description: 'DevID',
  trustDomain: 'estate',
  digest: sha256('profile'),
  lifetimeSeconds: 1,
  keyOrigin: 'tpm',
  keyTypes: ['ec-p256'],
  extendedKeyUsage: ['tpmFixed'],
  obtainedBy: ['device'],
};

export const issuer = {
  id: sha256('issuer'),
  trustDomain: 'estate',
  role: 'issuing' as const,
  subject: 'CN=Book of Omens',
  subjectKeyIdentifier: '00112233445566778899',
  notBefore: time,
  notAfter: time,
  active: true,
};

const renewed = {
  profile: 'devid',
  lineage: ids.device,
  certificate: pem,
  chain: pem,
  notAfter: time,
  renewAt: time,
};

const lineage: LineageResource = {
  id: ids.device,
  device: ids.device,
  hostName: 'tower.example.org',
  profile: 'devid',
  place: '',
  state: 'empty',
  since: null,
  reason: null,
  newest: null,
  inUse: null,
  renewAt: null,
  window: null,
  pulled: null,
  lastError: null,
};

const trustBundle = {
  generation: 1,
  bundle: '-----BEGIN CMS-----\nMAA=\n-----END CMS-----\n',
  createdAt: time,
  signedBy: sha256('root'),
  anchors: [{ trustDomain: 'estate', certificate: sha256('root'), subject: 'Eye of Thundera', notAfter: time }],
};

/** Limits that no test reaches by accident. */
export const wideLimits = (): EnrollmentLimitOptions => ({
  perSource: { count: 1_000_000, seconds: 60 },
  perEndorsementKey: { count: 1_000_000, seconds: 60 },
  trustedSources: [],
  endorsementKeyName: (ekPublic) => ekPublic,
  salt: randomBytes(32),
});
