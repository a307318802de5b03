// TPM behind a character device of the kernel: /dev/tpmrm0, whose resource manager gives each opener slots of its own.

import { type FileHandle, open } from 'node:fs/promises';
import { TpmTransportError } from '../tpm2/tpm-error.ts';
import type { TpmTransport } from '../tpm2/transport.ts';
import { completeResponse, DEFAULT_COMMAND_TIMEOUT_MS, MAX_RESPONSE_OCTETS, withinTime } from './tpm-response.ts';

/** Why the device could not be opened, by the error code of the operating system. */
const hints: Readonly<Record<string, string>> = {
  ENOENT:
    'this host has no TPM 2.0, it is switched off in the firmware setup, or the module tpm_tis or tpm_crb is not loaded',
  EACCES: 'run as root or as a member of group tss',
  EBUSY: 'another program has opened /dev/tpm0 itself; use /dev/tpmrm0',
};

/**
 * Opens the device. The kernel cannot be told to give up on a command: after `timeoutMs` the transport is unusable, and
 * one thread of libuv waits until the TPM answers.
 */
export async function openTpmDevice(path: string, timeoutMs = DEFAULT_COMMAND_TIMEOUT_MS): Promise<TpmTransport> {
  const device = await open(path, 'r+').catch((cause: unknown) => {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const hint = hints[code];
    throw new TpmTransportError(`cannot open the TPM device ${path}: ${message}`, { cause, ...(hint && { hint }) });
  });
  let isDead = false;
  const giveUp = (): void => {
    isDead = true;
  };
  return {
    kind: 'device',
    transceive: (command) =>
      isDead
        ? Promise.reject(new TpmTransportError('the TPM device is still busy with a command that took too long'))
        : withinTime(exchange(device, command), timeoutMs, giveUp),
    close: async () => {
      if (!isDead) await device.close(); // closing under a blocked read would wait for it
    },
  };
}

async function exchange(device: FileHandle, command: Uint8Array): Promise<Uint8Array> {
  try {
    // One write per command: the driver takes each write as a whole command.
    const { bytesWritten } = await device.write(command);
    if (bytesWritten !== command.length) throw new TpmTransportError('the TPM device took only a part of the command');
    const parts: Uint8Array[] = [];
    for (;;) {
      const { bytesRead, buffer } = await device.read(
        new Uint8Array(MAX_RESPONSE_OCTETS),
        0,
        MAX_RESPONSE_OCTETS,
        null,
      );
      if (bytesRead === 0) throw new TpmTransportError('the TPM device gave no complete response');
      parts.push(buffer.subarray(0, bytesRead));
      const response = completeResponse(parts);
      if (response !== null) return response;
    }
  } catch (cause) {
    if (cause instanceof TpmTransportError) throw cause;
    throw new TpmTransportError(`the TPM device failed: ${(cause as Error).message}`, { cause });
  }
}
