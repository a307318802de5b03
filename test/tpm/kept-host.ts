// A service over memory, and a host that is a directory with a software TPM: first contact, rounds of keeping, recovery and
// confirmation by the use cases of both sides. Left out are HTTP, TLS and who signed a request; that it is signed is not.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAgentConfig } from '../../src/agent/agent-config.ts';
import { loadState } from '../../src/agent/agent-state.ts';
import { enroll } from '../../src/agent/enroll.ts';
import type { EnrollmentServer, ServerAnswer } from '../../src/agent/enrollment-server.ts';
import { hostFacts } from '../../src/agent/host-facts.ts';
import { keepPorts, type Machine } from '../../src/agent/keep-machine.ts';
import type { KeepAnswer, KeepServer } from '../../src/agent/keep-ports.ts';
import { keepRound, type RoundOptions, type RoundOutcome } from '../../src/agent/keep-round.ts';
import type { OpenServer } from '../../src/agent/keep-server.ts';
import { silent } from '../../src/agent/progress.ts';
import { runCommand } from '../../src/agent/run-command.ts';
import { targetsOf } from '../../src/agent/targets.ts';
import type { AnchorApi, HostApi } from '../../src/client/api.ts';
import type { RequestSigner } from '../../src/client/request-signing.ts';
import type { HostReportBody, RenewalBody } from '../../src/domain/lineage-wire.ts';
import { lineageResource } from '../../src/domain/lineage-resource.ts';
import { err, ok, type Refusal, type Result } from '../../src/domain/result.ts';
import type { ActivationBody, EnrollmentTokenBody } from '../../src/domain/wire.ts';
import { wireTime } from '../../src/domain/wire.ts';
import type { CertificateRecord } from '../../src/domain/certificate.ts';
import { activate } from '../../src/enrollment/activate.ts';
import { beginEnrollment } from '../../src/enrollment/begin.ts';
import { proveRenewal } from '../../src/enrollment/prove-renewal.ts';
import { verifyUse } from '../../src/enrollment/prove-use.ts';
import { readEnrollment } from '../../src/enrollment/read-enrollment.ts';
import { renderProblem } from '../../src/http/problems.ts';
import { issue, type IssueRequest, preview } from '../../src/issuance/issue.ts';
import { certificateResource } from '../../src/issuance/resource.ts';
import type { IssuanceStore } from '../../src/issuance/records.ts';
import { confirm } from '../../src/lifecycle/confirm.ts';
import { isRetransmission, renew } from '../../src/lifecycle/renew.ts';
import { loadEndorsementPolicy } from '../../src/x509/endorsement-chain.ts';
import { sha256Hex } from '../../src/x509/digest.ts';
import { decodePem, encodePem } from '../../src/x509/pem.ts';
import { fakeEnrollmentStore } from '../fakes/enrollment-store.ts';
import { fakeLifecycleStore } from '../fakes/lifecycle-store.ts';
import { made, makeScene, now as sceneNow, profiles, tpmDenials } from '../unit/enrollment/scene.ts';
import { activeIssuer, portsOf } from '../unit/issuance/scene.ts';
import { type CertifiedSoftwareTpm, withTpm } from './swtpm.ts';

export const hostName = 'tower.funlab.casa';
const issuingPem = encodePem('CERTIFICATE', made.issuing.der);

const derOf = (pem: string): Uint8Array => {
  const blocks = decodePem(pem, { labels: ['CERTIFICATE'], maxCharacters: 20_000, maxBlocks: 1 });
  if (!blocks.ok) throw new Error(blocks.error.detail);
  return blocks.value[0]!.der;
};

const problemOf = (refusals: Refusal | readonly Refusal[]) =>
  renderProblem(refusals, { publicUrl: 'https://ca.funlab.casa', requestId: '' }).document;

const served = <T>(result: Result<T, Refusal | readonly Refusal[]>): ServerAnswer<T> =>
  result.ok ? result : { ok: false, problem: problemOf(result.error) };

const answered = <T>(result: Result<T, Refusal | readonly Refusal[]>): KeepAnswer<T> =>
  result.ok ? result : { ok: false, problem: problemOf(result.error), retryAfterSeconds: null };

export type KeptWorld = Awaited<ReturnType<typeof keptWorld>>;

