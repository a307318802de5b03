// The service of a simulation: its use cases as main.ts wires them, over a store. Fake are only what makes a certificate,
// what verifies a TPM or a key, and the HTTP edge in between (authentication is given, nonces have no MAC; problems are real).
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type KeepAnswer, Trouble } from '../../src/agent/keep-ports.ts';
import { attestedDigest } from '../../src/domain/attested-statement.ts';
import type { CertificateRecord } from '../../src/domain/certificate.ts';
import type { Device, Grant } from '../../src/domain/device.ts';
import type { LineageResource, RenewalBody, RenewalDocument } from '../../src/domain/lineage-wire.ts';
import { base64url } from '../../src/domain/octets.ts';
import { planCertificate } from '../../src/domain/plan.ts';
import type { Profile } from '../../src/domain/profile.ts';
import { drawRenewal } from '../../src/domain/renewal.ts';
import { err, ok, type Refusal, type Result } from '../../src/domain/result.ts';
import { renderProblem } from '../../src/http/problems.ts';
import type { IssueRequest } from '../../src/issuance/issue.ts';
import { certificateResource } from '../../src/issuance/resource.ts';
import type { IssuanceStore } from '../../src/issuance/records.ts';
import { confirm } from '../../src/lifecycle/confirm.ts';
import { reportHost, type ReportPorts } from '../../src/lifecycle/host-reports.ts';
import { listLineages } from '../../src/lifecycle/lineages.ts';
import type { RenewalRecord, RenewalStore } from '../../src/lifecycle/records.ts';
import { type PullPorts, pullRenewals } from '../../src/lifecycle/renewal-pulls.ts';
import { isRetransmission, type ProveClaim, renew } from '../../src/lifecycle/renew.ts';
import { tellReplay } from '../../src/lifecycle/replay.ts';
import { loadPolicies } from '../../src/policies.ts';
import { issueFake, issuerOf, readFakeCertificate, ServerKilled } from './certificates.ts';
import { uuidOf } from './fleet.ts';
import type { Pair, SimulatedHost } from './host.ts';
import { sha256Hex } from './keys.ts';
import type { Signing } from './oracle.ts';
import type { Backend, OperatorAct, World } from './simulation.ts';

/** What a store must do for the use cases of a simulation, and to set its scene. */
export type SimulationStore = RenewalStore &
  IssuanceStore &
  Pick<ReportPorts, 'recordReport' | 'newestTrustGeneration'> &
  PullPorts & {
    readonly findDevice: (id: string) => Promise<Device | null>;
    readonly grantsOf: (deviceId: string) => Promise<readonly Grant[]>;
    readonly findCertificate: (fingerprint: string) => Promise<CertificateRecord | null>;
    readonly spendNonce: (sha256: string, expiresAt: Date) => Promise<boolean>;
    /** A device that has proved an EK, with its grants and lineages. */
    readonly addDevice: (
      device: { readonly id: string; readonly hostName: string },
      lineages: readonly { readonly id: string; readonly grant: Grant }[],
      at: Date,
    ) => Promise<void>;
    readonly changeDeviceState: (id: string, state: Device['state'], at: Date) => Promise<void>;
    readonly withdrawGrant: (deviceId: string, profile: string, at: Date) => Promise<void>;
    /** Audit events, counted by name. */
    readonly auditCounts: () => Promise<ReadonlyMap<string, number>>;
  };

const operator = {
  kind: 'operator',
  tokenId: uuidOf(0x0e, 1),
  name: 'simulation',
  role: 'admin',
  limits: { profiles: null, names: null, sources: null },
} as const;

/** The profiles as they are shipped; the build lies one level deeper. */
function shippedProfiles(): ReadonlyMap<string, Profile> {
  const places = ['../../policies', '../../../policies'].map((place) => join(import.meta.dirname, place));
  const policies = loadPolicies(places.find((place) => existsSync(place)) ?? '');
  if (!policies.ok) throw new Error(JSON.stringify(policies.error));
  return policies.value.profiles;
}

