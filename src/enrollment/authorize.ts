// May this host have what its TPM proved it can hold? Decisions about one activation, pure: the same records at the same
// instant give the same answer. Nothing is read, written or compared with a TPM here.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Device, Grant, Preregistration } from '../domain/device.ts';
import type { ApprovedEnrollment, ChallengedEnrollment, PendingAlarm } from '../domain/enrollment.ts';
import { type EnrollmentTokenRecord, parseEnrollmentCredential } from '../domain/enrollment-token.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { Taking } from '../domain/taking.ts';
import { wireTime } from '../domain/wire.ts';
import { nameHeldByAnotherTpm, type RecoveryFacts, recoveryRefusal } from './recover.ts';

export type TokenReason =
  | 'unknownEnrollmentToken'
  | 'expiredEnrollmentToken'
  | 'revokedEnrollmentToken'
  | 'spentEnrollmentToken'
  | 'tokenForAnotherHost';

export type AuthorizationReason =
  | TokenReason
  | 'endorsementKeyOfAnotherDevice'
  | 'attestationKeyOfAnotherDevice'
  | 'deviceNotActive'
  | 'preregisteredForAnotherHost'
  | 'approvalOutdated'
  | 'nothingRequested';

/** What the decision about a proved device stands on, read at one instant. */
export type AuthorizationFacts = {
  readonly enrollment: ChallengedEnrollment | ApprovedEnrollment;
  readonly token: EnrollmentTokenRecord | null;
  readonly preregistration: Preregistration | null;
  readonly known: KnownDevices;
  /** Of the device that this EK belongs to; null when it belongs to none. */
  readonly recovery: RecoveryFacts | null;
  /** Whether the request has neither keys nor certificates. */
  readonly asksForNothing: boolean;
  readonly now: Date;
};

/** Devices that the EK, the AK and the host name belong to. */
export type KnownDevices = {
  readonly ofEndorsementKey: Device | null;
  readonly ofAttestationKey: { readonly device: Device; readonly isCurrent: boolean } | null;
  /** The one that is not retired. */
  readonly ofHostName: Device | null;
};

export type Authorization =
  | {
      readonly kind: 'authorized';
      readonly by: Taking['by'];
      readonly principal: string;
      readonly grants: readonly Grant[];
      /** Null: a new device. */
      readonly device: Device | null;
      readonly replaces: string | null;
      /** Of a recovery: when the device was last heard of. */
      readonly absentSince: Date | null;
    }
  | { readonly kind: 'pending'; readonly alarm: PendingAlarm | null };

type Refused = Refusal<AuthorizationReason>;

/**
 * Authorizes a proved device by approval, token, pre-registration or as one that recovers, or lets a person decide. A
 * token that is no good refuses, whatever else would authorize. A name that another TPM holds is only given away by a person.
 */
export function authorizeActivation(facts: AuthorizationFacts): Result<Authorization, Refused> {
  const { enrollment, token, preregistration, known, now } = facts;
  const { hostName } = enrollment;
  const identity = identityRefusal(hostName, known);
  if (identity !== null) return err(identity);
  const device = holderOf(known);
  if (facts.asksForNothing) return joinDevice(device, known);
  const other = known.ofHostName !== null && known.ofHostName.id !== device?.id ? known.ofHostName.id : null;
  if (enrollment.state === 'approved') return byApproval(enrollment, { device, other });
  if (enrollment.tokenId !== null) {
    const refusal = token === null ? unknownToken : tokenRefusal(token, { hostName, now });
    if (refusal !== null || token === null) return err(refusal ?? unknownToken);
    if (other !== null) return pending(nameHeldByAnotherTpm(hostName, other));
    return authorized({ by: 'token', principal: token.createdBy, grants: token.grants, device });
  }
  if (preregistration !== null && preregistration.hostName !== hostName) return err(preregisteredElsewhere);
  if (other !== null) return pending(nameHeldByAnotherTpm(hostName, other));
  // A pre-registration stands for the first contact; a host that comes again without its keys has to be overdue.
  if (device !== null) return recover(device, facts);
  if (preregistration === null) return pending(null);
  const { createdBy, grants } = preregistration;
  return authorized({ by: 'preregistration', principal: createdBy, grants, device });
}

type Authorized = Omit<Extract<Authorization, { readonly kind: 'authorized' }>, 'kind' | 'replaces' | 'absentSince'>;

const authorized = (how: Authorized): Result<Authorization, Refused> =>
  ok({ kind: 'authorized', replaces: null, absentSince: null, ...how });

const pending = (alarm: PendingAlarm | null): Result<Authorization, Refused> => ok({ kind: 'pending', alarm });

/** The same EK with the same host name: the same device, for the grants that it has. */
function recover(device: Device, { known, recovery, now }: AuthorizationFacts): Result<Authorization, Refused> {
  const alarm = recoveryRefusal({ device, known, now }, recovery);
  if (alarm !== null) return pending(alarm);
  const absentSince = recovery?.lastSeenAt ?? null;
  const principal = `device:${device.id}`;
  return ok({ kind: 'authorized', by: 'recovery', principal, grants: [], device, replaces: null, absentSince });
}

function byApproval(
  { approval }: ApprovedEnrollment,
  { device, other }: { readonly device: Device | null; readonly other: string | null },
): Result<Authorization, Refused> {
  if (other !== null && other !== approval.replaces) return err(approvalOutdated);
  const { by: principal, grants } = approval;
  return ok({ kind: 'authorized', by: 'approval', principal, grants, device, replaces: other, absentSince: null });
}

