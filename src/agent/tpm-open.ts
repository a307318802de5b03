// From the words after `--tpm` to an open TPM. The only place where the host's clock and randomness enter TPM code.

import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { Tpm } from '../tpm2/command.ts';
import type { TpmTransport } from '../tpm2/transport.ts';
import { openTpmDevice } from './tpm-device.ts';
import { openTpmSocket, type TpmSocketAddress } from './tpm-socket.ts';
import { openTpmTcti } from './tpm-tcti.ts';

/** Where the TPM of this host is. */
export type TpmSpec =
  | { readonly kind: 'device'; readonly path: string }
  | { readonly kind: 'socket'; readonly address: TpmSocketAddress }
  | { readonly kind: 'tcti'; readonly configuration: string };

/** What `--tpm` defaults to. */
export const DEFAULT_TPM_SPEC = 'device:/dev/tpmrm0';

/** Parses `device:PATH`, `unix:PATH`, `tcp:HOST:PORT` or `tcti:CONF`. */
export function parseTpmSpec(text: string): Result<TpmSpec, Refusal<'malformedTpmSpec'>> {
  const [, scheme, rest] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  if (rest !== undefined && scheme === 'device' && rest.startsWith('/')) return ok({ kind: 'device', path: rest });
  if (rest !== undefined && scheme === 'unix') return ok({ kind: 'socket', address: { path: rest } });
  if (rest !== undefined && scheme === 'tcti') return ok({ kind: 'tcti', configuration: rest });
  const tcp = scheme === 'tcp' && /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(rest ?? '');
  const host = tcp ? (tcp[1] ?? tcp[2]) : undefined;
  const port = tcp ? Number(tcp[3]) : 0;
  if (host !== undefined && port > 0 && port < 65536) return ok({ kind: 'socket', address: { host, port } });
  return err({
    reason: 'malformedTpmSpec',
    field: '--tpm',
    detail: `"${text}" names no TPM`,
    accepted: 'device:/dev/tpmrm0, unix:PATH, tcp:HOST:PORT or tcti:CONF',
  });
}

/** Opens a TPM; rejects with `TpmTransportError`. Close it by `tpm.transport.close()`. */
export async function openTpm(spec: TpmSpec, timeoutMs?: number): Promise<Tpm> {
  return {
    transport: await openTransport(spec, timeoutMs),
    sleep: (milliseconds) => setTimeout(milliseconds),
    random: (length) => new Uint8Array(randomBytes(length)),
  };
}

function openTransport(spec: TpmSpec, timeoutMs?: number): Promise<TpmTransport> {
  switch (spec.kind) {
    case 'device':
      return openTpmDevice(spec.path, timeoutMs);
    case 'socket':
      return openTpmSocket(spec.address, timeoutMs);
    case 'tcti':
      return openTpmTcti(spec.configuration, timeoutMs);
    default:
      return spec satisfies never;
  }
}
