// Opens the TPM for one piece of work and closes it again: in between, other programs of the host have it.
import { flushAll } from '../tpm2/capability.ts';
import type { Tpm } from '../tpm2/command.ts';
import { AgentFailure } from './failure.ts';
import { openTpm, parseTpmSpec } from './tpm-open.ts';

/**
 * Lends the TPM that a spec (what follows `--tpm`) names. Faults of the transport reject as `TpmTransportError`. A socket
 * has no resource manager behind it and one connection at a time: what lies in its three slots then was left by a program
 * that was killed, perhaps this one, and is cleared. The kernel does that for /dev/tpmrm0.
 */
export async function lendTpm<T>(spec: string, use: (tpm: Tpm) => Promise<T>): Promise<T> {
  const parsed = parseTpmSpec(spec);
  if (!parsed.ok) {
    throw new AgentFailure(`--tpm: ${parsed.error.detail}`, { hints: [`accepted: ${parsed.error.accepted ?? ''}`] });
  }
  const tpm = await openTpm(parsed.value);
  try {
    if (parsed.value.kind === 'socket') await flushAll(tpm);
    return await use(tpm);
  } finally {
    await tpm.transport.close();
  }
}
