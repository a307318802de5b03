// The service as a round of keeping calls it, over client/. A round waits for nothing: Retry-After is given back, and what
// to do about it was decided elsewhere.
import { X509Certificate } from 'node:crypto';
import { type HostApi, hostApi } from '../client/api.ts';
import { type ClientFault, openConnection } from '../client/connection.ts';
import type { RequestSigner } from '../client/request-signing.ts';
import { findAnchors, type ServerTrust } from '../client/server-trust.ts';
import type { Result } from '../domain/result.ts';
import type { ServerIdentity } from './agent-state.ts';
import { type KeepAnswer, type KeepServer, Trouble } from './keep-ports.ts';
import type { Pace } from './patience.ts';
import { anchorsFor, type HostTrust } from './trust.ts';

/** A connection of one round. `root`: DER of the root that the pinned digest names; null when trust came by a bundle. */
export type OpenServer = {
  readonly server: KeepServer;
  readonly api: HostApi;
  readonly root: Uint8Array | null;
};

/** So long a reply may be awaited because another is under way, in seconds; longer waits are for later rounds. */
const patienceSeconds = 5;

/** Authenticates the server and opens the way to it. Rejects with `Trouble`; nothing was sent then. */
export async function openKeepServer(
  { url, rootSha256 }: ServerIdentity,
  { now, sleep, key, trust }: Pace & { readonly key: RequestSigner; readonly trust: HostTrust | null },
): Promise<OpenServer> {
  const wanted = trustOf(rootSha256, trust);
  const anchors = valueOf(await findAnchors(new URL(url), wanted));
  const connection = valueOf(
    await openConnection({
      ...{ url, token: null, now, sleep, patienceSeconds },
      trust: { kind: 'bundle', pem: anchors.pem },
    }),
  );
  const api = hostApi(connection);
  const root = wanted.kind === 'root' ? new Uint8Array(new X509Certificate(anchors.pem).raw) : null;
  return { server: { ...functionsOf(api, key), close: () => connection.close() }, api, root };
}

/** Once this host holds roots, all of them count: the service may have moved to one of a bundle. */
function trustOf(sha256: string, trust: HostTrust | null): ServerTrust {
  const { rootsPem } = anchorsFor(trust?.enrolledUnder === sha256 ? trust : null, 'estate');
  return rootsPem === '' ? { kind: 'root', sha256 } : { kind: 'bundle', pem: rootsPem };
}

const functionsOf = (api: HostApi, signer: RequestSigner): Omit<KeepServer, 'close'> => ({
  newNonce: async () => valueOf(await api.newNonce()),
  report: async (body) => answerOf(await api.report(body, signer)),
  renew: async ({ lineage, bodyText, nonce }) => answerOf(await api.renew(lineage, { bodyText, nonce, signer })),
  confirm: async ({ certificate, body, nonce }) =>
    answerOf(await api.confirm(certificate, { bodyText: JSON.stringify(body), nonce, signer })),
});

function answerOf<T>(result: Result<T, ClientFault>): KeepAnswer<T> {
  if (result.ok || result.error.reason !== 'problem') return { ok: true, value: valueOf(result) };
  const { problem, retryAfterSeconds } = result.error;
  return { ok: false, problem, retryAfterSeconds };
}

function valueOf<T>(result: Result<T, ClientFault>): T {
  if (result.ok) return result.value;
  const { reason, detail } = result.error;
  switch (reason) {
    case 'serverUnreachable':
    case 'malformedReply':
      throw new Trouble(reason, detail, { hints: ['everything reached so far is kept'] });
    case 'serverNotTrusted':
      throw new Trouble(reason, `the server is not the one that this host was told of: ${detail}`, {
        hints: ['nothing was sent to it', 'compare the SHA-256 of the root certificate with an operator'],
        pace: 'slow',
      });
    case 'clockDiffers':
      throw new Trouble(reason, detail, {
        hints: ['nothing was sent to the server; synchronize the clock of this host'],
        pace: 'clock',
      });
    case 'problem':
      throw new Trouble(reason, detail);
    default:
      return reason satisfies never;
  }
}
