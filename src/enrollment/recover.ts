// A host that lost its AK or request key and still has its TPM: may it have back what it had, without a person? Pure. The
// same EK with the same host name is the same device; it recovers when its certificates are overdue, since until then
// nothing forces anybody's hand, and when it was not away for so long that somebody should look at it first.
import type { Device } from '../domain/device.ts';
import type { PendingAlarm } from '../domain/enrollment.ts';
import { wireTime } from '../domain/wire.ts';
import type { KnownDevices } from './authorize.ts';

/** What the decision stands on, read at one instant. */
export type RecoveryFacts = {
  /** A lineage of the device is past its renewAt, or its newest certificate has ended. */
  readonly isOverdue: boolean;
  /** When the device was last heard of. */
  readonly lastSeenAt: Date;
  readonly maxAbsenceSeconds: number;
  /** Why the gate of attestation holds its renewals; null when it does not. */
  readonly attestationHold: string | null;
};

/** Why a proved device without authorization waits for a person, as far as that is alarming; null: it is just new. */
export function recoveryRefusal(
  { device, known, now }: { readonly device: Device; readonly known: KnownDevices; readonly now: Date },
  facts: RecoveryFacts | null,
): PendingAlarm | null {
  if (known.ofEndorsementKey?.id !== device.id || facts === null) {
    const detail = `a TPM that is known by its attestation key only asks for device ${device.id}`;
    return { kind: 'endorsementKeyNotProved', detail, device: device.id };
  }
  // It may be overdue for no other reason than that it is held: enrolling must not be the way around that.
  if (facts.attestationHold !== null) {
    const detail = `device ${device.id} enrolls again while its renewals are held: ${facts.attestationHold}`;
    return { kind: 'attestationFailing', detail, device: device.id };
  }
  const absentSeconds = (now.getTime() - facts.lastSeenAt.getTime()) / 1000;
  if (absentSeconds > facts.maxAbsenceSeconds) {
    const detail = `device ${device.id} was last heard of at ${wireTime(facts.lastSeenAt)}`;
    return { kind: 'absentTooLong', detail, device: device.id };
  }
  if (facts.isOverdue) return null;
  const detail = `device ${device.id} enrolls again although none of its certificates is overdue`;
  return { kind: 'notOverdue', detail, device: device.id };
}

/** Another TPM asks for the name of a device. */
export const nameHeldByAnotherTpm = (hostName: string, holder: string): PendingAlarm => ({
  kind: 'nameHeldByAnotherTpm',
  detail: `another TPM claims the name ${hostName}, which device ${holder} has`,
  device: holder,
});

/** The right TPM asks for what its device was never granted. */
export const beyondOldGrants = (device: Device, details: readonly string[]): PendingAlarm => ({
  kind: 'beyondOldGrants',
  detail: `device ${device.id} enrolls again and asks for more than it had: ${details.join('; ')}`,
  device: device.id,
});
