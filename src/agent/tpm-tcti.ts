// TPM through a TCTI of the TSS (tpm2-abrmd, pcap, mssim, …), reached by FFI: two functions of libtss2-tctildr and two
// function pointers of the context it makes. Optional: koffi is loaded here, on first use, and nowhere else.

import { TpmTransportError } from '../tpm2/tpm-error.ts';
import type { TpmTransport } from '../tpm2/transport.ts';
import { completeResponse, DEFAULT_COMMAND_TIMEOUT_MS, MAX_RESPONSE_OCTETS, withinTime } from './tpm-response.ts';

type Koffi = typeof import('koffi');

/** Calls a C function on a thread of libuv; a TSS2_RC other than 0 rejects. */
type TssCall = (...parameters: readonly unknown[]) => Promise<void>;

/** The TCTI context, and the functions we need of it. */
type Tcti = {
  readonly context: unknown;
  readonly transmit: TssCall;
  readonly receive: TssCall;
  readonly finalize: () => void;
};

/** Offsets into TSS2_TCTI_CONTEXT_COMMON_V1, the same in every version of the TSS. */
const TRANSMIT = 16;
const RECEIVE = 24;
const TIMEOUT_BLOCK = -1;

/** What must be installed; a test says how it looks when it is not. */
export type NativeParts = { readonly importKoffi: () => Promise<Koffi>; readonly library: string };

const installed: NativeParts = { importKoffi: () => import('koffi'), library: 'libtss2-tctildr.so.0' };

/**
 * Opens a TCTI by its configuration, such as `tabrmd:bus_type=system` or `swtpm:path=/run/swtpm`. A call cannot be taken
 * back: after `timeoutMs` the transport is unusable and one thread of libuv waits on, so open one TPM per process.
 */
export async function openTpmTcti(
  configuration: string,
  timeoutMs = DEFAULT_COMMAND_TIMEOUT_MS,
  native: NativeParts = installed,
): Promise<TpmTransport> {
  const tcti = initialize(await loadKoffi(native), configuration, native.library);
  let isDead = false;
  const giveUp = (): void => {
    isDead = true;
  };
  return {
    kind: 'tcti',
    transceive: (command) =>
      isDead
        ? Promise.reject(new TpmTransportError('the TCTI is closed or still busy with a command that took too long'))
        : withinTime(exchange(tcti, command), timeoutMs, giveUp),
    close: () => {
      if (!isDead) tcti.finalize(); // never under a call that still runs
      isDead = true;
      return Promise.resolve();
    },
  };
}

async function loadKoffi(native: NativeParts): Promise<Koffi> {
  try {
    return await native.importKoffi();
  } catch (cause) {
    throw new TpmTransportError('the TCTI transport needs the optional npm package koffi, which is not installed', {
      cause,
      hint: 'npm install koffi, or use --tpm device:/dev/tpmrm0, which needs no native code',
    });
  }
}

function initialize(koffi: Koffi, configuration: string, libraryName: string): Tcti {
  silenceTss();
  const library = loadLibrary(koffi, libraryName);
  // Anonymous types only: named ones are global, and a second definition throws.
  const start = library.func('Tss2_TctiLdr_Initialize', 'uint32_t', ['str', koffi.out(koffi.pointer('void *'))]);
  const stop = library.func('Tss2_TctiLdr_Finalize', 'void', [koffi.inout(koffi.pointer('void *'))]);
  const made: unknown[] = [null];
  const code = Number(start(configuration, made));
  if (code !== 0)
    throw new TpmTransportError(`the TSS cannot open the TCTI "${configuration}": 0x${code.toString(16)}`, {
      hint: 'is libtss2-tcti-… of that name installed, and does the TPM or its daemon run?',
    });
  const context = made[0];
  const member = (offset: number, parameters: readonly string[]): TssCall => {
    const type = koffi.proto('uint32_t', ['void *', ...parameters]);
    const pointer: unknown = koffi.decode(context, offset, 'void *');
    return asynchronous(koffi.decode(pointer, type) as AsyncFunction);
  };
  return {
    context,
    transmit: member(TRANSMIT, ['size_t', 'void *']),
    receive: member(RECEIVE, ['void *', 'void *', 'int32_t']),
    finalize: () => void stop(made),
  };
}

/** libtss2 writes warnings to stderr unless told not to, and reads its environment once. */
function silenceTss(): void {
  process.env['TSS2_LOG'] ??= 'all+none';
}

function loadLibrary(koffi: Koffi, name: string) {
  try {
    return koffi.load(name);
  } catch (cause) {
    throw new TpmTransportError(`the TCTI transport needs ${name} of the TSS, which cannot be loaded`, {
      cause,
      hint: 'apt-get install libtss2-tctildr0 and the libtss2-tcti-… wanted, or use --tpm device:/dev/tpmrm0',
    });
  }
}

type AsyncFunction = { readonly async: (...parameters: readonly unknown[]) => void };

function asynchronous(call: AsyncFunction): TssCall {
  return (...parameters) =>
    new Promise((resolve, reject) => {
      call.async(...parameters, (fault: unknown, code: number) => {
        if (fault !== null && fault !== undefined)
          reject(new TpmTransportError('the TCTI could not be called', { cause: fault }));
        else if (code !== 0) reject(new TpmTransportError(`the TCTI failed: 0x${code.toString(16)}`));
        else resolve();
      });
    });
}

async function exchange(tcti: Tcti, command: Uint8Array): Promise<Uint8Array> {
  // Both buffers stay referenced here while C writes to them.
  const sent = Buffer.from(command);
  const received = Buffer.alloc(MAX_RESPONSE_OCTETS);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(MAX_RESPONSE_OCTETS));
  await tcti.transmit(tcti.context, sent.length, sent);
  await tcti.receive(tcti.context, size, received, TIMEOUT_BLOCK);
  const length = Number(size.readBigUInt64LE());
  const response = completeResponse([received.subarray(0, Math.min(length, received.length))]);
  if (response === null) throw new TpmTransportError('the TCTI gave no complete response');
  return response;
}
