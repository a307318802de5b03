// What the agent keeps between two runs, as one JSON file in its own directory: the keys that the TPM wrapped, how far
// an enrollment got, and what was installed. Written whole or not at all; readable by root alone.
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { base64url, octetsOfBase64url } from '../domain/octets.ts';
import type { EnrollmentAnswer } from '../domain/wire.ts';
import type { TpmKeyBlobs } from '../tpm2/key-files.ts';
import type { Hierarchy } from '../tpm2/name.ts';
import { ensureDirectory, placeFile } from './durable-file.ts';
import { AgentFailure } from './failure.ts';
import { type Kept, nothingKept } from './kept.ts';
import type { CreatableEk } from './tpm-endorsement.ts';
import type { AttestationKeyBlobs } from './tpm-keys.ts';

/** A TPM key as text: TPM2B_PUBLIC and TPM2B_PRIVATE in base64url. The private part is of use only in its own TPM. */
export type KeyText = { readonly public: string; readonly private: string };

/** All keys of the TPM that an enrollment works with. `devId` is null until a profile asks for one. */
export type TpmKeys = {
  readonly ek: CreatableEk;
  readonly ak: KeyText & { readonly hierarchy: Hierarchy };
  readonly requestKey: KeyText;
  readonly devId: KeyText | null;
};

/** One certificate that the request document asks for; a software key waits here until it is installed. */
export type WantedCertificate = {
  readonly profile: string;
  readonly dnsNames: readonly string[] | null;
  readonly key: { readonly kind: 'devid' } | { readonly kind: 'software'; readonly privateKeyPem: string };
};

/** How far an enrollment got. Each step was on disk before the next one began. */
export type EnrollmentProgress =
  | { readonly step: 'prepared' }
  /** `body` is the exact text of the activation: sent again after a lost reply, octet for octet. */
  | { readonly step: 'activating'; readonly id: string; readonly body: string }
  | {
      readonly step: 'pending';
      readonly id: string;
      readonly ekFingerprint: string;
      readonly version: number;
      /** Seconds before the server wants to be asked again. */
      readonly retryAfter: number;
    }
  | { readonly step: 'issued'; readonly id: string; readonly answer: IssuedAnswer };

export type IssuedAnswer = Extract<EnrollmentAnswer, { readonly state: 'issued' }>;

/** An enrollment under way. `request` is base64url of the request document as it is sent. */
export type PendingWork = {
  readonly token: string | null;
  readonly request: string;
  readonly certificates: readonly WantedCertificate[];
  readonly progress: EnrollmentProgress;
};

/** A certificate in place; `certificateFile` is a path below the root that was given. */
export type InstalledCertificate = {
  readonly profile: string;
  readonly lineage: string;
  readonly certificateSha256: string;
  readonly certificateFile: string;
  readonly notAfter: string;
  readonly renewAt: string;
};

/** The one server of this host; `rootSha256` is what it was authenticated by, in lower-case hex. */
export type ServerIdentity = { readonly url: string; readonly rootSha256: string };

export type AgentState = {
  readonly version: 2;
  readonly server: ServerIdentity;
  readonly hostName: string;
  readonly tpm: string;
  readonly keys: TpmKeys;
  readonly enrollment: PendingWork | null;
  /** SHA-256 (hex) of the token of the last finished enrollment: the same command again is no new errand. */
  readonly spentToken: string | null;
  readonly device: IssuedAnswer['device'] | null;
  readonly installed: readonly InstalledCertificate[];
  readonly identity: KnownIdentity;
  readonly kept: Kept;
};

/** What this host has learned and needs when the service is away or the TPM is another one; null until it has. */
export type KnownIdentity = {
  /** DER of the root that `server.rootSha256` names, in base64url. */
  readonly root: string | null;
  /** SHA-256 of the endorsement key's SubjectPublicKeyInfo, hex. */
  readonly ekSha256: string | null;
};

/** The agent's own directory under a root that stands for `/`. */
export const agentDirectory = (root: string): string => join(root, 'var/lib/omens/agent');