/** The service over a store. */
export function serviceOver(store: SimulationStore, world: World, issuerId: string): Backend {
  const profiles = shippedProfiles();
  const { dice } = world;
  const draw = drawRenewal([]);
  const issue = issueFake({
    ...{ store, issuerId, leaseSeconds: 60, random: dice.octets, drawRenewal: (certificate) => draw(certificate) },
    mayDie: () => {
      if (dice.roll(1500) === 0) throw new ServerKilled();
    },
    onSigned: (record, renewAt, conversation) =>
      world.onSigned(signingOf(record, { renewAt, conversation, renewal: asked.get(conversation) ?? null })),
  });
  const nonces = noncesIn(store);
  let clock = new Date(0);
  let ids = 0;
  const asked = new Map<string, RenewalRecord>();
  const renewing = {
    ...store,
    admitRenewal: async (...admission: Parameters<RenewalStore['admitRenewal']>) => {
      const outcome = await store.admitRenewal(...admission);
      if (outcome.kind === 'admitted') asked.set(outcome.renewal.id, outcome.renewal);
      if (outcome.kind === 'wait' && outcome.because === 'ceiling')
        world.onWait(admission[0].lineageId, admission[0].at.getTime());
      return outcome;
    },
    ...{ profiles, issue, prove: proverOf(world) },
    certificate: async (fingerprint: string) => {
      const record = await store.findCertificate(fingerprint);
      if (record === null) return null;
      return { ...certificateResource(record, ''), pem: Buffer.from(record.der).toString('utf8') };
    },
    limits: {
      perLineagePerHour: 6,
      blackouts: [],
      get perHour() {
        return world.ceilingAt(clock.getTime());
      },
    },
    preview: ({ profile, subject, key, now }: IssueRequest) =>
      planCertificate({ profile, subject, key, now, issuer: issuerOf(profile.domain) }),
    newId: () => uuidOf(0x5e, (ids += 1)),
  };
  const edge: Edge = {
    renew: renew(renewing),
    isRepeated: isRetransmission(renewing),
    tellReplay: tellReplay(store),
    spend: nonces.spend,
    confirm: confirm({ ...store, verifyUse: verifierOf(world) }),
    report: reportHost(store),
    at: (now) => void (clock = now),
  };
  return {
    service: {
      newNonce: nonces.make,
      ...callsOf(edge),
    },
    enroll: (host, now) => enroll({ store, world, profiles, issue }, host, now),
    operate: (act, now) => operate(store, act, now),
    lineages: (now) => allLineages(store, now),
    audit: store.auditCounts,
  };
}

/** Nonces without a MAC; each is good once, and for five minutes. */
function noncesIn(store: Pick<SimulationStore, 'spendNonce'>) {
  let made = 0;
  return {
    make: (now: Date): string => {
      made += 1;
      return Buffer.from(`${now.getTime()} ${made}`).toString('base64url');
    },
    spend: async (nonce: string, now: Date): Promise<Result<null, Refusal>> => {
      const [madeAt = ''] = Buffer.from(nonce, 'base64url').toString('latin1').split(' ');
      const expiresAt = new Date(Number(madeAt) + 300_000);
      if (now > expiresAt) return err({ reason: 'expiredNonce', detail: 'the nonce is older than five minutes' });
      const isFirst = await store.spendNonce(sha256Hex(nonce), expiresAt);
      return isFirst ? ok(null) : err({ reason: 'spentNonce', detail: 'the nonce was used already' });
    },
  };
}

function signingOf(
  record: CertificateRecord,
  of: { readonly renewAt: Date; readonly conversation: string; readonly renewal: RenewalRecord | null },
): Signing {
  const { renewal, renewAt, conversation } = of;
  if (record.lineageId === null) throw new Error('a certificate without a lineage');
  return {
    ...{ lineage: record.lineageId, profile: record.profile, fingerprint: record.fingerprint },
    ...{ at: record.issuedAt.getTime(), renewAt: renewAt.getTime() },
    ...{ notBefore: record.notBefore.getTime(), notAfter: record.notAfter.getTime() },
    askedBy: `${record.lineageId} ${renewal?.bodySha256 ?? conversation}`,
    said: renewal && { isOutsideCeiling: renewal.isOutsideCeiling, isRecovery: renewal.isRecovery },
  };
}

type Edge = {
  readonly renew: ReturnType<typeof renew>;
  readonly isRepeated: ReturnType<typeof isRetransmission>;
  readonly tellReplay: ReturnType<typeof tellReplay>;
  readonly spend: ReturnType<typeof noncesIn>['spend'];
  readonly confirm: ReturnType<typeof confirm>;
  readonly report: ReturnType<typeof reportHost>;
  readonly at: (now: Date) => void;
};

