// Devices, what they may have (grants) and where their certificates follow one another (lineages).
import type { ReasonCode } from './certificate.ts';
import type { EndorsementException } from './enrollment.ts';
import type { CertificateNames } from './profile.ts';

/** Inventory record of a host. */
export type DeviceState = 'active' | 'suspended' | 'retired';

/**
 * For what the certificates of a device are revoked when it comes into a state (RFC 5280 §5.3.1), or null. A suspension
 * withdraws what the host may do and says nothing against its keys; a hold is no choice, since a host that was out of our
 * hands shall not come back with the certificates that it had. Retirement is the end of its operation.
 */
export function revocationOfState(state: DeviceState): ReasonCode | null {
  switch (state) {
    case 'active':
      return null;
    case 'suspended':
      return 'privilegeWithdrawn';
    case 'retired':
      return 'cessationOfOperation';
    default:
      return state satisfies never;
  }
}

/** `hash_ek` in Keylime's words: SHA-256 over the RSA-2048 EK's SubjectPublicKeyInfo in PEM, 64 hex characters. */
export type Device = {
  readonly id: string;
  readonly hostName: string;
  readonly state: DeviceState;
  readonly keylimeUuid: string | null;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
};

/** Device × profile × exact names × place of use. The default place of a profile is the empty text. */
export type Grant = CertificateNames & {
  readonly profile: string;
  readonly place: string;
};

/** Agent UUIDs that are published examples; a host that carries one is configured by accident. */
export const placeholderAgentUuids: readonly string[] = [
  'd432fbb3-d2f1-4a97-9ef7-75bd81c00000',
  '12345678-1234-1234-1234-123456789012',
];

/** A proved EK in the inventory. */
export type EndorsementKeyRecord = {
  readonly fingerprint: string;
  readonly deviceId: string;
  readonly public: Uint8Array;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly version: string | null;
  readonly hardwareSerial: string;
  readonly exception: EndorsementException | null;
  readonly provedAt: Date;
};

/** An EK that an admin knows before its host calls, with what that host may have. */
export type Preregistration = {
  readonly ekFingerprint: string;
  readonly hostName: string;
  readonly grants: readonly Grant[];
  readonly exception: EndorsementException | null;
  readonly createdBy: string;
  readonly createdAt: Date;
};

/** The successive certificates of one device, one profile and one place of use. */
export type Lineage = { readonly id: string; readonly profile: string; readonly place: string };
