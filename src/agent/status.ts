// How this host stands: what the service says of it, and what its own files say. Works without the service, and says so.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RequestSigner } from '../client/request-signing.ts';
import { expiryLevel, type ExpiryLevel, expiryReason } from '../domain/expiry.ts';
import { messageOf } from '../domain/thrown.ts';
import { type DeviceResource, wireTime } from '../domain/wire.ts';
import { readCertificate } from '../x509/certificate.ts';
import { decodePem } from '../x509/pem.ts';
import {
  type AgentState,
  type EnrollmentProgress,
  exclusively,
  type InstalledCertificate,
  type ServerIdentity,
} from './agent-state.ts';
import type { EnrollmentServer } from './enrollment-server.ts';
import type { Kept, TargetRecord } from './kept.ts';
import { reasonOf, refusal } from './refused.ts';
import { loadTrust } from './trust.ts';

/** One installed certificate as its file is now. `level` is `critical` for a file that is not what was installed. */
export type LocalCertificate = {
  readonly profile: string;
  readonly certificateFile: string;
  readonly certificate: string | null;
  readonly notAfter: string | null;
  readonly daysLeft: number | null;
  readonly level: ExpiryLevel;
  readonly reason: string;
};

/**
 * An enrollment that waits for an operator. `state` is what the service says of it, or `pending` when it could not be
 * asked; `refused` covers what was rejected, lapsed or forgotten, and `detail` says which.
 */
export type PendingStatus = {
  readonly state: 'pending' | 'approved' | 'issued' | 'refused';
  readonly id: string;
  readonly version: number;
  /** As this TPM has it: SHA-256 of the EK's SubjectPublicKeyInfo in lower-case hex. */
  readonly ekFingerprint: string;
  readonly detail: string | null;
};

/** `device` is the resource of the service, null when it could not be asked; `offline` then says why. */
export type AgentStatus = {
  readonly hostName: string;
  readonly server: ServerIdentity;
  readonly enrollment: 'none' | 'prepared' | 'activating' | 'pending' | 'issued' | 'done';
  /** Null unless this host waits for an operator. */
  readonly pending: PendingStatus | null;
  readonly device: DeviceResource | null;
  readonly offline: string | null;
  readonly certificates: readonly LocalCertificate[];
  /** What `omens agent run` keeps of each target, as of its last round. */
  readonly targets: readonly KeptStatus[];
  /** The way to the service, as of the last round. */
  readonly contact: Kept['contact'];
  /** Generation of the trust bundle in place, 0 for none. */
  readonly trustGeneration: number;
};

/** One target, without keys and requests. */
export type KeptStatus = Omit<TargetRecord, 'work' | 'unusable'> & {
  readonly name: string;
  readonly step: TargetRecord['work']['step'];
  /** Of the files, 0 where they are not generations of this agent; null where it is not known. */
  readonly generation: number | null;
};

export type StatusPorts = {
  readonly root: string;
  readonly now: () => Date;
  readonly connect: (server: ServerIdentity) => Promise<EnrollmentServer>;
  readonly requestKey: (state: AgentState) => RequestSigner;
  /** Number of the generation in place of a target, null when it is not known. */
  readonly generationOf: (target: string) => Promise<number | null>;
};

/** Puts together what is known. Never fails because the service or the TPM does. */
export async function agentStatus(ports: StatusPorts, state: AgentState): Promise<AgentStatus> {
  const certificates = [];
  for (const installed of state.installed) certificates.push(await localCertificate(ports, installed));
  const asked = await askService(ports, state);
  return {
    hostName: state.hostName,
    server: state.server,
    enrollment: state.enrollment?.progress.step ?? (state.device === null ? 'none' : 'done'),
    ...asked,
    certificates,
    targets: await keptStatus(ports, state.kept),
    contact: state.kept.contact,
    trustGeneration: (await loadTrust(ports.root).catch(() => null))?.generation ?? 0,
  };
}

