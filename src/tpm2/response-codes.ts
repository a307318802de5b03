// TPM_RC (TPM 2.0 Part 2 §6.6): from a number to what happened and what to do about it. Not the transport's own errors.

/** What a failure means to the caller. */
export type TpmFailureKind =
  | 'auth'
  | 'lockout'
  | 'policy'
  | 'slots'
  | 'handle'
  | 'integrity'
  | 'state'
  | 'retry'
  | 'other';

/** Which input the TPM complains about; numbering starts at 1. */
export type TpmFailureSubject =
  | { readonly of: 'command' }
  | { readonly of: 'parameter' | 'handle' | 'session'; readonly number: number };

/** A response code explained. */
export type TpmFailure = {
  readonly kind: TpmFailureKind;
  /** The code of the TPM, without the layer that a resource manager adds. */
  readonly code: number;
  /** Bits 16 to 23: 0 is the TPM itself, 11 the resource manager of the TSS. */
  readonly layer: number;
  /** As in the specification: TPM_RC_BAD_AUTH. */
  readonly name: string;
  readonly subject: TpmFailureSubject;
  /** What an operator can do; `null` when there is nothing general to say. */
  readonly hint: string | null;
};

type Entry = readonly [name: string, kind?: TpmFailureKind];

/** RC_FMT1: the low six bits; the rest says which handle, parameter or session. */
const formatOne: Readonly<Record<number, Entry>> = {
  0x01: ['ASYMMETRIC'],
  0x02: ['ATTRIBUTES'],
  0x03: ['HASH'],
  0x04: ['VALUE'],
  0x05: ['HIERARCHY', 'state'],
  0x07: ['KEY_SIZE'],
  0x08: ['MGF'],
  0x09: ['MODE'],
  0x0a: ['TYPE'],
  0x0b: ['HANDLE', 'handle'],
  0x0c: ['KDF'],
  0x0d: ['RANGE'],
  0x0e: ['AUTH_FAIL', 'auth'],
  0x0f: ['NONCE'],
  0x10: ['PP'],
  0x12: ['SCHEME'],
  0x15: ['SIZE'],
  0x16: ['SYMMETRIC'],
  0x17: ['TAG'],
  0x18: ['SELECTOR'],
  0x1a: ['INSUFFICIENT'],
  0x1b: ['SIGNATURE'],
  0x1c: ['KEY'],
  0x1d: ['POLICY_FAIL', 'policy'],
  0x1f: ['INTEGRITY', 'integrity'],
  0x20: ['TICKET'],
  0x21: ['RESERVED_BITS'],
  0x22: ['BAD_AUTH', 'auth'],
  0x23: ['EXPIRED', 'policy'],
  0x24: ['POLICY_CC', 'policy'],
  0x25: ['BINDING', 'integrity'],
  0x26: ['CURVE'],
  0x27: ['ECC_POINT'],
};

/** RC_VER1, offset 0x100. */
const versionOne: Readonly<Record<number, Entry>> = {
  0x00: ['INITIALIZE', 'state'],
  0x01: ['FAILURE', 'state'],
  0x03: ['SEQUENCE', 'state'],
  0x0b: ['PRIVATE'],
  0x19: ['HMAC'],
  0x20: ['DISABLED', 'state'],
  0x21: ['EXCLUSIVE'],
  0x24: ['AUTH_TYPE', 'auth'],
  0x25: ['AUTH_MISSING', 'auth'],
  0x26: ['POLICY', 'policy'],
  0x27: ['PCR'],
  0x28: ['PCR_CHANGED', 'policy'],
  0x2d: ['UPGRADE', 'state'],
  0x2e: ['TOO_MANY_CONTEXTS', 'slots'],
  0x2f: ['AUTH_UNAVAILABLE', 'auth'],
  0x30: ['REBOOT', 'state'],
  0x31: ['UNBALANCED'],
  0x42: ['COMMAND_SIZE'],
  0x43: ['COMMAND_CODE'],
  0x44: ['AUTHSIZE'],
  0x45: ['AUTH_CONTEXT'],
  0x46: ['NV_RANGE'],
  0x47: ['NV_SIZE'],
  0x48: ['NV_LOCKED', 'auth'],
  0x49: ['NV_AUTHORIZATION', 'auth'],
  0x4a: ['NV_UNINITIALIZED'],
  0x4b: ['NV_SPACE', 'slots'],
  0x4c: ['NV_DEFINED'],
  0x50: ['BAD_CONTEXT'],
  0x51: ['CPHASH'],
  0x52: ['PARENT'],
  0x53: ['NEEDS_TEST', 'state'],
  0x54: ['NO_RESULT'],
  0x55: ['SENSITIVE'],
};

