// A host with a software TPM in front of a real server: begins, solves challenges, signs requests by its request key,
// each of them so that the caller may change what is sent. Raw HTTPS, since friends' clients send nothing malformed.
import { Agent, request as httpsRequest } from 'node:https';
import { createHash } from 'node:crypto';
import { keyBlobs, type PendingWork, type TpmKeys } from '../../src/agent/agent-state.ts';
import { makeRequest, makeTpmKeys } from '../../src/agent/prepare.ts';
import { silent } from '../../src/agent/progress.ts';
import { presentTpm, solveChallenge } from '../../src/agent/prove.ts';
import { rawSignature } from '../../src/agent/request-key.ts';
import { signDigest } from '../../src/agent/tpm-keys.ts';
import { type RequestSigner, signRequest } from '../../src/client/request-signing.ts';
import { decodeEnrollmentToken } from '../../src/domain/enrollment-token.ts';
import type { ActivationBody, ChallengeResource, EnrollmentBody } from '../../src/domain/wire.ts';
import type { Tpm } from '../../src/tpm2/command.ts';
import { parseTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { publicKeyOf } from '../../src/tpm2/subject-public-key-info.ts';
import type { Estate } from '../e2e/support/estate.ts';

export type Sent = {
  readonly method?: string;
  readonly path: string;
  readonly bytes?: Uint8Array;
  /** Name-value pairs, so that a name can be there twice. */
  readonly headers?: readonly (readonly [string, string])[];
};

export type Answer = {
  readonly status: number;
  readonly text: string;
  /** The last part of the problem's type, or null. */
  readonly reason: string | null;
  readonly nonce: string;
};

export type Wire = { readonly send: (sent: Sent) => Promise<Answer>; readonly close: () => void };

/** A few kept connections to the server of an estate, its chain checked. */
export function openWire(estate: Estate): Wire {
  const agent = new Agent({ ca: estate.caPem, keepAlive: true, maxSockets: 4 });
  const { hostname, port, host } = new URL(estate.url);
  const send = ({ method, path, bytes, headers = [] }: Sent): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const content = bytes === undefined ? [] : ['content-type', 'application/json', 'content-length', bytes.length];
      const outgoing = httpsRequest(
        {
          ...{ hostname, port, path, agent, method: method ?? (bytes === undefined ? 'GET' : 'POST') },
          headers: ['host', host, ...content.map(String), ...headers.flat()],
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const nonce = String(incoming.headers['replay-nonce'] ?? '');
            resolve({ status: incoming.statusCode ?? 0, text, reason: reasonIn(text, incoming.headers), nonce });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(bytes);
    });
  return { send, close: () => agent.destroy() };
}

function reasonIn(text: string, headers: { readonly 'content-type'?: string | undefined }): string | null {
  if (!(headers['content-type'] ?? '').startsWith('application/problem+json')) return null;
  return (JSON.parse(text) as { readonly type: string }).type.split('/').at(-1) ?? null;
}

export const bearer = (token: string): readonly (readonly [string, string])[] => [['authorization', `Bearer ${token}`]];

/** A host: its keys, and the request that its certificates come from. */
export type LiveHost = {
  readonly keys: TpmKeys;
  readonly work: PendingWork;
  readonly begin: EnrollmentBody;
  /** Answers a challenge, as an agent does. */
  readonly solve: (challenge: ChallengeResource) => Promise<ActivationBody>;
  readonly signer: RequestSigner;
};

/** Makes keys (P-384 EK: RSA ones are slow to make) and the request for the two certificates of every host. */
export async function makeHost(tpm: Tpm, hostName: string): Promise<LiveHost> {
  const made = await makeTpmKeys(tpm, { known: null, wantsDevId: true, passwords: {}, progress: silent });
  const keys: TpmKeys = { ...made, ek: 'H-3' };
  const profiles = [{ profile: 'devid' }, { profile: 'keylime-agent' }];
  const work = await makeRequest({ hostName, profiles, keys, token: null, progress: silent });
  const { body } = await presentTpm(tpm, { keys, hostName, token: null, passwords: {} });
  const key = keyBlobs(keys.requestKey);
  const publicKey = publicKeyOf(parseTpm2bPublic(key.public));
  if (!publicKey.ok) throw new Error(publicKey.error.detail);
  return {
    keys,
    work,
    begin: body,
    solve: (challenge) => solveChallenge(tpm, { keys, work, challenge, passwords: {} }),
    signer: {
      subjectPublicKeyInfo: publicKey.value.spkiDer,
      sign: async (octets) => {
        const digest = new Uint8Array(createHash('sha256').update(octets).digest());
        return rawSignature(await signDigest(tpm, { key, digest }));
      },
    },
  };
}

/** The credential of a new enrollment token for a host. */
export async function newCredential(wire: Wire, estate: Estate, hostName: string): Promise<string> {
  const bytes = Buffer.from(JSON.stringify({ hostName }));
  const answer = await wire.send({ path: '/v1/enrollment-tokens', bytes, headers: bearer(estate.token) });
  const { token = '' } = JSON.parse(answer.text) as { readonly token?: string };
  const read = decodeEnrollmentToken(token);
  if (!read.ok) throw new Error(`no token: ${answer.status} ${answer.text}`);
  return read.value.credential;
}

/** The header fields of a signed GET, with a nonce of the server that was not used. */
export async function signedHeaders(
  { signer }: LiveHost,
  estate: Estate,
  request: { readonly path: string; readonly nonce: string },
): Promise<readonly (readonly [string, string])[]> {
  const authority = new URL(estate.url).host;
  const { path, nonce } = request;
  const signed = { method: 'GET', authority, path, query: '?', body: null, nonce, created: new Date() };
  return Object.entries(await signRequest(signer, signed));
}
