// What enrollment needs from the service, and the same over client/. Every function speaks only to a server whose chain
// ended in the pinned root.
import { X509Certificate } from 'node:crypto';
import { type HostApi, hostApi } from '../client/api.ts';
import { type ClientFault, openConnection } from '../client/connection.ts';
import type { RequestSigner } from '../client/request-signing.ts';
import { findAnchors } from '../client/server-trust.ts';
import type { Result } from '../domain/result.ts';
import type {
  ActivationBody,
  ChallengeResource,
  DeviceResource,
  EnrollmentAnswer,
  EnrollmentBody,
  Problem,
} from '../domain/wire.ts';
import type { ServerIdentity } from './agent-state.ts';
import { ConnectionLost } from './connection-lost.ts';
import { AgentFailure } from './failure.ts';
import type { Pace } from './patience.ts';
import type { Progress } from './progress.ts';

/** An answer of the service: a value, or its refusal. Lost connections reject. */
export type ServerAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

export type EnrollmentServer = {
  /** DER of the root that the pinned digest names. */
  readonly root: Uint8Array;
  readonly begin: (body: EnrollmentBody) => Promise<ServerAnswer<ChallengeResource>>;
  /** `body` is the exact text that is sent. */
  readonly activate: (id: string, body: string) => Promise<ServerAnswer<EnrollmentAnswer>>;
  readonly read: (id: string, key: RequestSigner) => Promise<ServerAnswer<EnrollmentAnswer>>;
  readonly ownDevice: (key: RequestSigner) => Promise<ServerAnswer<DeviceResource>>;
};

/** So long a busy server's Retry-After is obeyed before the command ends with everything kept. */
const patienceSeconds = 900;

/**
 * Authenticates the server by its root and opens the way to it; nothing was sent when this rejects. The functions wait as
 * Retry-After says, and reject when the connection is lost.
 */
export async function connectToServer(
  { url, rootSha256 }: ServerIdentity,
  { now, sleep, progress }: Pace & { readonly progress: Progress },
): Promise<EnrollmentServer> {
  const anchors = valueOf(await findAnchors(new URL(url), { kind: 'root', sha256: rootSha256 }));
  const connection = valueOf(
    await openConnection({
      ...{ url, token: null, now, sleep, patienceSeconds },
      trust: { kind: 'bundle', pem: anchors.pem },
      onWait: ({ seconds, status }) => progress.note(`the server is busy (${status}): waiting ${seconds} s as it asks`),
    }),
  );
  return { root: new Uint8Array(new X509Certificate(anchors.pem).raw), ...functionsOf(hostApi(connection)) };
}

const functionsOf = (api: HostApi): Omit<EnrollmentServer, 'root'> => ({
  begin: async (body) => answerOf(await api.beginEnrollment(body)),
  // What JSON.stringify wrote, JSON.parse and JSON.stringify give again octet for octet.
  activate: async (id, body) => answerOf(await api.activate(id, JSON.parse(body) as ActivationBody)),
  read: async (id, key) => answerOf(await api.readEnrollment(id, key)),
  ownDevice: async (key) => answerOf(await api.showOwnDevice(key)),
});

function answerOf<T>(result: Result<T, ClientFault>): ServerAnswer<T> {
  if (!result.ok && result.error.reason === 'problem') return { ok: false, problem: result.error.problem };
  return { ok: true, value: valueOf(result) };
}

/** The value; a lost connection or an unreadable reply is an ordinary error, which may be tried again. */
function valueOf<T>(result: Result<T, ClientFault>): T {
  if (result.ok) return result.value;
  const { reason, detail } = result.error;
  switch (reason) {
    case 'serverUnreachable':
    case 'malformedReply':
      throw new ConnectionLost(detail);
    case 'serverNotTrusted':
      throw new AgentFailure(`the server is not the one that this host was told of: ${detail}`, {
        hints: ['nothing was sent to it', 'compare the SHA-256 of the root certificate with an operator'],
      });
    case 'clockDiffers':
      throw new AgentFailure(detail, {
        hints: ['nothing was sent to the server; set the clock of this host and try again'],
      });
    case 'problem':
      throw new AgentFailure(detail);
    default:
      return reason satisfies never;
  }
}
