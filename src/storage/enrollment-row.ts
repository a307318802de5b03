// A row of `enrollment` as the state that it is in, with exactly that state's facts. A row that lacks one is a fault.
import type { Enrollment, IssuedEnrollment, PresentedEndorsementKey, Proof } from '../domain/enrollment.ts';
import type { Refusal } from '../domain/result.ts';
import { grantsFrom } from './enrollment-tokens.ts';
import type { RawRow } from './pool.ts';
import { instant, instantOrNull, number, octets, text, textOrNull } from './row.ts';
import { exceptionOf } from './devices.ts';

/** Reads the columns of `find_enrollment.sql`. */
export function enrollmentFromRow(row: RawRow): Enrollment {
  const common = commonFrom(row);
  const state = text(row, 'state');
  switch (state) {
    case 'challenged':
      return { ...common, state };
    case 'pending':
      return { ...common, state, proof: proofFrom(row) };
    case 'approved':
      return { ...common, state, proof: proofFrom(row), approval: approvalFrom(row) };
    case 'authorized':
      return { ...common, state, proof: proofFrom(row), deviceId: text(row, 'device_id') };
    case 'issued':
      return {
        ...common,
        state,
        proof: proofFrom(row),
        deviceId: text(row, 'device_id'),
        answer: jsonOf(row, 'answer') as IssuedEnrollment['answer'],
      };
    case 'rejected':
      return { ...common, state, rejection: text(row, 'rejection'), requestKey: requestKeyFrom(row) };
    default:
      throw new TypeError(`column state is "${state}", which is no state of an enrollment`);
  }
}

function commonFrom(row: RawRow): Omit<Extract<Enrollment, { readonly state: 'challenged' }>, 'state'> {
  const activatedAt = instantOrNull(row, 'activated_at');
  return {
    id: text(row, 'id'),
    version: number(row, 'version'),
    hostName: text(row, 'host_name'),
    tokenId: textOrNull(row, 'token_id'),
    endorsementKey: endorsementKeyFrom(row),
    attestationKey: { public: octets(row, 'ak_public'), name: text(row, 'ak_name') },
    challenge: {
      secretSha256: octets(row, 'secret_sha256'),
      nonce: octets(row, 'nonce'),
      expiresAt: instant(row, 'challenge_expires_at'),
      spentAt: instantOrNull(row, 'challenge_spent_at'),
    },
    activation:
      activatedAt === null
        ? null
        : {
            bodySha256: text(row, 'activation_sha256'),
            at: activatedAt,
            leaseUntil: instantOrNull(row, 'lease_until'),
            refusals: row['refusals'] === null ? null : (jsonOf(row, 'refusals') as readonly Refusal[]),
          },
    createdAt: instant(row, 'created_at'),
    updatedAt: instant(row, 'updated_at'),
  };
}

/** The members of `ek_facts`, as `insertEnrollment` writes them. */
type Facts = {
  readonly path: readonly string[];
  readonly validity: 'enforced' | 'ignored';
  readonly exception: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly version: string | null;
  readonly certificateNotAfter: string | null;
  readonly hardwareSerial: string;
  readonly keylimeUuid: string | null;
};

function endorsementKeyFrom(row: RawRow): PresentedEndorsementKey {
  const { path, exception, certificateNotAfter, ...facts } = jsonOf(row, 'ek_facts') as Facts;
  return {
    ...facts,
    fingerprint: text(row, 'ek_fingerprint'),
    public: octets(row, 'ek_public'),
    certificates: octetsList(row['ek_certificates']),
    path: path.map((der) => new Uint8Array(Buffer.from(der, 'base64'))),
    exception: exceptionOf({ exception }),
    certificateNotAfter: certificateNotAfter === null ? null : new Date(certificateNotAfter),
  };
}

function octetsList(value: unknown): readonly Uint8Array[] {
  if (Array.isArray(value) && value.every((item) => Buffer.isBuffer(item))) return value;
  throw new TypeError('column ek_certificates is no list of bytea');
}

const proofFrom = (row: RawRow): Proof => ({
  request: octets(row, 'request'),
  evidence: jsonOf(row, 'evidence') as Proof['evidence'],
  requestKey: requestKeyFrom(row),
});

function requestKeyFrom(row: RawRow): Proof['requestKey'] {
  const spkiSha256 = textOrNull(row, 'request_key_sha256');
  return spkiSha256 === null ? null : { public: octets(row, 'request_key_public'), spkiSha256 };
}

const approvalFrom = (row: RawRow) => ({
  by: text(row, 'approved_by'),
  at: instant(row, 'approved_at'),
  grants: grantsFrom(row['approved_grants']),
  replaces: textOrNull(row, 'approved_replaces'),
});

/** A column that only this module's statements write. */
function jsonOf(row: RawRow, column: string): object {
  const value = row[column];
  if (typeof value === 'object' && value !== null) return value;
  throw new TypeError(`column ${column} is no JSON document`);
}