/** The calls of a host, as `authenticate` and the routes carry them to the use cases. */
function callsOf(edge: Edge): Pick<Backend['service'], 'report' | 'renew' | 'confirm'> {
  return {
    report: async (deviceId, body, now) => {
      const answer = await edge.report(body, { kind: 'device', deviceId }, { now });
      return answer.ok ? ok({ ...answer.value, ...seldom(answer.value) }) : refused(answer.error, null);
    },
    renew: async (deviceId, { lineage, bodyText, nonce }, now) => {
      edge.at(now);
      const asked = { lineageId: lineage, deviceId, bodySha256: sha256Hex(bodyText), now };
      const isFresh = !(await edge.isRepeated(asked));
      if (isFresh) {
        const spent = await edge.spend(nonce, now);
        if (!spent.ok && spent.error.reason === 'spentNonce') await edge.tellReplay(asked);
        if (!spent.ok) return refused(spent.error, null);
      }
      const body = JSON.parse(bodyText) as RenewalBody;
      const octets = new Uint8Array(Buffer.from(nonce, 'base64url'));
      try {
        const answer = await edge.renew({ ...asked, body, nonce: { octets, isFresh } });
        return answer.ok ? answer : refused(answer.error.refusals, answer.error.retryAfterSeconds);
      } catch (thrown) {
        if (thrown instanceof ServerKilled) throw new Trouble('serverUnreachable', 'the server went away');
        throw thrown;
      }
    },
    confirm: async (deviceId, { certificate, body, nonce }, now) => {
      const spent = await edge.spend(nonce, now);
      if (!spent.ok) return refused(spent.error, null);
      const octets = new Uint8Array(Buffer.from(nonce, 'base64url'));
      const answer = await edge.confirm({ cert: certificate, deviceId, body, nonce: octets, now });
      return answer.ok ? answer : refused(answer.error, null);
    },
  };
}

/**
 * Hosts with nothing to do call about once a week instead of once an hour: twelve million such calls would be all that is
 * simulated, and a host that hears less has the harder task.
 */
function seldom(answer: { readonly callAgainSeconds: number; readonly lineages: readonly LineageResource[] }) {
  const isQuiet = answer.lineages.every(
    ({ state, pulled }) => ['current', 'windowOpen', 'issued', 'blocked'].includes(state) && pulled === null,
  );
  return { callAgainSeconds: isQuiet ? answer.callAgainSeconds * 200 : answer.callAgainSeconds };
}

function refused(refusals: Refusal | readonly Refusal[], retryAfterSeconds: number | null): KeepAnswer<never> {
  const { document, headers } = renderProblem(refusals, { publicUrl: 'https://ca.funlab.casa', requestId: '' });
  const told = headers['Retry-After'];
  return { ok: false, problem: document, retryAfterSeconds: retryAfterSeconds ?? (told === undefined ? null : +told) };
}

/** Stands for enrollment/prove-renewal.ts: takes what binds lineage, nonce and octets, made by keys that the host has. */
function proverOf({ keys, attestationKeyOf }: World): ProveClaim {
  return async ({ device, lineageId, profile, grant, body, nonce }) => {
    const request = Buffer.from(body.request, 'base64url');
    const document = JSON.parse(request.toString('utf8')) as RenewalDocument;
    if (document.lineage !== lineageId) return wrong('the document names another lineage');
    const publicOctets = 'public' in document.key ? document.key.public : ofCsr(document.key.csr);
    if ('public' in document.key) {
      const digest = attestedDigest('renewal', { id: lineageId, nonce, request });
      const said = body.certification;
      if (said?.attest !== base64url(digest)) return wrong('the statement is of another request');
      const isAttested = keys.verify(attestationKeyOf(device.id), `${publicOctets} ${said.attest}`, said.signature);
      if (!isAttested || !keys.verify(publicOctets, digest, said.proof)) return wrong('a signature is of another key');
    } else if (publicOctets === '') return wrong('the CSR is not signed by its key');
    const { dnsNames, ipAddresses, uris } = grant;
    const octets = new Uint8Array(Buffer.from(publicOctets));
    const spkiSha256 = sha256Hex(octets);
    const isTpm = 'public' in document.key;
    return ok({
      key: { subjectPublicKeyInfo: octets, keyType: profile.keyTypes[0]!, origin: isTpm ? 'tpm' : 'software' },
      ...{ spkiSha256, names: { dnsNames, ipAddresses, uris }, hardwareSerial: 'simulated' },
      tpmKey: isTpm ? { name: `000b${spkiSha256}`, role: 'devid', public: octets, spkiSha256 } : null,
      ...{ firmwareVersion: isTpm ? 7n : null, evidence: { version: 1 } },
    });
  };

  function ofCsr(csr: string): string {
    const [publicOctets = '', signature = ''] = Buffer.from(csr, 'base64url').toString('utf8').split(' ');
    return keys.verify(publicOctets, 'csr', signature) ? publicOctets : '';
  }
}