/** RC_WARN, offset 0x900. */
const warnings: Readonly<Record<number, Entry>> = {
  0x01: ['CONTEXT_GAP', 'slots'],
  0x02: ['OBJECT_MEMORY', 'slots'],
  0x03: ['SESSION_MEMORY', 'slots'],
  0x04: ['MEMORY', 'slots'],
  0x05: ['SESSION_HANDLES', 'slots'],
  0x06: ['OBJECT_HANDLES', 'slots'],
  0x07: ['LOCALITY'],
  0x08: ['YIELDED', 'retry'],
  0x09: ['CANCELED'],
  0x0a: ['TESTING', 'retry'],
  0x20: ['NV_RATE', 'retry'],
  0x21: ['LOCKOUT', 'lockout'],
  0x22: ['RETRY', 'retry'],
  0x23: ['NV_UNAVAILABLE', 'state'],
};

/** What an operator can do, by kind. */
const hints: Readonly<Record<TpmFailureKind, string | null>> = {
  auth: 'the password of the key or hierarchy is wrong or cannot be used here; hierarchy passwords come from a file or a systemd credential',
  lockout:
    'too many wrong passwords: wait for the lockout to end (tpm2_getcap properties-variable) or run tpm2_dictionarylockout -c',
  policy: 'the policy of the key is not satisfied; was the TPM changed since the key was made?',
  slots: 'the TPM has no free slot: use /dev/tpmrm0, or flush what other programs left behind (tpm2_flushcontext -t)',
  handle: 'there is no such key or NV index in this TPM',
  integrity: 'the key belongs to another parent or the TPM was cleared: enroll this host again',
  state: 'the TPM is not ready: it needs a startup, a self-test, or the hierarchy is disabled in the firmware setup',
  retry: 'the TPM stayed busy; try again later',
  other: null,
};

const FLUSH_CONTEXT = 0x165;

/**
 * Explains a response code other than 0. The command matters in one place: TPM2_FlushContext takes its handle as a
 * parameter, and says TPM_RC_VALUE where others say TPM_RC_HANDLE.
 */
export function describeResponseCode(responseCode: number, commandCode?: number): TpmFailure {
  const code = responseCode & 0xffff;
  const layer = (responseCode >>> 16) & 0xff;
  const [found, subject] = lookUp(code);
  const [suffix, listed = 'other'] = found ?? [`0x${code.toString(16)}`];
  const kind = commandCode === FLUSH_CONTEXT && suffix === 'VALUE' ? 'handle' : listed;
  return { kind, code, layer, name: `TPM_RC_${suffix}`, subject, hint: hints[kind] };
}

function lookUp(code: number): readonly [Entry | undefined, TpmFailureSubject] {
  if ((code & 0x80) !== 0) return [formatOne[code & 0x3f], subjectOf(code)];
  const offset = code & 0x7f;
  const whole = { of: 'command' } as const;
  if ((code & 0xf00) === 0x900) return [warnings[offset] ?? reference(offset), whole];
  return [(code & 0xf00) === 0x100 ? versionOne[offset] : undefined, whole];
}

/** Bit 6: parameter, numbered by bits 8 to 11; else bit 11: session, else handle, numbered by bits 8 to 10. */
function subjectOf(code: number): TpmFailureSubject {
  const number = (code >> 8) & 0xf;
  if ((code & 0x40) !== 0) return { of: 'parameter', number };
  if ((code & 0x800) !== 0) return { of: 'session', number: number & 0x7 };
  return number === 0 ? { of: 'command' } : { of: 'handle', number };
}

/** REFERENCE_H0 to H6 and S0 to S6: a handle or session that is not in the TPM's memory. */
function reference(offset: number): Entry | undefined {
  if (offset >= 0x10 && offset <= 0x16) return [`REFERENCE_H${offset - 0x10}`, 'handle'];
  if (offset >= 0x18 && offset <= 0x1e) return [`REFERENCE_S${offset - 0x18}`, 'handle'];
  return undefined;
}

/** "handle 1", "parameter 2", "session 1", or nothing. */
export const subjectText = (subject: TpmFailureSubject): string =>
  subject.of === 'command' ? '' : ` (${subject.of} ${subject.number})`;