const stateFile = (root: string): string => join(agentDirectory(root), 'state.json');

/** The state, or null when this host has none. Throws `AgentFailure` when the file is there and cannot be used. */
export async function loadState(root: string): Promise<AgentState | null> {
  const path = stateFile(root);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    const hints = code === 'EACCES' ? ['run this as root, to whom the state of the agent belongs'] : [];
    throw new AgentFailure(`cannot read ${path}: ${message}`, { hints, cause: error });
  });
  return text === null ? null : parseState(text, path);
}

/** Reads the file's text. Only this agent writes it, whole, so what is checked is whether it is such a file. */
export function parseState(text: string, path: string): AgentState {
  const unusable = (why: string): AgentFailure =>
    new AgentFailure(`${path} ${why}`, { hints: ['move it away and run `omens agent enroll` anew'] });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unusable('is not JSON');
  }
  if (typeof value !== 'object' || value === null || !('version' in value)) throw unusable('is no state of this agent');
  const migrated = value.version === 1 ? { ...value, ...addedInVersion2, version: 2 } : value;
  if (migrated.version !== 2) {
    throw unusable(`was written by another version of this program (${String(migrated.version)})`);
  }
  const missing = members.filter((member) => !(member in migrated));
  if (missing.length > 0) throw unusable(`lacks ${missing.join(', ')}`);
  return migrated as AgentState;
}

const members = [
  ...['server', 'hostName', 'tpm', 'keys', 'enrollment', 'spentToken', 'device', 'installed'],
  ...['identity', 'kept'],
];

/** Version 1 knew enrollment only. */
export const addedInVersion2: Pick<AgentState, 'identity' | 'kept'> = {
  identity: { root: null, ekSha256: null },
  kept: nothingKept,
};

/** Writes the state durably: 0600 in a directory 0700. */
export async function saveState(root: string, state: AgentState): Promise<void> {
  await ensureDirectory(agentDirectory(root), 0o700);
  await placeFile({ path: stateFile(root), content: `${JSON.stringify(state)}\n`, mode: 0o600, owner: null });
}

/** Runs `work` while no other process of this agent does; a lock whose process is gone is taken over. */
export async function exclusively<T>(root: string, work: () => Promise<T>): Promise<T> {
  await ensureDirectory(agentDirectory(root), 0o700);
  const path = join(agentDirectory(root), 'lock');
  await takeLock(path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** The lock appears whole (a link to a file that names us), and a stale one is moved away by exactly one process. */
async function takeLock(path: string): Promise<void> {
  const own = `${path}.${process.pid}`;
  await writeFile(own, `${process.pid}\n`, { mode: 0o600 });
  try {
    for (const isLastTry of [false, true]) {
      if (await isLinked(own, path)) return;
      const pid = Number(await readFile(path, 'utf8').catch(() => ''));
      const busy = new AgentFailure(`another omens agent works on this host (process ${pid})`);
      if (isLastTry || isAlive(pid)) throw busy;
      const stale = `${own}.stale`;
      await rename(path, stale).catch(() => undefined);
      const isStale = Number(await readFile(stale, 'utf8').catch(() => pid)) === pid;
      if (!isStale) await isLinked(stale, path);
      await rm(stale, { force: true });
      if (!isStale) throw busy;
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** Links, unless something is there already. */
async function isLinked(existing: string, path: string): Promise<boolean> {
  try {
    await link(existing, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A key as text for the state. */
export const keyText = (blobs: TpmKeyBlobs): KeyText => ({
  public: base64url(blobs.public),
  private: base64url(blobs.private),
});

/** A key of the state as octets. */
export const keyBlobs = (text: KeyText): TpmKeyBlobs => ({
  public: octetsOfBase64url(text.public),
  private: octetsOfBase64url(text.private),
});

/** The attestation key of the state as octets. */
export const akBlobs = ({ ak }: TpmKeys): AttestationKeyBlobs => ({ ...keyBlobs(ak), hierarchy: ak.hierarchy });
