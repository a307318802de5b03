// The doctor's ports on a real host: its TPM, its server's clock, its disks. What is examined stands in examine.ts.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { findAnchors, serverClock } from '../../client/server-trust.ts';
import { normalizeIpAddress } from '../../domain/names.ts';
import { ConnectionLost } from '../connection-lost.ts';
import type { AgentState, ServerIdentity } from '../agent-state.ts';
import type { Kept } from '../kept.ts';
import { lendTpm } from '../lend-tpm.ts';
import type { CommandLine, Target } from '../target.ts';
import { DEFAULT_TPM_SPEC } from '../tpm-open.ts';
import type { TpmPasswords } from '../tpm-endorsement.ts';
import { managedCertificates } from './managed.ts';
import type { CommandResult, DoctorPorts } from './ports.ts';

export type DoctorInput = {
  readonly root: string;
  readonly uid: number;
  readonly now: () => Date;
  readonly state: AgentState | null;
  readonly targets: readonly Target[];
  readonly kept: Pick<Kept, 'targets'>;
  /** Named by hand or by agent.yaml; null: that of the enrollment, else the usual one. */
  readonly tpm: string | null;
  readonly passwords: TpmPasswords;
  readonly trust: DoctorPorts['trust'];
};

/** Programs of this machine are asked only when `root` is its own. */
export const doctorPorts = (input: DoctorInput): DoctorPorts => {
  const { root, uid, now, state, targets, passwords, trust } = input;
  const isOwn = root === '/';
  const spec = input.tpm ?? state?.tpm ?? DEFAULT_TPM_SPEC;
  return {
    ...{ root, uid, now, state, passwords, trust },
    managed: managedCertificates(input),
    places: [...new Set(targets.map(({ home }) => `/${home}`))],
    addresses: isOwn ? ownAddresses() : null,
    // sd_booted(3): where systemd does not run there is nobody to ask.
    run: isOwn && existsSync('/run/systemd/system') ? runToEnd : null,
    listens: isOwn ? listens : null,
    withTpm: (use) => lendTpm(spec, use),
    clockDifference: state === null ? null : () => clockDifference(state.server, now),
    space: async (directory) => {
      const { bavail, blocks, bsize } = await statfs(join(root, directory));
      return { free: bavail * bsize, total: blocks * bsize };
    },
  };
};

const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.map(({ address }) => normalizeIpAddress(address.replace(/%.*$/, '')) ?? address),
  );

/** Seconds that the server is ahead; nothing is sent that says who asks. */
async function clockDifference({ url, rootSha256 }: ServerIdentity, now: () => Date): Promise<number> {
  const server = new URL(url);
  const anchors = await findAnchors(server, { kind: 'root', sha256: rootSha256 });
  if (!anchors.ok) throw new ConnectionLost(anchors.error.detail);
  const clock = await serverClock({ url: server, anchors: anchors.value });
  if (!clock.ok) throw new ConnectionLost(clock.error.detail);
  return (clock.value.getTime() - now().getTime()) / 1000;
}

/** Connects and says nothing. */
const listens = ({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const done = (isListening: boolean): void => {
      socket.destroy();
      resolve(isListening);
    };
    socket.once('connect', () => done(true));
    socket.once('timeout', () => done(false));
    socket.once('error', () => done(false));
  });

const runToEnd = ([program, ...args]: CommandLine): Promise<CommandResult> =>
  new Promise((resolve, reject) => {
    const options = { timeout: 15_000, maxBuffer: 65_536, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C' } };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(new Error(error.message, { cause: error }));
      else resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
