// What a person decides about hosts that proved their TPM and that nobody authorized beforehand. An approval names the
// version of the record that was looked at; the proof is repeated before anything is signed.
import type { Device, Grant } from '../domain/device.ts';
import {
  type ApprovedEnrollment,
  approvalLifetimeSeconds,
  isLapsed,
  lapsesAt,
  type PendingEnrollment,
} from '../domain/enrollment.ts';
import { type Cursor, decodeCursor, encodeCursor, pageOf } from '../domain/cursor.ts';
import type { WaitingView } from '../domain/host-view.ts';
import { type Principal, principalText } from '../domain/principal.ts';
import { defaultGrantProfiles, type Profile } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type EnrollmentTokenBody, type Page, type PendingEnrollmentResource, wireTime } from '../domain/wire.ts';
import { approvalLapsed } from './decide-activation.ts';
import { type GrantReason, keylimeNames, makeGrants } from './grants.ts';
import { readProof } from './read-proof.ts';
import type { Context, DeviceLookups, EnrollmentStore, TokenLookups } from './records.ts';
import { grantsAsAsked, readRequested, type Requested } from './requested-certificates.ts';

export type ApprovalReason =
  | 'unknownEnrollment'
  | 'enrollmentNotPending'
  | 'versionOutdated'
  | 'approvalLapsed'
  | 'explicitGrantNeeded'
  | GrantReason;

type Operator = Extract<Principal, { readonly kind: 'operator' }>;
type Waiting = PendingEnrollment | ApprovedEnrollment;

export type ApprovalPorts = Pick<
  EnrollmentStore,
  'findEnrollment' | 'approveEnrollment' | 'rejectEnrollment' | 'listEnrollments'
> &
  Pick<DeviceLookups, 'deviceOfHostName' | 'deviceOfEndorsementKey' | 'deviceOfAttestationKey'> &
  TokenLookups & { readonly profiles: ReadonlyMap<string, Profile> };

/** A page of what waits, oldest first; what has lapsed is not shown. */
export const listEnrollments =
  (ports: ApprovalPorts) =>
  async (
    query: { readonly state: 'pending' | 'approved'; readonly cursor?: string; readonly limit: number },
    { now }: Context,
  ): Promise<Page<PendingEnrollmentResource>> => {
    const since = new Date(now.getTime() - approvalLifetimeSeconds * 1000);
    const after = decodeCursor(query.cursor, 'uuid');
    const found = await ports.listEnrollments({ state: query.state, since, after, limit: query.limit + 1 });
    const { page, last } = pageOf(found, query.limit);
    const items = await Promise.all(page.map((enrollment) => resourceOf(ports, enrollment)));
    return { items, next: last === null ? null : encodeCursor(positionOf(last)) };
  };

const positionOf = ({ updatedAt, id }: Waiting): Cursor => ({ at: updatedAt, id });

type Approval = {
  readonly id: string;
  readonly version: number;
  readonly grants?: NonNullable<EnrollmentTokenBody['profiles']>;
  readonly principal: Operator;
};

/**
 * Approves one version of a record, with the grants that are named, or those of the token that the host brought, or the
 * default grant for what it asked. Profiles and names beyond those must be named. A device that holds the host name is
 * retired when the approved host comes.
 */
export const approveEnrollment =
  (ports: ApprovalPorts) =>
  async (
    input: Approval,
    { now }: Context,
  ): Promise<Result<PendingEnrollmentResource, readonly Refusal<ApprovalReason>[]>> => {
    const found = await waiting(ports, input, now);
    if (!found.ok) return err([found.error]);
    const enrollment = found.value;
    const grants = await grantsFor(ports, enrollment, input);
    if (!grants.ok) return grants;
    const replaced = await replacedBy(ports, enrollment);
    const isDone = await ports.approveEnrollment({
      id: input.id,
      version: input.version,
      grants: grants.value,
      replaces: replaced?.id ?? null,
      by: principalText(input.principal),
      at: now,
    });
    if (!isDone) return err([outdated(input.version)]);
    const resource = await resourceOf(ports, enrollment);
    const lapses = new Date(now.getTime() + approvalLifetimeSeconds * 1000);
    return ok({ ...resource, state: 'approved', lapsesAt: wireTime(lapses) });
  };

