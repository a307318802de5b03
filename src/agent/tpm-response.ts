// What every TPM transport needs: when a response is complete, and a limit on how long one may take.

import { TpmTransportError } from '../tpm2/tpm-error.ts';

/** Discrete TPMs take tens of seconds to make an RSA key. */
export const DEFAULT_COMMAND_TIMEOUT_MS = 120_000;

/** No response is longer: TPM_PT_MAX_RESPONSE_SIZE of TPMs in the field is 4096. */
export const MAX_RESPONSE_OCTETS = 4096;

/**
 * The octets of a response once all of them are there, `null` before. Throws `TpmTransportError` when the announced size
 * cannot be or more arrived than was announced.
 */
export function completeResponse(parts: readonly Uint8Array[]): Uint8Array | null {
  const octets = Buffer.concat(parts);
  if (octets.length < 10) return null;
  const size = octets.readUInt32BE(2);
  if (size < 10 || size > MAX_RESPONSE_OCTETS || octets.length > size)
    throw new TpmTransportError(`the TPM sent a response of ${octets.length} octets that announces ${size}`);
  return octets.length === size ? new Uint8Array(octets) : null;
}

/** Settles as `work` does, or rejects after `timeoutMs`, once `giveUp` was called. */
export async function withinTime<T>(work: Promise<T>, timeoutMs: number, giveUp: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      giveUp();
      reject(
        new TpmTransportError(`the TPM did not answer within ${timeoutMs / 1000} s`, {
          hint: 'is another program holding the TPM? A software TPM serves one connection at a time',
        }),
      );
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