/** A service that trusts the makers of these TPMs, and a host in a directory of its own that has the first of them. */
export async function keptWorld(tpms: readonly CertifiedSoftwareTpm[]) {
  const root = await mkdtemp(join(tmpdir(), 'omens-kept-'));
  // swtpm_localca dates certificates by the clock of the machine.
  const world = { time: Math.max(Date.now() + 60_000, sceneNow.getTime()), tpm: tpms[0]!, isOverdue: false };
  const now = (): Date => new Date(world.time);
  const service = serviceOf(tpms, { now, isOverdue: () => world.isOverdue });
  const logged: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
  const trust: { newest: number; api: AnchorApi | null } = { newest: 0, api: null };
  const machine: Machine = {
    ...{ root, uid: 1000, configFile: undefined, tpm: null, passwords: {}, now, random: () => 0.5 },
    ...{ sleep: async () => undefined, progress: silent, agentVersion: 'test', run: runCommand },
    withTpm: (_spec, use) => withTpm(`unix:${world.tpm.socketPath}`, use),
    log: (event, fields) => void logged.push({ event, fields }),
    service: {
      open: async (_server, { key }): Promise<OpenServer> => ({
        server: service.forHost(key, () => trust.newest),
        api: trust.api as HostApi,
        root: made.root.der,
      }),
      enroll: async () => service.forEnrollment,
    },
  };
  return Object.assign(world, {
    ...{ root, machine, service, logged, trust, now },
    /** First contact with a token. */
    enroll: async (token: Partial<EnrollmentTokenBody> = {}) => {
      const credential = await service.token(token, now());
      const targets = targetsOf(await loadAgentConfig(root), await hostFacts(root));
      const wishes = {
        server: { url: 'https://ca.funlab.casa', rootSha256: sha256Hex(made.root.der) },
        ...{ token: credential, hostName, tpm: `unix:${world.tpm.socketPath}`, oldKeys: 'keep' as const },
        profiles: (token.profiles ?? []).map(({ profile, dnsNames }) => ({ profile, ...(dnsNames && { dnsNames }) })),
      };
      return enroll(
        { ...machine, ownName: null, targets, connect: async () => service.forEnrollment },
        { wishes, state: null, patience: 'once' },
      );
    },
    round: (urgency: RoundOptions['urgency'] = () => 'unpaused'): Promise<RoundOutcome> =>
      keepRound(keepPorts(machine), { urgency }),
    state: async () => (await loadState(root))!,
    end: () => rm(root, { recursive: true, force: true }),
  });
}

type Clocked = { readonly now: () => Date; readonly isOverdue: () => boolean };