/** An EK that the device's own AK was activated against belongs to the same TPM: nobody needs to allow that. */
function joinDevice(device: Device | null, known: KnownDevices): Result<Authorization, Refused> {
  const isItsAk = known.ofAttestationKey?.isCurrent === true && known.ofAttestationKey.device.id === device?.id;
  if (device === null || !isItsAk) return err(nothingRequested);
  return ok({
    kind: 'authorized',
    by: 'join',
    principal: `device:${device.id}`,
    grants: [],
    device,
    replaces: null,
    absentSince: null,
  });
}

/** The device that these keys belong to: by EK, or by the AK that it uses now. A retired one holds nothing. */
function holderOf({ ofEndorsementKey, ofAttestationKey }: KnownDevices): Device | null {
  if (ofEndorsementKey !== null && ofEndorsementKey.state !== 'retired') return ofEndorsementKey;
  return ofAttestationKey?.isCurrent === true ? ofAttestationKey.device : null;
}

/** Whether one of the keys belongs to another device than it says, or to one that may have nothing. */
export function identityRefusal(hostName: string, known: KnownDevices): Refused | null {
  const { ofEndorsementKey: ek, ofAttestationKey: ak } = known;
  const holder = ek !== null && ek.state !== 'retired' ? ek : null;
  if (holder !== null && holder.hostName !== hostName) return endorsementKeyElsewhere;
  const isForeign =
    ak !== null &&
    (ak.device.state === 'retired' ||
      ak.device.hostName !== hostName ||
      (holder !== null && holder.id !== ak.device.id));
  if (isForeign) return attestationKeyElsewhere;
  const device = holder ?? ak?.device ?? null;
  return device?.state === 'suspended' ? notActive : null;
}

/** Why a token that exists does not authorize this host now. */
function tokenRefusal(
  token: EnrollmentTokenRecord,
  facts: { readonly hostName: string; readonly now: Date },
): Refusal<TokenReason> | null {
  const field = 'token';
  if (token.revokedAt !== null) {
    return { reason: 'revokedEnrollmentToken', detail: 'the token was revoked', field, accepted: newToken };
  }
  if (token.spentAt !== null) {
    const detail = `the token was spent at ${wireTime(token.spentAt)}: it enrolls one host, once`;
    return { reason: 'spentEnrollmentToken', detail, field, accepted: newToken };
  }
  if (facts.now >= token.expiresAt) {
    const detail = `the token was good until ${wireTime(token.expiresAt)}`;
    return { reason: 'expiredEnrollmentToken', detail, field, accepted: newToken };
  }
  if (token.hostName === facts.hostName) return null;
  const detail = `the token is not for ${facts.hostName}`;
  return { reason: 'tokenForAnotherHost', detail, field, accepted: token.hostName };
}

/**
 * Recognizes a presented credential. The secret is compared first and in constant time, so that only its holder learns
 * whether the token is spent, expired or for another host.
 */
export function recognizeToken(
  credential: string,
  token: EnrollmentTokenRecord | null,
  facts: { readonly hostName: string; readonly now: Date },
): Result<EnrollmentTokenRecord, Refusal<TokenReason>> {
  const presented = parseEnrollmentCredential(credential);
  if (presented === null || token === null || token.id !== presented.id) return err(unknownToken);
  const digest = createHash('sha256').update(presented.secret).digest();
  if (!timingSafeEqual(digest, token.secretSha256)) return err(unknownToken);
  const refusal = tokenRefusal(token, facts);
  return refusal === null ? ok(token) : err(refusal);
}

const newToken = 'a new token: omens tokens create --host';

const unknownToken: Refusal<TokenReason> = {
  reason: 'unknownEnrollmentToken',
  detail: 'there is no such enrollment token',
  field: 'token',
  accepted: newToken,
};

/** Which device is not told: an EK's public part is no secret, and the TPM is not proved when this is first asked. */
const endorsementKeyElsewhere: Refused = {
  reason: 'endorsementKeyOfAnotherDevice',
  detail: 'this endorsement key belongs to a device of another name',
  field: 'ekPublic',
  accepted: 'the host name of that device, or its retirement',
};

const attestationKeyElsewhere: Refused = {
  reason: 'attestationKeyOfAnotherDevice',
  detail: 'this attestation key is known under another device',
  field: 'akPublic',
  accepted: 'a fresh attestation key',
};

const notActive: Refused = {
  reason: 'deviceNotActive',
  detail: 'the device is suspended',
  accepted: 'omens devices resume',
};

/** For which one is not told, for the same reason. */
export const preregisteredElsewhere: Refused = {
  reason: 'preregisteredForAnotherHost',
  detail: 'this endorsement key was pre-registered for another host name',
  field: 'hostName',
  accepted: 'the host name that the admin gave',
};

const approvalOutdated: Refused = {
  reason: 'approvalOutdated',
  detail: 'since the approval another device has taken this host name',
  accepted: 'a new enrollment and a new approval',
};

const nothingRequested: Refused = {
  reason: 'nothingRequested',
  detail: 'the request asks for nothing, and its attestation key is not that of an enrolled device',
  field: 'request',
  accepted: 'keys and certificates; none only when a further EK joins the device of this attestation key',
};
