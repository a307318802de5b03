// Everything that one successful activation takes, at once or not at all: device, keys, names, grants, token. The names of
// its parts only; whether it may be taken is decided in enrollment/, and that nobody else has it by the store.
import type { Grant, Lineage } from './device.ts';
import type { IssuedEnrollment, PresentedEndorsementKey, Proof } from './enrollment.ts';

/** A key that a TPM holds; `name` is its Name in lower-case hex, `public` TPM2B_PUBLIC. */
export type TpmKeyRecord = {
  readonly name: string;
  readonly role: 'attestation' | 'request' | 'devid';
  readonly public: Uint8Array;
  readonly spkiSha256: string;
};

/** Everything that a successful activation takes, at once or not at all. */
export type Taking = {
  readonly enrollmentId: string;
  readonly bodySha256: string;
  readonly at: Date;
  readonly leaseUntil: Date;
  /** By what it is authorized; `join` adds an EK to a device and takes nothing else, `recovery` grants nothing new. */
  readonly by: 'token' | 'preregistration' | 'approval' | 'join' | 'recovery';
  /** Text of the principal behind it. */
  readonly principal: string;
  /** Spent if it is not null; the taking fails unless it is good. */
  readonly tokenId: string | null;
  /** Whether a token that is no longer good makes the taking fail; an approval stands without it. */
  readonly isTokenNeeded: boolean;
  readonly device: {
    readonly id: string;
    readonly isNew: boolean;
    readonly hostName: string;
    readonly keylimeUuid: string | null;
    /** The device that is retired for this one. */
    readonly replaces: string | null;
  };
  readonly endorsementKey: PresentedEndorsementKey & { readonly spkiSha256: string };
  /** AK, request key and DevID key; those of the device that are not among them are replaced. Empty when joining. */
  readonly tpmKeys: readonly TpmKeyRecord[];
  /** SubjectPublicKeyInfo digests of the software keys. */
  readonly softwareKeys: readonly string[];
  readonly grants: readonly Grant[];
  /** One for each certificate that was asked for; made where there is none yet. */
  readonly lineages: readonly Omit<Lineage, 'id'>[];
  readonly proof: Proof;
  /** Of a recovery: when the device was last heard of. */
  readonly absentSince: Date | null;
  /** firmwareVersion as the TPM attested it, four numbers with dots, for the audit; null when it certified no key. */
  readonly firmware: string | null;
  /** When joining, the enrollment ends here with this answer. */
  readonly answer: IssuedEnrollment['answer'] | null;
};

export type TakingOutcome =
  | { readonly kind: 'taken' }
  /** Somebody else concluded the enrollment, or works on it. */
  | { readonly kind: 'lost' }
  | {
      readonly kind: 'conflict';
      readonly with: 'token' | 'hostName' | 'device' | 'endorsementKey' | 'tpmKey' | 'publicKey' | 'compromisedKey';
    };

/** Which activation a step belongs to. */
export type ActivationStep = { readonly id: string; readonly bodySha256: string; readonly at: Date };

/** How the audit calls it. */
export function takingEvent({ device, by }: Pick<Taking, 'device' | 'by'>): string {
  if (device.isNew) return 'device.enrolled';
  if (by === 'join') return 'device.endorsementKeyJoined';
  return by === 'recovery' ? 'device.recovered' : 'device.reenrolled';
}
