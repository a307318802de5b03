// Starting sessions, and the policy commands that endorsement keys need. Each session is flushed by whoever started it.

import { type HashName, hashes, TPM_ALG } from './algorithms.ts';
import { type Authorization, emptyPassword, type TpmSession } from './authorization.ts';
import { execute, type NamedHandle, type Tpm } from './command.ts';
import { TpmWriter } from './cursor.ts';
import { kdfA } from './kdf.ts';
import { nameOfHandle, TPM_RH } from './name.ts';
import { flushedAfter, type LoadedObject } from './objects.ts';
import { shareSecret } from './secret-sharing.ts';
import { publicKeyOf } from './subject-public-key-info.ts';

const TPM_SE = { hmac: 0x00, policy: 0x01 } as const;
const AES_CFB = 0x0043;

/** A session to start. Only salted HMAC sessions exist here: one without salt could be guessed from its traffic. */
export type SessionRequest =
  | {
      readonly type: 'hmac';
      readonly hash: HashName /** A loaded decryption key: EK or SRK. */;
      readonly salt: LoadedObject;
    }
  | { readonly type: 'policy'; readonly hash: HashName };

/** Starts a session (TPM2_StartAuthSession) with AES-128-CFB for parameters. */
export async function startAuthSession(tpm: Tpm, request: SessionRequest): Promise<TpmSession> {
  const nonceCaller = tpm.random(hashes[request.hash].size);
  const salted = request.type === 'hmac' ? shareSalt(tpm, request.salt) : null;
  const parameters = new TpmWriter()
    .sized(nonceCaller)
    .sized(salted?.encryptedSecret ?? new Uint8Array(0))
    .uint8(TPM_SE[request.type])
    .uint16(TPM_ALG.AES)
    .uint16(128)
    .uint16(AES_CFB)
    .uint16(hashes[request.hash].id)
    .finish();
  const saltKey = request.type === 'hmac' ? request.salt.handle : TPM_RH.null;
  const handles = [saltKey, TPM_RH.null].map((handle) => ({ handle, name: nameOfHandle(handle) }));
  const response = await execute(tpm, { name: 'StartAuthSession', handles, parameters, returnsHandle: true });
  const nonceTpm = response.parameters.sized(64);
  response.parameters.end();
  const bits = hashes[request.hash].size * 8;
  const sessionKey = salted
    ? kdfA({ hash: request.hash, key: salted.seed, label: 'ATH', contextU: nonceTpm, contextV: nonceCaller, bits })
    : new Uint8Array(0);
  return { handle: response.handle, hash: request.hash, sessionKey, nonceTpm };
}

function shareSalt(tpm: Tpm, key: LoadedObject) {
  const publicKey = publicKeyOf(key.area);
  if (!publicKey.ok) throw new RangeError(`the salt key: ${publicKey.error.detail}`);
  return shareSecret({ area: key.area, publicKey: publicKey.value, label: 'SECRET', random: tpm.random });
}

/** Starts a session, hands it to `use`, and flushes it whatever happens. */
export async function withSession<T>(
  tpm: Tpm,
  request: SessionRequest,
  use: (session: TpmSession) => Promise<T>,
): Promise<T> {
  const session = await startAuthSession(tpm, request);
  return flushedAfter(tpm, session.handle, () => use(session));
}

/** Puts knowledge of an entity's password into a policy session (TPM2_PolicySecret), without expiry or reference. */
export async function policySecret(
  tpm: Tpm,
  session: TpmSession,
  entity: { readonly handle: NamedHandle; readonly authorization?: Authorization },
): Promise<void> {
  await execute(tpm, {
    name: 'PolicySecret',
    handles: [entity.handle, { handle: session.handle, name: nameOfHandle(session.handle) }],
    authorizations: [entity.authorization ?? emptyPassword],
    // nonceTPM, cpHashA, policyRef: empty; expiration 0
    parameters: new TpmWriter().uint16(0).uint16(0).uint16(0).uint32(0).finish(),
  });
}

/** Replaces the policy digest of a session, which must be one of `branches`, by that of all (TPM2_PolicyOR). */
export async function policyOr(tpm: Tpm, session: TpmSession, branches: readonly Uint8Array[]): Promise<void> {
  const parameters = new TpmWriter().uint32(branches.length);
  for (const branch of branches) parameters.sized(branch);
  await execute(tpm, {
    name: 'PolicyOR',
    handles: [{ handle: session.handle, name: nameOfHandle(session.handle) }],
    parameters: parameters.finish(),
  });
}
