// TPM over a stream socket: swtpm's raw protocol, on a unix path or TCP. Not the protocol of Microsoft's simulator.

import { connect, type Socket } from 'node:net';
import { TpmTransportError } from '../tpm2/tpm-error.ts';
import type { TpmTransport } from '../tpm2/transport.ts';
import { completeResponse, DEFAULT_COMMAND_TIMEOUT_MS, withinTime } from './tpm-response.ts';

/** Where the socket is. */
export type TpmSocketAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** Connects. A command that takes longer than `timeoutMs` destroys the socket: what comes later belongs to no command. */
export async function openTpmSocket(
  address: TpmSocketAddress,
  timeoutMs = DEFAULT_COMMAND_TIMEOUT_MS,
): Promise<TpmTransport> {
  const socket = connect('path' in address ? { path: address.path } : { ...address, noDelay: true });
  const destroy = (): void => void socket.destroy();
  await withinTime(connected(socket, address), timeoutMs, destroy);
  // Each command listens for itself; between commands an error shows as a destroyed socket.
  socket.on('error', () => undefined);
  return {
    kind: 'socket',
    transceive: (command) => withinTime(exchange(socket, command), timeoutMs, destroy),
    close: () => closed(socket),
  };
}

const addressText = (address: TpmSocketAddress): string =>
  'path' in address ? address.path : `${address.host}:${address.port}`;

function connected(socket: Socket, address: TpmSocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void =>
      reject(
        new TpmTransportError(`cannot connect to the TPM at ${addressText(address)}: ${cause.message}`, {
          cause,
          hint: 'is the software TPM running, and may this user use its socket?',
        }),
      );
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve();
    });
  });
}

function exchange(socket: Socket, command: Uint8Array): Promise<Uint8Array> {
  if (socket.destroyed || socket.readableEnded)
    return Promise.reject(new TpmTransportError('the TPM connection is closed'));
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    const settle = (done: () => void): void => {
      socket.off('data', received).off('close', gone).off('end', gone);
      done();
    };
    const gone = (): void => settle(() => reject(new TpmTransportError('the TPM closed the connection')));
    const received = (part: Uint8Array): void => {
      parts.push(part);
      try {
        const response = completeResponse(parts);
        if (response !== null) settle(() => resolve(response));
      } catch (error) {
        socket.destroy();
        settle(() =>
          reject(
            error instanceof TpmTransportError ? error : new TpmTransportError('no TPM response', { cause: error }),
          ),
        );
      }
    };
    socket.on('data', received).once('close', gone).once('end', gone);
    socket.write(command);
  });
}

function closed(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.end(() => socket.destroy());
    if (socket.destroyed) resolve();
  });
}
