// Opens the TPM for one piece of work and closes it again: in between, other programs of the host have it.
import type { Tpm } from '../tpm2/command.ts';
import { AgentFailure } from './failure.ts';
import { openTpm, parseTpmSpec } from './tpm-open.ts';

/** Lends the TPM that a spec (what follows `--tpm`) names. Faults of the transport reject as `TpmTransportError`. */
export async function lendTpm<T>(spec: string, use: (tpm: Tpm) => Promise<T>): Promise<T> {
  const parsed = parseTpmSpec(spec);
  if (!parsed.ok) {
    throw new AgentFailure(`--tpm: ${parsed.error.detail}`, { hints: [`accepted: ${parsed.error.accepted ?? ''}`] });
  }
  const tpm = await openTpm(parsed.value);
  try {
    return await use(tpm);
  } finally {
    await tpm.transport.close();
  }
}