async function keptStatus({ generationOf }: StatusPorts, { targets }: Kept): Promise<readonly KeptStatus[]> {
  const told = [];
  for (const [name, { lineage, inPlace, failure, confirmed, rolledBackByHand, work }] of Object.entries(targets)) {
    const generation = await generationOf(name);
    told.push({ name, lineage, inPlace, failure, confirmed, rolledBackByHand, step: work.step, generation });
  }
  return told;
}

type Asked = Pick<AgentStatus, 'device' | 'pending' | 'offline'>;

async function askService(ports: StatusPorts, state: AgentState): Promise<Asked> {
  const waiting = waitingOf(state.enrollment?.progress);
  if (state.device === null && waiting === null) {
    return { device: null, pending: null, offline: 'this host is not enrolled yet' };
  }
  try {
    const server = await ports.connect(state.server);
    const key = ports.requestKey(state);
    const pending = waiting === null ? null : await askEnrollment(ports, waiting, { server, key });
    if (state.device === null) return { device: null, pending, offline: null };
    const answer = await server.ownDevice(key);
    if (!answer.ok) throw refusal(answer, 'the service refused to say');
    return { device: answer.value, pending, offline: null };
  } catch (error) {
    // Whatever stands between this host and the service, its own files are still worth reading.
    return {
      device: null,
      pending: waiting,
      offline: messageOf(error),
    };
  }
}

/** What this host knows by itself of an enrollment that waits. */
function waitingOf(progress: EnrollmentProgress | undefined): PendingStatus | null {
  if (progress?.step !== 'pending') return null;
  const { id, version, ekFingerprint } = progress;
  return { state: 'pending', id, version, ekFingerprint, detail: null };
}

/**
 * What the service says of it. Once it is approved each question makes a new challenge and outdates the one before, so
 * that this never asks while an enrollment of this host is at work.
 */
async function askEnrollment(
  { root }: Pick<StatusPorts, 'root'>,
  waiting: PendingStatus,
  { server, key }: { readonly server: EnrollmentServer; readonly key: RequestSigner },
): Promise<PendingStatus> {
  const answer = await exclusively(root, () => server.read(waiting.id, key));
  if (answer.ok) {
    const { value } = answer;
    return { ...waiting, state: value.state, version: value.state === 'pending' ? value.version : waiting.version };
  }
  const { status, detail } = answer.problem;
  if (status !== 403 && status !== 404 && status !== 410) throw refusal(answer, 'the service refused to say');
  return { ...waiting, state: 'refused', detail: `${detail} (${reasonOf(answer.problem)})` };
}

async function localCertificate(
  { root, now }: Pick<StatusPorts, 'root' | 'now'>,
  installed: InstalledCertificate,
): Promise<LocalCertificate> {
  const { profile, certificateFile, certificateSha256 } = installed;
  const broken = (reason: string): LocalCertificate => ({
    ...{ profile, certificateFile, reason },
    ...{ certificate: null, notAfter: null, daysLeft: null, level: 'critical' },
  });
  const text = await readFile(join(root, certificateFile), 'utf8').catch((error: unknown) => ({
    code: (error as NodeJS.ErrnoException).code ?? String(error),
  }));
  if (typeof text !== 'string') return broken(`cannot be read: ${text.code}`);
  const blocks = decodePem(text, { labels: ['CERTIFICATE'], maxCharacters: 65_536, maxBlocks: 8 });
  const [leaf] = blocks.ok ? blocks.value : [];
  const read = leaf === undefined ? null : readCertificate(leaf.der);
  if (leaf === undefined || read?.ok !== true) return broken('holds no certificate');
  const certificate = createHash('sha256').update(leaf.der).digest('hex');
  const { notAfter } = read.value;
  const isOurs = certificate === certificateSha256;
  const daysLeft = Math.floor(((notAfter.getTime() - now().getTime()) / 86_400_000) * 10) / 10;
  return {
    ...{ profile, certificateFile, certificate, notAfter: wireTime(notAfter), daysLeft },
    level: isOurs ? expiryLevel({ ...read.value, profile }, now()) : 'critical',
    reason: isOurs ? expiryReason(read.value, now()) : 'is not the certificate that was installed',
  };
}
