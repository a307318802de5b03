// A service with one issuing CA, the repository's own profiles, one TPM vendor and an empty inventory; hosts and people
// that do the ordinary thing. A test states only its difference.
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Principal } from '../../../src/domain/principal.ts';
import { noLimits } from '../../../src/domain/principal.ts';
import type { Refusal, Result } from '../../../src/domain/result.ts';
import type {
  ActivationBody,
  ChallengeResource,
  EnrollmentAnswer,
  EnrollmentTokenBody,
} from '../../../src/domain/wire.ts';
import { activate, type ActivatePorts } from '../../../src/enrollment/activate.ts';
import { approveEnrollment, listEnrollments, rejectEnrollment } from '../../../src/enrollment/approve.ts';
import { beginEnrollment } from '../../../src/enrollment/begin.ts';
import { createEnrollmentToken } from '../../../src/enrollment/enrollment-tokens.ts';
import { decodeEnrollmentToken } from '../../../src/domain/enrollment-token.ts';
import { preregister, retireDevice, suspendDevice } from '../../../src/enrollment/devices.ts';
import { readEnrollment, requestKeyOf } from '../../../src/enrollment/read-enrollment.ts';
import { issue, type IssueRequest, preview } from '../../../src/issuance/issue.ts';
import { loadPolicies } from '../../../src/policies.ts';
import type { IssuanceStore } from '../../../src/issuance/records.ts';
import { fakeIssuanceStore } from '../../fakes/issuance-store.ts';
import { fakeEnrollmentStore, type FakeEnrollmentStore } from '../../fakes/enrollment-store.ts';
import {
  activationBody,
  type ActivationChange,
  beginBody,
  bodyDigest,
  makeHost,
  makeVendor,
  type SoftwareHost,
  type Vendor,
} from '../../fakes/software-host.ts';
import { activeIssuer, makeEstate, portsOf } from '../issuance/scene.ts';

export const now = new Date(Date.UTC(2026, 10, 23, 12));
export const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

const loaded = loadPolicies(join(import.meta.dirname, '../../../policies'));
if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
export const { profiles, tpmDenials } = loaded.value;

export const admin: Extract<Principal, { kind: 'operator' }> = {
  kind: 'operator',
  tokenId: '00000000-0000-4000-8000-000000000001',
  name: 'alice',
  role: 'admin',
  limits: noLimits,
};

/** The issuing CA of every scene, with its root. */
export const made = await makeEstate();
const estate = activeIssuer(made);
export const vendor: Vendor = makeVendor();

/** Ports that a test can break: each call of issuance or of the store can be made to fail. */
export type Scene = ReturnType<typeof makeScene>;

/** A service over a store, the fake one unless a test brings another. */
export function makeScene(
  store: Omit<FakeEnrollmentStore, 'audit' | 'alarms'> & Partial<FakeEnrollmentStore> = fakeEnrollmentStore(),
  over: Partial<ActivatePorts> = {},
  issuanceStore: IssuanceStore = fakeIssuanceStore(),
) {
  const issuance = { ...portsOf(estate), store: issuanceStore };
  const issued: IssueRequest[] = [];
  const ports = {
    recoveryFactsOf: async () => ({ isOverdue: false, lastSeenAt: now }),
    ...store,
    profiles,
    endorsementPolicy: vendor.policy,
    tpmDenials,
    random: (octets: number): Uint8Array => new Uint8Array(randomBytes(octets)),
    newId: () => randomUUID() as string,
    publicUrl: 'https://omens.example.org:8443',
    rootSha256: 'ab'.repeat(32),
    newestCertificate: async () => null,
    devidsOf: async () => [],
    maxAbsenceSeconds: 400 * 86_400,
    spire: null,
    preview: preview(issuance),
    issue: async (request: IssueRequest) => {
      issued.push(request);
      return issue(issuance)(request);
    },
    ...over,
  };
  const send = (id: string, body: ActivationBody, when = now) =>
    activate(ports)({ id, body, bodySha256: bodyDigest(body) }, { now: when });
  return {
    store,
    ports,
    issuance,
    issued,
    send,
    begin: (host: SoftwareHost, token?: string, when = now) =>
      beginEnrollment(ports)(beginBody(host, token), { now: when }),
    token: async (over: Partial<EnrollmentTokenBody> = {}, when = now): Promise<string> => {
      const body = { hostName: 'tower.example.org', ...over };
      const made = ok(await createEnrollmentToken(ports)(body, admin, { now: when }));
      return ok(decodeEnrollmentToken(made.token!)).credential;
    },
    approve: (id: string, version: number, over: object = {}, when = now) =>
      approveEnrollment(ports)({ id, version, principal: admin, ...over }, { now: when }),
    reject: (id: string, version: number, reason = 'unknown machine', when = now) =>
      rejectEnrollment(ports)({ id, version, reason, principal: admin }, { now: when }),
    pending: async (when = now) => (await listEnrollments(ports)({ state: 'pending', limit: 50 }, { now: when })).items,
    read: (id: string, requestKeySha256: string, when = now) =>
      readEnrollment(ports)({ id, requestKeySha256 }, { now: when }),
    requestKey: (requestKeySha256: string) => requestKeyOf(ports)({ requestKeySha256 }),
    preregister: (body: Parameters<ReturnType<typeof preregister>>[0]) => preregister(ports)(body, admin, { now }),
    retire: (id: string) => retireDevice(ports)(id, admin, { now }),
    suspend: (id: string) => suspendDevice(ports)(id, admin, { now }),
  };
}

/** The value, or the test fails with the refusal. */
export function ok<T>(result: Result<T, unknown>): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.error));
}

/** The reasons of a refusal, in order. */
export function reasons(result: Result<unknown, Refusal | readonly Refusal[]>): readonly string[] {
  if (result.ok) return [];
  const all: readonly Refusal[] = 'reason' in result.error ? [result.error] : result.error;
  return all.map(({ reason }) => reason);
}

/** Begins and activates as an honest host does, but for the change. */
export async function enroll(
  scene: Pick<Scene, 'begin' | 'send'>,
  host: SoftwareHost,
  over: { readonly token?: string; readonly change?: ActivationChange; readonly at?: Date } = {},
): Promise<{
  readonly challenge: ChallengeResource;
  readonly body: ActivationBody;
  readonly result: Result<EnrollmentAnswer, readonly Refusal[]>;
}> {
  const challenge = ok(await scene.begin(host, over.token, over.at));
  const body = activationBody(host, challenge, over.change);
  return { challenge, body, result: await scene.send(challenge.id, body, over.at) };
}

/** An enrolled host, by token. */
export async function enrolled(scene: Scene, host = makeHost(vendor)) {
  const token = await scene.token({ hostName: host.hostName });
  const { result, challenge } = await enroll(scene, host, { token });
  const answer = ok(result);
  if (answer.state !== 'issued') throw new Error(answer.state);
  return { host, answer, id: challenge.id };
}

export { activationBody, makeHost, type SoftwareHost };
