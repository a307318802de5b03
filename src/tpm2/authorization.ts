// The authorization area of a command and of its response (TPM 2.0 Part 1 §17 to §19): passwords, HMAC and policy
// sessions, the parameter that a session encrypts, and the check that the response is the TPM's.

import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { digestOf, type HashName, hashes } from './algorithms.ts';
import { concatOctets, MalformedTpmStructure, type TpmReader, TpmWriter } from './cursor.ts';
import { kdfA } from './kdf.ts';
import type { RandomOctets } from './secret-sharing.ts';
import { TpmResponseForged } from './tpm-error.ts';

/** An HMAC or policy session; `nonceTpm` changes with every use. */
export type TpmSession = {
  readonly handle: number;
  readonly hash: HashName;
  /** Empty for a session that is neither salted nor bound. */
  readonly sessionKey: Uint8Array;
  nonceTpm: Uint8Array;
};

/** How a command is authorized: by a password in the clear, or by a session. */
export type Authorization =
  | { readonly kind: 'password'; readonly authValue: Uint8Array }
  | {
      readonly kind: 'session';
      readonly session: TpmSession;
      /** The password of the object that an HMAC session stands for; empty for policy and encryption-only sessions. */
      readonly authValue?: Uint8Array;
      /** Encrypts the first parameter, a TPM2B, on its way to the TPM. */
      readonly encryptsCommand?: boolean;
      /** Has the TPM encrypt the first parameter of the response. */
      readonly encryptsResponse?: boolean;
    };

/** Authorization by an empty password. */
export const emptyPassword: Authorization = { kind: 'password', authValue: new Uint8Array(0) };

/** What is signed over in a command, in the clear. */
type CommandContent = {
  readonly code: number;
  readonly names: readonly Uint8Array[];
  readonly parameters: Uint8Array;
  readonly random: RandomOctets;
};

/** A command with its authorizations worked out. */
export type CommandAuthorization = {
  /** Empty when the command has no sessions. */
  readonly area: Uint8Array;
  /** The parameters as they travel. */
  readonly parameters: Uint8Array;
  /** Reads the authorization area of the response, checks every HMAC, and gives the parameters in the clear. */
  readonly accept: (parameters: Uint8Array, area: TpmReader) => Uint8Array;
};

const TPM_RS_PW = 0x40000009;
const CONTINUE_SESSION = 0x01;
const DECRYPT = 0x20; // named from the TPM's side: it decrypts what we send
const ENCRYPT = 0x40;

type Entry = {
  readonly authorization: Authorization;
  readonly nonceCaller: Uint8Array;
  readonly attributes: number;
};

type SessionEntry = Entry & { readonly authorization: Extract<Authorization, { kind: 'session' }> };

/** Works out the authorization area of a command. */
export function authorize(content: CommandContent, authorizations: readonly Authorization[]): CommandAuthorization {
  const entries = authorizations.map(
    (authorization): Entry => ({
      authorization,
      nonceCaller:
        authorization.kind === 'password' ? new Uint8Array(0) : content.random(hashes[authorization.session.hash].size),
      attributes: attributesOf(authorization),
    }),
  );
  const encrypting = entries.find((entry): entry is SessionEntry => (entry.attributes & DECRYPT) !== 0);
  const parameters = encrypting ? encryptFirst(encrypting, content.parameters) : content.parameters;
  const writer = new TpmWriter();
  for (const entry of entries)
    writeAuthorization(writer, entry, commandHmac(entry, entries, { ...content, parameters }));
  return {
    area: writer.finish(),
    parameters,
    accept: (received, area) => {
      for (const entry of entries) acceptAuthorization(entry, area, { code: content.code, parameters: received });
      const encrypted = entries.find((entry): entry is SessionEntry => (entry.attributes & ENCRYPT) !== 0);
      return encrypted ? decryptFirst(encrypted, received) : received;
    },
  };
}

function attributesOf(authorization: Authorization): number {
  if (authorization.kind === 'password') return CONTINUE_SESSION;
  const decrypt = authorization.encryptsCommand === true ? DECRYPT : 0;
  return CONTINUE_SESSION | decrypt | (authorization.encryptsResponse === true ? ENCRYPT : 0);
}

function writeAuthorization(writer: TpmWriter, entry: Entry, hmac: Uint8Array): void {
  const { authorization, nonceCaller, attributes } = entry;
  const handle = authorization.kind === 'password' ? TPM_RS_PW : authorization.session.handle;
  writer.uint32(handle).sized(nonceCaller).uint8(attributes).sized(hmac);
}

