// What installing a certificate needs from the world, and how it can end. Types only.
import type { LineageError, ObservedUse } from '../domain/lineage-wire.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { Progress } from './progress.ts';
import type { RunCommand } from './run-command.ts';

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
