// What the doctor needs of the host that it examines, as functions and facts. Everything below `root` is only read.
import type { Tpm } from '../../tpm2/command.ts';
import type { AgentState } from '../agent-state.ts';
import type { CommandLine } from '../target.ts';
import type { TpmPasswords } from '../tpm-endorsement.ts';

/** A certificate that this agent keeps: which files carry it, and how far the rotation got. Paths as the host names them. */
export type ManagedCertificate = {
  /** The target's name, such as `keylime-agent`. */
  readonly name: string;
  readonly profile: string;
  /** Lower-case hex, null while there is none in place. */
  readonly certificateSha256: string | null;
  /** Every file and link that the agent writes for it. */
  readonly paths: readonly string[];
  /** Whether its newest certificate was seen in use and the service was told so. */
  readonly isConfirmed: boolean;
  /** When a person put an older certificate back that is in place still; null when nobody did. */
  readonly rolledBackAt: string | null;
  /** Users that read its files. */
  readonly readableBy: readonly string[];
  /** Unit names of the programs that read it, such as `nginx.service`. */
  readonly units: readonly string[];
};

export type CommandResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type DoctorPorts = {
  /** Stands for `/`. */
  readonly root: string;
  readonly uid: number;
  readonly now: () => Date;
  /** Null on a host that was never enrolled. */
  readonly state: AgentState | null;
  readonly managed: readonly ManagedCertificate[];
  /** IP addresses of this host in canonical text; null where `root` is not this host's own. */
  readonly addresses: readonly string[] | null;
  /** Further directories in which certificates are looked for. */
  readonly places: readonly string[];
  /** Runs a program of this host; null where `root` is not this host's own. Rejects only when there is no such program. */
  readonly run: ((command: CommandLine) => Promise<CommandResult>) | null;
  /** Whether something takes connections there; null where `root` is not this host's own. */
  readonly listens: ((at: { readonly host: string; readonly port: number }) => Promise<boolean>) | null;
  /** Lends the TPM of this host; rejects with the transport's error when there is none. */
  readonly withTpm: <T>(use: (tpm: Tpm) => Promise<T>) => Promise<T>;
  readonly passwords: TpmPasswords;
  /** Seconds that the server's clock is ahead of this host's; rejects when it cannot be asked. Null: not to be asked. */
  readonly clockDifference: (() => Promise<number>) | null;
  /** Octets of the file system that holds a directory. */
  readonly space: (directory: string) => Promise<{ readonly free: number; readonly total: number }>;
  /** Generation of the trust bundle here and of the newest one, when both are known. */
  readonly trust: { readonly here: number; readonly newest: number } | null;
};
