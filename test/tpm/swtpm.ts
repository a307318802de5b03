// Software TPMs for the tests of this suite. Each test file has its own; nothing outlives it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { openTpm, parseTpmSpec } from '../../src/agent/tpm-open.ts';
import type { Tpm } from '../../src/tpm2/command.ts';
// @ts-expect-error plain JavaScript, shared with the demo
import * as software from '../../scripts/software-tpm.mjs';

/** A running software TPM. Its data socket serves one connection at a time. */
export type SoftwareTpm = {
  readonly socketPath: string;
  readonly directory: string;
  readonly stop: () => Promise<void>;
};

/** A software TPM with EK certificates of a CA of its own. */
export type CertifiedSoftwareTpm = SoftwareTpm & { readonly ekRootPem: string; readonly ekIntermediatePem: string };

/** A new TPM without certificates. */
export const startSwtpm = (): Promise<SoftwareTpm> => started(software.startSoftwareTpm);

/** A new TPM with EK certificates (RSA-2048 and P-384) of a CA made for it. */
export const startCertifiedSwtpm = (): Promise<CertifiedSoftwareTpm> =>
  started(software.startCertifiedSoftwareTpm) as Promise<CertifiedSoftwareTpm>;

/** A copy of the shipped policies in `directory`, which trusts the CA of this TPM too. */
export const policiesTrusting = (tpm: CertifiedSoftwareTpm, directory: string): Promise<void> =>
  software.writePoliciesTrusting({
    from: join(import.meta.dirname, '../../policies'),
    directory,
    tpm,
  }) as Promise<void>;

async function started(start: (options: { directory: string }) => Promise<SoftwareTpm>): Promise<SoftwareTpm> {
  const directory = await mkdtemp(join(tmpdir(), 'omens-tpm-'));
  const tpm = await start({ directory });
  const stop = async () => {
    await tpm.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return { ...tpm, directory, stop };
}

/** Opens a TPM by what follows `--tpm`, hands it to `use`, and closes the connection, so that tools may connect. */
export async function withTpm<T>(spec: string, use: (tpm: Tpm) => Promise<T>): Promise<T> {
  const parsed = parseTpmSpec(spec);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const tpm = await openTpm(parsed.value, 30_000);
  try {
    return await use(tpm);
  } finally {
    await tpm.transport.close();
  }
}

const run = promisify(execFile);

/** Runs one of the tpm2-tools, or OpenSSL with the tpm2 provider, against a software TPM, in its directory. */
export async function tool(tpm: SoftwareTpm, command: string, args: readonly string[]): Promise<string> {
  const tcti = `swtpm:path=${tpm.socketPath}`;
  const env = { ...process.env, TPM2TOOLS_TCTI: tcti, TPM2OPENSSL_TCTI: tcti, TSS2_LOG: 'all+none' };
  const { stdout } = await run(command, args, { cwd: tpm.directory, env });
  return stdout;
}