/** What waits under an id, with exactly what an approval by this operator would grant now, or why it would not. */
export const previewApproval =
  (ports: ApprovalPorts) =>
  async (id: string, principal: Operator, { now }: Context): Promise<WaitingView | null> => {
    const found = await ports.findEnrollment(id);
    if (found === null || (found.state !== 'pending' && found.state !== 'approved') || isLapsed(found, now))
      return null;
    const enrollment = await resourceOf(ports, found);
    if (found.state === 'approved') return { enrollment, grants: found.approval.grants, refusals: [] };
    const grants = await grantsFor(ports, found, { id, version: found.version, principal });
    return grants.ok
      ? { enrollment, grants: grants.value, refusals: [] }
      : { enrollment, grants: null, refusals: grants.error };
  };

/** Rejects one version of a record; an approval can be taken back so, too, until the host has come. */
export const rejectEnrollment =
  (ports: ApprovalPorts) =>
  async (
    input: {
      readonly id: string;
      readonly version: number;
      readonly reason: string;
      readonly principal: Operator;
    },
    { now }: Context,
  ): Promise<Result<null, Refusal<ApprovalReason>>> => {
    const enrollment = await ports.findEnrollment(input.id);
    if (enrollment === null) return err(unknown);
    if (enrollment.state !== 'pending' && enrollment.state !== 'approved') return err(notPending(enrollment.state));
    const { id, version, reason, principal } = input;
    const isDone = await ports.rejectEnrollment({ id, version, reason, by: principalText(principal), at: now });
    return isDone ? ok(null) : err(outdated(version));
  };

async function waiting(
  ports: ApprovalPorts,
  { id, version }: Pick<Approval, 'id' | 'version'>,
  now: Date,
): Promise<Result<PendingEnrollment, Refusal<ApprovalReason>>> {
  const enrollment = await ports.findEnrollment(id);
  if (enrollment === null) return err(unknown);
  if (enrollment.state !== 'pending') return err(notPending(enrollment.state));
  if (enrollment.version !== version) return err(outdated(version));
  if (isLapsed(enrollment, now)) return err({ ...approvalLapsed, reason: 'approvalLapsed' });
  return ok(enrollment);
}

async function grantsFor(
  ports: ApprovalPorts,
  enrollment: PendingEnrollment,
  { grants: profiles, principal }: Approval,
): Promise<Result<readonly Grant[], readonly Refusal<ApprovalReason>[]>> {
  const { hostName, tokenId } = enrollment;
  const requested = requestedBy(ports, enrollment);
  const addresses = [...new Set(requested.flatMap(({ ipAddresses }) => ipAddresses ?? []))];
  const facts = { hostName, addresses, principal, known: ports.profiles };
  if (profiles !== undefined) return makeGrants({ ...facts, profiles });
  const token = tokenId === null ? null : await ports.findEnrollmentToken(tokenId);
  if (token !== null && token.revokedAt === null) return ok(token.grants);
  const beyond = requested.filter((request) => !isWithinDefault(request, hostName));
  if (beyond.length > 0) return err(beyond.map(explicitGrantNeeded));
  const asked = requested.map(({ profile }) => ({ profile: profile.name }));
  return makeGrants({ ...facts, profiles: asked });
}

/** Whether the default grant covers it: these speak for nobody but the host itself. */
function isWithinDefault({ profile, dnsNames }: Requested, hostName: string): boolean {
  const own = profile.name === 'keylime-agent' ? keylimeNames(hostName) : [hostName];
  const isDefault = (defaultGrantProfiles as readonly string[]).includes(profile.name);
  return isDefault && (dnsNames ?? []).every((name) => own.includes(name));
}

