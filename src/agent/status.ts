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
import type { AgentState, InstalledCertificate, ServerIdentity } from './agent-state.ts';
import type { EnrollmentServer } from './enrollment-server.ts';
import { refusal } from './refused.ts';

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

/** `device` is the resource of the service, null when it could not be asked; `offline` then says why. */
export type AgentStatus = {
  readonly hostName: string;
  readonly server: ServerIdentity;
  readonly enrollment: 'none' | 'prepared' | 'activating' | 'pending' | 'issued' | 'done';
  readonly device: DeviceResource | null;
  readonly offline: string | null;
  readonly certificates: readonly LocalCertificate[];
};

export type StatusPorts = {
  readonly root: string;
  readonly now: () => Date;
  readonly connect: (server: ServerIdentity) => Promise<EnrollmentServer>;
  readonly requestKey: (state: AgentState) => RequestSigner;
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
  };
}

async function askService(ports: StatusPorts, state: AgentState): Promise<Pick<AgentStatus, 'device' | 'offline'>> {
  if (state.device === null) return { device: null, offline: 'this host is not enrolled yet' };
  try {
    const server = await ports.connect(state.server);
    const answer = await server.ownDevice(ports.requestKey(state));
    if (!answer.ok) throw refusal(answer, 'the service refused to say');
    return { device: answer.value, offline: null };
  } catch (error) {
    // Whatever stands between this host and the service, its own files are still worth reading.
    return {
      device: null,
      offline: messageOf(error),
    };
  }
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
    level: isOurs ? expiryLevel(read.value, now()) : 'critical',
    reason: isOurs ? expiryReason(read.value, now()) : 'is not the certificate that was installed',
  };
}
