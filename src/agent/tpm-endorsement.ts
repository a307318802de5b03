// The endorsement keys of this host's TPM: the certificates that their maker left in NV, the keys themselves, and how
// their use is authorized. Nothing is fetched from anywhere; nothing here judges a certificate.

import { type Authorization, emptyPassword } from '../tpm2/authorization.ts';
import { handleRanges, handlesFrom } from '../tpm2/capability.ts';
import type { Tpm } from '../tpm2/command.ts';
import { templateOf } from '../tpm2/endorsement-key.ts';
import { nvRead, nvReadPublic } from '../tpm2/nv.ts';
import { createPrimary, hierarchyHandle, type LoadedObject, readPublic, withObject } from '../tpm2/objects.ts';
import { encodeTpm2bPublic } from '../tpm2/public-area.ts';
import { policyOr, policySecret, withSession } from '../tpm2/sessions.ts';
import { ekPolicies, ekTemplates } from '../tpm2/templates.ts';
import { TpmError } from '../tpm2/tpm-error.ts';

/** Passwords of hierarchies, where their owner has set some; absent means empty. */
export type TpmPasswords = { readonly owner?: Uint8Array; readonly endorsement?: Uint8Array };

/** The endorsement keys that an agent can make and use, by template name. */
export type CreatableEk = 'L-1' | 'L-2' | 'H-2' | 'H-3';

/** Where makers put the certificate of the EK by each template: TCG EK Credential Profile §2.2.1.4. */
const certificateIndices = [
  { nvIndex: 0x01c00002, template: 'L-1' },
  { nvIndex: 0x01c0000a, template: 'L-2' },
  { nvIndex: 0x01c00014, template: 'H-2' },
  { nvIndex: 0x01c00016, template: 'H-3' },
] as const satisfies readonly { readonly nvIndex: number; readonly template: CreatableEk }[];

/** Intermediate certificates, each index holding one or several in DER, one after the other. */
const CHAIN_FIRST = 0x01c00100;
const CHAIN_LAST = 0x01c001ff;

/** The octets of one NV index as they stand there, padding included. */
export type NvCertificate = { readonly nvIndex: number; readonly octets: Uint8Array };

/** The certificates that a TPM brings along. */
export type EkCertificates = {
  readonly leaves: readonly (NvCertificate & { readonly template: CreatableEk })[];
  readonly chain: readonly NvCertificate[];
};

/** Reads all EK certificates and intermediates from NV. An index that is not there or may not be read is left out. */
export async function readEkCertificates(tpm: Tpm, passwords: TpmPasswords = {}): Promise<EkCertificates> {
  const present = await handlesFrom(tpm, certificateIndices[0].nvIndex);
  const leaves = [];
  for (const { nvIndex, template } of certificateIndices) {
    const octets = present.includes(nvIndex) ? await readIndex(tpm, nvIndex, passwords) : null;
    if (octets !== null) leaves.push({ nvIndex, template, octets });
  }
  const chain = [];
  for (const nvIndex of present.filter((index) => index >= CHAIN_FIRST && index <= CHAIN_LAST)) {
    const octets = await readIndex(tpm, nvIndex, passwords);
    if (octets !== null) chain.push({ nvIndex, octets });
  }
  return { leaves, chain };
}

async function readIndex(tpm: Tpm, nvIndex: number, passwords: TpmPasswords): Promise<Uint8Array | null> {
  try {
    const octets = await nvRead(tpm, await nvReadPublic(tpm, nvIndex), passwordOf(passwords.owner));
    return octets.length === 0 ? null : octets;
  } catch (error) {
    if (error instanceof TpmError && (error.failure.kind === 'auth' || error.failure.kind === 'handle')) return null;
    throw error;
  }
}

/**
 * The EK to enroll with: `wanted` if given, else the first of RSA-2048, P-256, P-384 that has a certificate (RSA-2048
 * first, because Keylime names hosts by it), else RSA-2048.
 */
export const chooseEk = (certificates: EkCertificates, wanted?: CreatableEk): CreatableEk =>
  wanted ?? certificates.leaves[0]?.template ?? 'L-1';

/** The public area of an EK: TPM2B_PUBLIC. */
export const readEkPublic = (tpm: Tpm, template: CreatableEk, passwords: TpmPasswords = {}): Promise<Uint8Array> =>
  withEk(tpm, { template, passwords }, async (ek) => encodeTpm2bPublic(ek.area));

type EkInput = { readonly template: CreatableEk; readonly passwords: TpmPasswords };

/**
 * Makes the EK, which is the same one every time, hands it to `use`, and flushes it. When the endorsement hierarchy wants
 * a password that we do not have, an EK that the maker left persistent serves instead.
 */
export async function withEk<T>(tpm: Tpm, input: EkInput, use: (ek: LoadedObject) => Promise<T>): Promise<T> {
  const made = await createPrimary(tpm, {
    hierarchy: 'endorsement',
    template: ekTemplates[input.template],
    authorization: passwordOf(input.passwords.endorsement),
  }).catch((error: unknown) => {
    if (lacksEndorsementPassword(error, input.passwords)) return null;
    throw error;
  });
  if (made !== null) return withObject(tpm, Promise.resolve(made), use);
  return use(await persistentEk(tpm, input.template));
}

/** Whether the TPM wants an endorsement password and none was given; a wrong one is its owner's mistake to hear of. */
export const lacksEndorsementPassword = (error: unknown, passwords: TpmPasswords): boolean =>
  passwords.endorsement === undefined && error instanceof TpmError && error.failure.kind === 'auth';

async function persistentEk(tpm: Tpm, template: CreatableEk): Promise<LoadedObject> {
  for (const handle of await handlesFrom(tpm, handleRanges.persistent)) {
    const object = await readPublic(tpm, handle).catch(() => null); // a key of a kind we do not read is not an EK
    if (object !== null && templateOf(object.area) === template) return object;
  }
  throw new Error(`the endorsement hierarchy has a password, and no EK by template ${template} is persistent`);
}

const isHighRange = (template: CreatableEk): boolean => template === 'H-2' || template === 'H-3';

/**
 * Satisfies the policy of the EK in a session of its own, hands that to `use`, and flushes it. High-range EKs may also be
 * used by their own password, which is empty: so they are when the policy's endorsement password is not to be had.
 */
export async function ekAuthorized<T>(
  tpm: Tpm,
  input: EkInput,
  use: (authorization: Authorization) => Promise<T>,
): Promise<T> {
  const hash = input.template === 'H-3' ? 'sha384' : 'sha256';
  return withSession(tpm, { type: 'policy', hash }, async (session) => {
    try {
      const authorization = passwordOf(input.passwords.endorsement);
      await policySecret(tpm, session, { handle: hierarchyHandle('endorsement'), authorization });
    } catch (error) {
      if (!isHighRange(input.template) || !lacksEndorsementPassword(error, input.passwords)) throw error;
      return use(emptyPassword);
    }
    if (isHighRange(input.template)) await policyOr(tpm, session, [ekPolicies.policyA[hash], ekPolicies.policyC[hash]]);
    return use({ kind: 'session', session });
  });
}

const passwordOf = (authValue: Uint8Array | undefined): Authorization =>
  authValue === undefined ? emptyPassword : { kind: 'password', authValue };
