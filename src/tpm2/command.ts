// Sends one command and takes its response apart (TPM 2.0 Part 1 §18, Part 3 §5): header, handles, authorization area,
// parameters, retries. What the parameters mean is each command's matter.

import { type Authorization, authorize, type CommandAuthorization } from './authorization.ts';
import { MalformedTpmStructure, TpmReader, TpmWriter } from './cursor.ts';
import { describeResponseCode } from './response-codes.ts';
import type { RandomOctets } from './secret-sharing.ts';
import { TpmError } from './tpm-error.ts';
import type { TpmTransport } from './transport.ts';

/** TPM_CC of the commands that have a caller. */
const TPM_CC = {
  EvictControl: 0x120,
  CreatePrimary: 0x131,
  ActivateCredential: 0x147,
  Certify: 0x148,
  NV_Read: 0x14e,
  PolicySecret: 0x151,
  Create: 0x153,
  Load: 0x157,
  Quote: 0x158,
  Sign: 0x15d,
  FlushContext: 0x165,
  NV_ReadPublic: 0x169,
  PolicyOR: 0x171,
  ReadPublic: 0x173,
  StartAuthSession: 0x176,
  GetCapability: 0x17a,
  GetRandom: 0x17b,
} as const;

/** A TPM to talk to: how to reach it, how to wait for it, and the nonces of our side. */
export type Tpm = {
  readonly transport: TpmTransport;
  /** Resolves after that many milliseconds. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly random: RandomOctets;
};

/** A handle with the Name that authorizations bind to it. */
export type NamedHandle = { readonly handle: number; readonly name: Uint8Array };

/** One command, ready but for its authorizations. */
export type TpmCommand = {
  readonly name: keyof typeof TPM_CC;
  readonly handles?: readonly NamedHandle[];
  /** For the first handles, in their order; sessions beyond those only encrypt. */
  readonly authorizations?: readonly Authorization[];
  readonly parameters?: Uint8Array;
  /** Whether the response has a handle before its parameters. */
  readonly returnsHandle?: boolean;
};

/** A successful response: `handle` is 0 unless the command returns one. */
export type TpmResponse = { readonly handle: number; readonly parameters: TpmReader };

const TPM_ST_NO_SESSIONS = 0x8001;
const TPM_ST_SESSIONS = 0x8002;
const HEADER = 10;

/** Waits before each repetition of a command that the TPM asked us to send again, in milliseconds: about 20 s in all. */
const retryDelays = [10, 20, 50, 100, 200, 500, 1000, 2000, 4000, 6000, 6000];

/**
 * Sends a command. Rejects with `TpmError` when the TPM refuses (after the retries it asks for), `TpmResponseForged` when
 * a response HMAC is wrong, `MalformedTpmStructure` when the response is none, `TpmTransportError` when there is none.
 */
export async function execute(tpm: Tpm, command: TpmCommand): Promise<TpmResponse> {
  const code = TPM_CC[command.name];
  const names = (command.handles ?? []).map(({ name }) => name);
  const authorized = authorize(
    { code, names, parameters: command.parameters ?? new Uint8Array(0), random: tpm.random },
    command.authorizations ?? [],
  );
  const octets = frame(code, command, authorized);
  for (const delay of [...retryDelays, null]) {
    const response = openFrame(await tpm.transport.transceive(octets));
    if (response.responseCode === 0) return readResponse(command, authorized, response);
    const failure = describeResponseCode(response.responseCode, code);
    if (failure.kind !== 'retry' || delay === null) throw new TpmError(command.name, failure);
    await tpm.sleep(delay);
  }
  throw new Error('unreachable: the last delay is null');
}

function frame(code: number, command: TpmCommand, authorized: CommandAuthorization): Uint8Array {
  const body = new TpmWriter();
  for (const { handle } of command.handles ?? []) body.uint32(handle);
  if (authorized.area.length > 0) body.uint32(authorized.area.length).octets(authorized.area);
  const octets = body.octets(authorized.parameters).finish();
  const tag = authorized.area.length > 0 ? TPM_ST_SESSIONS : TPM_ST_NO_SESSIONS;
  return new TpmWriter()
    .uint16(tag)
    .uint32(HEADER + octets.length)
    .uint32(code)
    .octets(octets)
    .finish();
}

type ResponseFrame = { readonly tag: number; readonly responseCode: number; readonly body: Uint8Array };

function openFrame(octets: Uint8Array): ResponseFrame {
  const reader = new TpmReader(octets);
  const tag = reader.uint16();
  const size = reader.uint32();
  if (size !== octets.length) reader.refuse(`the response says ${size} octets and has ${octets.length}`);
  const responseCode = reader.uint32();
  return { tag, responseCode, body: reader.rest() };
}

function readResponse(command: TpmCommand, authorized: CommandAuthorization, response: ResponseFrame): TpmResponse {
  const withSessions = authorized.area.length > 0;
  if (response.tag !== (withSessions ? TPM_ST_SESSIONS : TPM_ST_NO_SESSIONS))
    throw new MalformedTpmStructure(`response tag 0x${response.tag.toString(16)}`, 0);
  const reader = new TpmReader(response.body, HEADER);
  const handle = command.returnsHandle === true ? reader.uint32() : 0;
  if (!withSessions) return { handle, parameters: new TpmReader(reader.rest()) };
  const parameters = reader.take(reader.uint32());
  const clear = authorized.accept(parameters, reader);
  reader.end();
  return { handle, parameters: new TpmReader(clear) };
}
