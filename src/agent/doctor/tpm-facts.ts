// Asks the TPM of this host what the doctor wants to know: how it is, whose it is, and whether the keys of the agent and of
// the DevID still work in it. Changes nothing in it.
import { createHash } from 'node:crypto';
import { messageOf } from '../../domain/thrown.ts';
import { readIdentity, tpmProperty } from '../../tpm2/capability.ts';
import type { Tpm } from '../../tpm2/command.ts';
import type { TpmKeyBlobs } from '../../tpm2/key-files.ts';
import { parseTpm2bPublic } from '../../tpm2/public-area.ts';
import { publicKeyOf } from '../../tpm2/subject-public-key-info.ts';
import { TpmTransportError } from '../../tpm2/tpm-error.ts';
import { verifyKeySignature } from '../../tpm2/verify.ts';
import { sha256Hex } from '../../x509/digest.ts';
import { encodePem } from '../../x509/pem.ts';
import { akBlobs, keyBlobs } from '../agent-state.ts';
import { tpmAdvice } from '../tpm-advice.ts';
import { readEkPublic } from '../tpm-endorsement.ts';
import { certifyKey, signDigest } from '../tpm-keys.ts';
import { openHostFiles } from './host-files.ts';
import type { DoctorPorts } from './ports.ts';

/** A key that was tried; `fault` says why it does not work, null when it does. */
export type TriedKey = { readonly name: string; readonly fault: string | null };

export type TpmFacts =
  | { readonly state: 'absent'; readonly detail: string; readonly hint: string | null }
  | { readonly state: 'failed'; readonly detail: string; readonly hint: string | null }
  | {
      readonly state: 'present';
      readonly isInLockout: boolean;
      /** Wrong passwords so far, and how many lock it; null when it does not say. */
      readonly lockoutCounter: number | null;
      readonly maxAuthFail: number | null;
      /** Keylime's name of it, null when its RSA EK cannot be made here. */
      readonly hashEk: string | null;
      readonly keys: readonly TriedKey[];
    };

type Ports = Pick<DoctorPorts, 'root' | 'state' | 'withTpm' | 'passwords'>;

/** Never rejects: what the TPM does not do is what the doctor came for. */
export async function observeTpm(ports: Ports): Promise<TpmFacts> {
  const files = await devIdFiles(ports.root);
  try {
    return await ports.withTpm((tpm) => examined(ports, tpm, files));
  } catch (error) {
    const advice = tpmAdvice(error, 'examining it');
    const [hint = null] = advice?.hints ?? [];
    const state = error instanceof TpmTransportError ? 'absent' : 'failed';
    return { state, detail: advice?.message ?? messageOf(error), hint };
  }
}

async function examined(ports: Ports, tpm: Tpm, files: TpmKeyBlobs | null): Promise<TpmFacts> {
  const { isInLockout } = await readIdentity(tpm);
  return {
    state: 'present',
    isInLockout,
    lockoutCounter: await tpmProperty(tpm, LOCKOUT_COUNTER),
    maxAuthFail: await tpmProperty(tpm, MAX_AUTH_FAIL),
    hashEk: await hashEkOf(ports, tpm),
    keys: await triedKeys(ports, tpm, files),
  };
}

/** TPM_PT_LOCKOUT_COUNTER and TPM_PT_MAX_AUTH_FAIL (Part 2 §6.13). */
const LOCKOUT_COUNTER = 0x20e;
const MAX_AUTH_FAIL = 0x20f;

/** `hash_ek`: SHA-256 of the RSA-2048 EK's public key in PEM. */
async function hashEkOf({ passwords }: Ports, tpm: Tpm): Promise<string | null> {
  try {
    const key = publicKeyOf(parseTpm2bPublic(await readEkPublic(tpm, 'L-1', passwords)));
    return key.ok ? sha256Hex(Buffer.from(encodePem('PUBLIC KEY', key.value.spkiDer), 'ascii')) : null;
  } catch {
    return null;
  }
}

async function triedKeys(
  { state, passwords }: Ports,
  tpm: Tpm,
  files: TpmKeyBlobs | null,
): Promise<readonly TriedKey[]> {
  const tried: TriedKey[] = [];
  const attempt = async (name: string, work: () => Promise<string | null>): Promise<void> => {
    const fault = await work().catch(
      (error: unknown) => tpmAdvice(error, `using the ${name}`)?.message ?? messageOf(error),
    );
    tried.push({ name, fault });
  };
  if (state !== null) {
    const { keys } = state;
    await attempt('attestation key and request key', async () => {
      await certifyKey(tpm, { ak: akBlobs(keys), key: keyBlobs(keys.requestKey), qualifyingData: digest, passwords });
      return null;
    });
  }
  if (files !== null) {
    await attempt('DevID key of /var/lib/tpm2-devid', async () => {
      const signature = await signDigest(tpm, { key: files, digest, passwords });
      const keyPublic = parseTpm2bPublic(files.public);
      return verifyKeySignature({ signature, keyPublic, message }).ok
        ? null
        : 'it signs with another key than devid.pub says';
    });
  }
  return tried;
}

/** What the keys are tried on: it means nothing to anybody. */
const message = Buffer.from('omens agent doctor', 'ascii');
const digest = new Uint8Array(createHash('sha256').update(message).digest());

/** The DevID's blobs as tpm2-tools have them: what its consumers load, not what the state remembers. */
async function devIdFiles(root: string): Promise<TpmKeyBlobs | null> {
  const files = await openHostFiles(root);
  const [area, sealed] = [
    await files.read('/var/lib/tpm2-devid/devid.pub'),
    await files.read('/var/lib/tpm2-devid/devid.priv'),
  ];
  return area === null || sealed === null ? null : { public: area.content, private: sealed.content };
}
