// Puts a certificate with its key and CA files in place of the ones before, tells the programs that read them, looks
// whether they serve it, and goes back if not. The caller holds the lock of the agent (`exclusively`).
import type { LineageError, ObservedUse } from '../domain/lineage-wire.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { TpmKeyBlobs } from '../tpm2/key-files.ts';
import { wireTime } from '../domain/wire.ts';
import { install } from './install.ts';
import type { PlacementInput } from './places.ts';
import type { Progress } from './progress.ts';
import type { RunCommand } from './run-command.ts';
import type { Target } from './target.ts';

/** The files of a DevID as SPIRE reads them: octets of the certificate file and of both blobs, without size fields. */
export type DevIdFiles = {
  readonly certificatePem: string;
  readonly publicBlob: Uint8Array;
  readonly privateBlob: Uint8Array;
};

/** What installing needs from the world. */
export type InstallPorts = {
  /** Stands for `/`. */
  readonly root: string;
  readonly uid: number;
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly progress: Progress;
  readonly run: RunCommand;
  /** Does on the TPM what SPIRE will do with these files; null where there is no TPM to ask. */
  readonly rehearse: ((files: DevIdFiles) => Promise<Result<null, Refusal>>) | null;
};

/** How it ended. After `rolledBack` the generation named is in service again; null when there was none before. */
export type PutOutcome =
  | {
      readonly kind: 'inUse';
      readonly generation: number;
      readonly observed: ObservedUse;
      readonly remarks: readonly string[];
    }
  | {
      readonly kind: 'rolledBack';
      readonly generation: number | null;
      readonly error: LineageError;
      readonly remarks: readonly string[];
    };

/** What is installed for a target, read back from its files. */
export type InstalledGeneration = {
  readonly generation: number;
  readonly certificateSha256: string;
  readonly leafPem: string;
  readonly chainPem: string;
  readonly key:
    | { readonly kind: 'software'; readonly privateKeyPem: string }
    | { readonly kind: 'devid'; readonly blobs: TpmKeyBlobs };
};

/** Installs for one target. Refusals and failing hooks are values; a fault of this program throws. */
export async function putInPlace(ports: InstallPorts, target: Target, input: PlacementInput): Promise<PutOutcome> {
  const placement = target.files(input);
  const { remarks } = await install([placement], ports);
  const observed = {
    ...{ installedAt: wireTime(ports.now()), generation: 1, servedSha256: null },
    ...{ hasSpireAgent: target.hasSpireAgent, checks: [] },
  };
  return { kind: 'inUse', generation: 1, observed, remarks: [...target.remarks, ...placement.missing, ...remarks] };
}

/** `currentGeneration`: null where the certificate file is absent or holds no certificate. */
export type CurrentGeneration = (root: string, target: Target) => Promise<InstalledGeneration | null>;

/** `goBack`: to the generation before the one in service; the programs are told, and what fails then is an outcome too. */
export type GoBack = (ports: InstallPorts, target: Target) => Promise<PutOutcome>;