/** authValue without trailing zeros: Part 1 §17.6.4.3. */
function authValueOf(authorization: Authorization): Uint8Array {
  const value = authorization.authValue ?? new Uint8Array(0);
  return value.slice(0, value.findLastIndex((octet) => octet !== 0) + 1);
}

const hmacKeyOf = ({ authorization }: SessionEntry): Uint8Array =>
  concatOctets([authorization.session.sessionKey, authValueOf(authorization)]);

const isSession = (entry: Entry): entry is SessionEntry => entry.authorization.kind === 'session';

function commandHmac(entry: Entry, all: readonly Entry[], content: CommandContent): Uint8Array {
  if (!isSession(entry)) return entry.authorization.authValue ?? new Uint8Array(0);
  const { session } = entry.authorization;
  const code = new TpmWriter().uint32(content.code).finish();
  const cpHash = digestOf(session.hash, code, ...content.names, content.parameters);
  return hmacOf(entry, [cpHash, entry.nonceCaller, session.nonceTpm, ...noncesOfOthers(entry, all)]);
}

/** The first session's HMAC also covers the nonces of other sessions that encrypt, so that they cannot be exchanged. */
function noncesOfOthers(entry: Entry, all: readonly Entry[]): readonly Uint8Array[] {
  if (entry !== all[0]) return [];
  const others = all.slice(1).filter(isSession);
  const decrypt = others.find(({ attributes }) => (attributes & DECRYPT) !== 0);
  const encrypt = others.find(({ attributes }) => (attributes & ENCRYPT) !== 0);
  return [decrypt, encrypt === decrypt ? undefined : encrypt].flatMap((other) =>
    other ? [other.authorization.session.nonceTpm] : [],
  );
}

/** A session without any key, that is a policy session without salt, carries an empty HMAC: Part 1 §19.6.5. */
function hmacOf(entry: SessionEntry, parts: readonly Uint8Array[]): Uint8Array {
  const key = hmacKeyOf(entry);
  if (key.length === 0) return new Uint8Array(0);
  const hmac = createHmac(entry.authorization.session.hash, key);
  for (const part of parts) hmac.update(part);
  return new Uint8Array(hmac.update(Uint8Array.of(entry.attributes)).digest());
}

function acceptAuthorization(
  entry: Entry,
  area: TpmReader,
  response: { readonly code: number; readonly parameters: Uint8Array },
): void {
  const nonceTpm = area.sized(64);
  const attributes = area.uint8();
  const received = area.sized(64);
  if (!isSession(entry)) return;
  const { session } = entry.authorization;
  session.nonceTpm = nonceTpm;
  const head = new TpmWriter().uint32(0).uint32(response.code).finish();
  const rpHash = digestOf(session.hash, head, response.parameters);
  const expected = hmacOf({ ...entry, attributes }, [rpHash, nonceTpm, entry.nonceCaller]);
  if (expected.length !== received.length || !timingSafeEqual(expected, received))
    throw new TpmResponseForged(
      'the HMAC of the response is wrong: something between this program and the TPM changed it',
    );
}

/** AES-128-CFB under a key from both nonces: Part 1 §21.3. */
function parameterCipher(entry: SessionEntry, nonceNewer: Uint8Array, nonceOlder: Uint8Array) {
  const made = kdfA({
    hash: entry.authorization.session.hash,
    key: hmacKeyOf(entry),
    label: 'CFB',
    contextU: nonceNewer,
    contextV: nonceOlder,
    bits: 256,
  });
  return { key: made.slice(0, 16), iv: made.slice(16) };
}

function encryptFirst(entry: SessionEntry, parameters: Uint8Array): Uint8Array {
  const { key, iv } = parameterCipher(entry, entry.nonceCaller, entry.authorization.session.nonceTpm);
  const cipher = createCipheriv('aes-128-cfb', key, iv);
  return replaceFirst(parameters, (first) => cipher.update(first));
}

function decryptFirst(entry: SessionEntry, parameters: Uint8Array): Uint8Array {
  const { key, iv } = parameterCipher(entry, entry.authorization.session.nonceTpm, entry.nonceCaller);
  const decipher = createDecipheriv('aes-128-cfb', key, iv);
  return replaceFirst(parameters, (first) => decipher.update(first));
}

/** Replaces the content of the TPM2B at the beginning by one of the same length. */
function replaceFirst(parameters: Uint8Array, replace: (content: Uint8Array) => Uint8Array): Uint8Array {
  const end = 2 + (parameters[0] ?? 0) * 256 + (parameters[1] ?? 0);
  if (end > parameters.length)
    throw new MalformedTpmStructure('the encrypted parameter is longer than the parameters', 0);
  return concatOctets([parameters.subarray(0, 2), replace(parameters.subarray(2, end)), parameters.subarray(end)]);
}