function serviceOf(tpms: readonly CertifiedSoftwareTpm[], { now, isOverdue }: Clocked) {
  const policy = loadEndorsementPolicy({
    roots: tpms.map(({ ekRootPem }, at) => ({ file: `root-${at}.pem`, der: derOf(ekRootPem) })),
    intermediates: tpms.map(({ ekIntermediatePem }, at) => ({ file: `ca-${at}.pem`, der: derOf(ekIntermediatePem) })),
  });
  if (!policy.ok) throw new Error(JSON.stringify(policy.error));
  const [lifecycle, inventory] = [fakeLifecycleStore(), fakeEnrollmentStore()];
  const attestationKeys = new Map<string, Uint8Array>();
  const certificates = new Map<string, CertificateRecord>();
  const knownLineages = new Set<string>();
  const reports: HostReportBody[] = [];
  const store: IssuanceStore = {
    ...lifecycle.issuance,
    recordIntent: async (intent) => {
      const { holder, lineageId: id, profile } = intent;
      if (holder.kind === 'device' && id !== null && !knownLineages.has(id)) {
        knownLineages.add(id);
        lifecycle.addDevice({ id: holder.deviceId, hostName });
        lifecycle.addLineage({ id, deviceId: holder.deviceId, profile, place: '', createdAt: now() });
      }
      return lifecycle.issuance.recordIntent(intent);
    },
  };
  const issuance = { ...portsOf(activeIssuer(made)), store, chainPemOf: () => issuingPem };
  const issued = async (request: IssueRequest) => {
    const result = await issue(issuance)(request);
    if (result.ok) certificates.set(result.value.record.fingerprint, result.value.record);
    return result;
  };
  const shared = { preview: preview(issuance), issue: issued };
  const recoveryFactsOf = async () => ({ isOverdue: isOverdue(), lastSeenAt: now() });
  const scene = makeScene(inventory, { recoveryFactsOf, ...shared }, store);
  const enrollPorts = { ...scene.ports, endorsementPolicy: policy.value };
  const forEnrollment: EnrollmentServer = {
    root: made.root.der,
    begin: async (body) => served(await beginEnrollment(enrollPorts)(body, { now: now() })),
    activate: async (id, text) => {
      const body = JSON.parse(text) as ActivationBody;
      const bodySha256 = createHash('sha256').update(text).digest('hex');
      const result = await activate(enrollPorts)({ id, body, bodySha256 }, { now: now() });
      const enrollment = await inventory.findEnrollment(id);
      if (result.ok && result.value.state === 'issued' && enrollment !== null) {
        attestationKeys.set(result.value.device.id, enrollment.attestationKey.public);
      }
      return served(result);
    },
    read: async (id, { subjectPublicKeyInfo }) => {
      const requestKeySha256 = sha256Hex(subjectPublicKeyInfo);
      return served(await readEnrollment(enrollPorts)({ id, requestKeySha256 }, { now: now() }));
    },
    ownDevice: () => Promise.reject(new Error('nobody asks for it here')),
  };
  const renewPorts = {
    ...lifecycle,
    ...shared,
    findDevice: inventory.findDevice,
    grantsOf: inventory.grantsOf,
    certificate: async (fingerprint: string) => certificateResource(certificates.get(fingerprint)!, issuingPem),
    profiles,
    limits: { perHour: 600, perLineagePerHour: 60, blackouts: [] },
    prove: proveRenewal({
      attestationKeyOf: async (id) => attestationKeys.get(id) ?? null,
      endorsementKeysOf: inventory.endorsementKeysOf,
      endorsementPathsOf: async () => [],
      tpmDenials,
    }),
    newId: () => randomUUID() as string,
  };
  const confirming = confirm({
    ...lifecycle,
    findCertificate: async (cert) => certificates.get(cert) ?? null,
    verifyUse,
  });

  /** The device whose request key signs; each call has it sign by the TPM, as one over HTTP does. */
  function forHost(signer: RequestSigner, trustGeneration: () => number): KeepServer {
    const signed = async (): Promise<string> => {
      await signer.sign(new Uint8Array(randomBytes(64)));
      const found = await inventory.findRequestKey(sha256Hex(signer.subjectPublicKeyInfo));
      return found?.deviceId ?? '';
    };
    return {
      newNonce: async () => randomBytes(38).toString('base64url'),
      report: async (body) => {
        const deviceId = await signed();
        reports.push(body);
        if (deviceId === '') {
          return answered(err({ reason: 'unknownRequestKey', detail: 'no device has this request key' }));
        }
        const facts = await lifecycle.lineageFactsOfDevice(deviceId);
        return ok({
          time: wireTime(now()),
          lineages: facts.map((one) => lineageResource(one, now())),
          ...{ trustGeneration: trustGeneration(), callAgainSeconds: 3600 },
        });
      },
      renew: async ({ lineage: lineageId, bodyText, nonce }) => {
        const deviceId = await signed();
        const bodySha256 = createHash('sha256').update(bodyText).digest('hex');
        const asked = { lineageId, deviceId, bodySha256, now: now() };
        const isFresh = !(await isRetransmission(renewPorts)(asked));
        const octets = new Uint8Array(Buffer.from(nonce, 'base64url'));
        const body = JSON.parse(bodyText) as RenewalBody;
        const result = await renew(renewPorts)({ ...asked, body, nonce: { octets, isFresh } });
        return result.ok ? result : answered(err(result.error.refusals));
      },
      confirm: async ({ certificate, body, nonce }) => {
        const deviceId = await signed();
        const octets = new Uint8Array(Buffer.from(nonce, 'base64url'));
        return answered(await confirming({ cert: certificate, deviceId, body, nonce: octets, now: now() }));
      },
      close: () => undefined,
    };
  }
  const token = (over: Partial<EnrollmentTokenBody>, at: Date) => scene.token({ hostName, ...over }, at);
  return { scene, lifecycle, inventory, reports, forEnrollment, forHost, token };
}