const wrong = (detail: string) => err([{ reason: 'statementDiffers', detail }]);

/** Stands for enrollment/prove-use.ts. */
const verifierOf =
  ({ keys }: World) =>
  (input: {
    readonly certificateDer: Uint8Array;
    readonly message: Uint8Array;
    readonly signature: string;
  }): Result<null, Refusal> => {
    const certificate = readFakeCertificate(Buffer.from(input.certificateDer).toString('utf8'));
    const isOwn = keys.verify(certificate.public, input.message, input.signature);
    return isOwn ? ok(null) : err({ reason: 'wrongUseSignature', detail: 'it is of another key' });
  };

type Enrolling = {
  readonly store: SimulationStore;
  readonly world: World;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly issue: ReturnType<typeof issueFake>;
};

/** The first certificates, as if the host had just enrolled. */
async function enroll(
  { store, world, profiles, issue }: Enrolling,
  { fleet }: SimulatedHost,
  now: Date,
): Promise<ReadonlyMap<string, Pair>> {
  const { deviceId, hostName, targets } = fleet;
  const grantOf = (profile: string, place: string): Grant => ({
    ...{ profile, place, dnsNames: [hostName], ipAddresses: [], uris: [] },
  });
  const lineages = targets.map(({ lineage, profile, place }) => ({ id: lineage, grant: grantOf(profile, place) }));
  await store.addDevice({ id: deviceId, hostName }, lineages, now);
  const pairs = new Map<string, Pair>();
  for (const { name, profile: profileName, place, lineage } of targets) {
    const key = world.keys.make();
    const profile = profiles.get(profileName)!;
    const request: IssueRequest = {
      profile,
      subject: {
        ...{ hostName, keylimeUuid: null, principal: null, hardwareSerial: 'simulated' },
        names: grantOf(profileName, place),
      },
      key: {
        subjectPublicKeyInfo: new Uint8Array(Buffer.from(key.public)),
        ...{ keyType: profile.keyTypes[0]!, origin: profile.keyOrigin },
      },
      ...{ holder: { kind: 'device', deviceId }, principal: `device:${deviceId}`, lineageId: lineage },
      ...{ conversationId: uuidOf(0xe0, fleet.index), idempotency: null, now },
    };
    const issued = await patiently(() => issue(request));
    if (!issued.ok) throw new Error(JSON.stringify(issued.error));
    const { fingerprint, notBefore, notAfter } = readFakeCertificate(issued.value.certificatePem);
    pairs.set(name, { certificate: fingerprint, text: issued.value.certificatePem, notBefore, notAfter, ...key });
  }
  return pairs;
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof ServerKilled) return patiently(work);
    throw thrown;
  }
}

async function operate(store: SimulationStore, act: OperatorAct, now: Date): Promise<void> {
  switch (act.act) {
    case 'suspend':
      return store.changeDeviceState(act.deviceId, 'suspended', now);
    case 'resume':
      return store.changeDeviceState(act.deviceId, 'active', now);
    case 'retire':
      return store.changeDeviceState(act.deviceId, 'retired', now);
    case 'withdrawGrant':
      return store.withdrawGrant(act.deviceId, act.profile, now);
    case 'pull': {
      const body = { scope: { profile: act.profile }, because: 'an exercise' };
      const pulled = await pullRenewals(store)(body, operator, { now });
      if (!pulled.ok) throw new Error(pulled.error.detail);
      return;
    }
    default:
      return act satisfies never;
  }
}

async function allLineages(store: SimulationStore, now: Date): Promise<readonly LineageResource[]> {
  const list = listLineages(store);
  const found: LineageResource[] = [];
  for (let after: Parameters<typeof list>[0]['after'] = null; ; ) {
    const { items, next } = await list({ deviceId: null, profile: null, state: null, limit: 500, after }, now);
    found.push(...items);
    if (next === null) return found;
    after = next;
  }
}