/** What it asked for; a profile that has gone from the policy since is not shown. */
function requestedBy({ profiles }: ApprovalPorts, enrollment: Waiting): readonly Requested[] {
  const { document, keys } = readProof(enrollment);
  const known = document.certificates.filter(({ profile }) => profiles.has(profile));
  const requested = readRequested({ ...document, certificates: known }, keys, profiles);
  return requested.ok ? requested.value : [];
}

/** The device that these keys belong to already: by the EK, or by the AK that it uses now. */
async function ownDevice(ports: ApprovalPorts, { endorsementKey, attestationKey }: Waiting): Promise<Device | null> {
  const byEk = await ports.deviceOfEndorsementKey(endorsementKey.fingerprint);
  if (byEk !== null && byEk.state !== 'retired') return byEk;
  const byAk = await ports.deviceOfAttestationKey(attestationKey.name);
  return byAk?.isCurrent === true ? byAk.device : null;
}

/** The device that holds this name and is another TPM's. */
async function replacedBy(ports: ApprovalPorts, enrollment: Waiting): Promise<Device | null> {
  const holder = await ports.deviceOfHostName(enrollment.hostName);
  const own = await ownDevice(ports, enrollment);
  return holder !== null && holder.id !== own?.id ? holder : null;
}

async function resourceOf(ports: ApprovalPorts, enrollment: Waiting): Promise<PendingEnrollmentResource> {
  const { id, state, version, hostName, endorsementKey } = enrollment;
  const { manufacturer, model, version: firmware } = endorsementKey;
  const asked = grantsAsAsked(requestedBy(ports, enrollment), hostName);
  const each = (names: readonly string[]): readonly string[] => [...new Set(names)];
  return {
    id,
    state,
    version,
    hostName,
    ekFingerprint: endorsementKey.fingerprint,
    tpm: { manufacturer, model, version: firmware },
    profiles: asked.map(({ profile }) => profile),
    dnsNames: each(asked.flatMap(({ dnsNames }) => dnsNames)),
    ipAddresses: each(asked.flatMap(({ ipAddresses }) => ipAddresses)),
    warnings: await warningsFor(ports, enrollment),
    lapsesAt: wireTime(lapsesAt(enrollment)),
  };
}

async function warningsFor(ports: ApprovalPorts, enrollment: Waiting): Promise<readonly string[]> {
  const { endorsementKey, hostName } = enrollment;
  const replaced = await replacedBy(ports, enrollment);
  const own = await ownDevice(ports, enrollment);
  const past = await ports.deviceOfEndorsementKey(endorsementKey.fingerprint);
  const warnings: (string | null)[] = [
    replaced === null ? null : `another TPM holds the name ${hostName}: device ${replaced.id} would be retired`,
    past?.state === 'retired' ? `this TPM was that of device ${past.id} (${past.hostName}), which is retired` : null,
    own === null ? null : `device ${own.id} enrolls again: its keys would be replaced`,
    endorsementKey.exception === 'noCertificate' ? 'no maker vouches for this TPM: it has no EK certificate' : null,
    endorsementKey.exception === 'rocaWeak' ? 'the EK is weak (CVE-2017-15361): others can pose as this TPM' : null,
  ];
  return warnings.filter((warning) => warning !== null);
}

const unknown: Refusal<ApprovalReason> = {
  reason: 'unknownEnrollment',
  detail: 'there is no such enrollment',
  field: 'id',
};

const notPending = (state: string): Refusal<ApprovalReason> => ({
  reason: 'enrollmentNotPending',
  detail: `the enrollment is ${state}`,
  field: 'id',
  accepted: 'an enrollment that waits for a decision',
});

const outdated = (version: number): Refusal<ApprovalReason> => ({
  reason: 'versionOutdated',
  detail: `the record is not, or not any more, of version ${version}`,
  field: 'version',
  accepted: 'the version that the list shows now, looked at again',
});

const explicitGrantNeeded = ({ profile }: Requested): Refusal<ApprovalReason> => ({
  reason: 'explicitGrantNeeded',
  detail: `the host asks for profile ${profile.name} with names that the default grant does not have`,
  field: 'profiles',
  accepted: `the profiles and names, said explicitly: --profile ${profile.name}`,
});
