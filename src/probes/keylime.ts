// Registrar and verifier of Keylime over their REST API, with the certificate of a monitor: reading only. Their servers are
// verified, names included; nothing is followed, and every answer is capped.
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { KeylimeSettings, VerifiedAgent } from '../domain/keylime.ts';
import { printable } from '../domain/printable.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { messageOf } from '../domain/thrown.ts';
import {
  type KeylimeReplyFault,
  readEndorsementKey,
  readRegistered,
  readVerified,
  readVersions,
} from './keylime-replies.ts';

export type KeylimeFault = Refusal<'keylimeUnreachable' | 'keylimeRefused' | 'keylimeAgentUnknown' | KeylimeReplyFault>;

type Answer<T> = Promise<Result<T, KeylimeFault>>;

/** What may be asked of a Keylime. Null where it is not configured. None of them rejects. */
export type Keylime = {
  /** Every agent of the registrar, also those that were never activated. */
  readonly registered: (() => Answer<readonly string[]>) | null;
  /** The endorsement key of a registered agent, TPM2B_PUBLIC; null where it has none, or was not activated. */
  readonly endorsementKeyOf: ((agent: string) => Answer<Uint8Array | null>) | null;
  /** Every agent of the verifier, as it stands. */
  readonly verified: (() => Answer<readonly VerifiedAgent[]>) | null;
};

export type KeylimeLimits = { readonly timeoutMs: number; readonly maxOctets: number };

const usualLimits: KeylimeLimits = { timeoutMs: 20_000, maxOctets: 32 * 1024 * 1024 };

/** The Keylime that these settings name. Certificate and key are read anew each time: they live for a day. */
export function keylime(settings: KeylimeSettings, limits: KeylimeLimits = usualLimits): Keylime {
  const { registrarUrl, verifierUrl } = settings;
  const at = (origin: string): Asker => asker(origin, settings, limits);
  return {
    registered: registrarUrl === null ? null : () => at(registrarUrl)('/agents', readRegistered),
    endorsementKeyOf:
      registrarUrl === null
        ? null
        : async (agent) => {
            const answer = await at(registrarUrl)(`/agents/${encodeURIComponent(agent)}`, readEndorsementKey);
            return !answer.ok && answer.error.reason === 'keylimeAgentUnknown' ? ok(null) : answer;
          },
    verified: verifierUrl === null ? null : () => at(verifierUrl)('/agents/?bulk=true', readVerified),
  };
}

type Reader<T> = (octets: Uint8Array) => Result<T, Refusal<KeylimeReplyFault>>;
type Asker = <T>(path: string, read: Reader<T>) => Answer<T>;

const asker =
  (origin: string, settings: KeylimeSettings, limits: KeylimeLimits): Asker =>
  async (path, read) => {
    const files = await credentials(settings);
    if (!files.ok) return files;
    const call = { origin, ...files.value, ...limits };
    const version = await versionOf(call, settings.apiVersion);
    const octets = await get(call, `/v${version}${path}`);
    return octets.ok ? read(octets.value) : octets;
  };

type Credentials = { readonly cert: string; readonly key: string; readonly ca: string };

async function credentials({ certificateFile, keyFile, caFile }: KeylimeSettings): Answer<Credentials> {
  try {
    const [cert = '', key = '', ca = ''] = await Promise.all(
      [certificateFile, keyFile, caFile].map((path) => readFile(path, 'utf8')),
    );
    return ok({ cert, key, ca });
  } catch (error) {
    return err(unreachable('a file of section keylime', messageOf(error)));
  }
}

/** What is configured, or else the newest of the same major that is no newer; a server that does not say is believed to have it. */
async function versionOf(call: Call, wanted: string): Promise<string> {
  const octets = await get(call, '/version');
  const versions = octets.ok ? readVersions(octets.value) : octets;
  if (!versions.ok || versions.value.includes(wanted)) return wanted;
  const [major, minor] = wanted.split('.').map(Number);
  const minors = versions.value
    .map((one) => one.split('.').map(Number))
    .filter(([otherMajor, otherMinor = 0]) => otherMajor === major && otherMinor <= (minor ?? 0))
    .map(([, otherMinor = 0]) => otherMinor);
  return minors.length === 0 ? wanted : `${major}.${Math.max(...minors)}`;
}

type Call = Credentials & KeylimeLimits & { readonly origin: string };

function get({ origin, cert, key, ca, timeoutMs, maxOctets }: Call, path: string): Answer<Uint8Array> {
  return new Promise((resolve) => {
    const end = (result: Result<Uint8Array, KeylimeFault>): void => {
      clearTimeout(timer);
      asked?.destroy();
      resolve(result);
    };
    const fail = (error: unknown): void => end(err(unreachable(origin, whyOf(error))));
    const timer = setTimeout(() => end(err(unreachable(origin, `no answer within ${timeoutMs / 1000} s`))), timeoutMs);
    let asked: ReturnType<typeof request> | undefined;
    try {
      // Said explicitly: otherwise NODE_TLS_REJECT_UNAUTHORIZED of the environment would decide.
      asked = request(new URL(path, origin), { cert, key, ca, rejectUnauthorized: true, agent: false });
    } catch (error) {
      fail(error);
      return;
    }
    asked.on('error', fail);
    asked.once('response', (response) => {
      const { statusCode = 0 } = response;
      const parts: Buffer[] = [];
      let octets = 0;
      response.on('data', (part: Buffer) => {
        octets += part.length;
        parts.push(part);
        if (octets > maxOctets) end(err(unreachable(origin, `an answer of more than ${maxOctets} octets`)));
      });
      response.once('error', fail);
      response.once('end', () =>
        end(statusCode === 200 ? ok(new Uint8Array(Buffer.concat(parts))) : err(refused(origin, path, statusCode))),
      );
    });
    asked.end();
  });
}

/** OpenSSL's own words, without the place in its sources. */
const whyOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'reason' in error && typeof error.reason === 'string'
    ? error.reason
    : messageOf(error);

const unreachable = (origin: string, why: string): KeylimeFault => ({
  reason: 'keylimeUnreachable',
  detail: `${origin}: ${printable(why, 200)}`,
  field: 'keylime',
  accepted: 'a Keylime that is reached with the certificate of profile keylime-monitor',
});

/** Keylime says 403 to a certificate without a commonName, and to one that its CA file does not know it cuts the line. */
const refused = (origin: string, path: string, status: number): KeylimeFault => ({
  reason: status === 404 ? 'keylimeAgentUnknown' : 'keylimeRefused',
  detail: `${origin}${path} answered HTTP ${status}`,
  field: 'keylime.certificateFile',
  accepted: 'a client certificate of profile keylime-monitor, and its CA in trusted_client_ca',
});
