// Whether a call of `enroll` continues what an earlier one left, repeats what is done, or begins something new. Pure.
import { createHash } from 'node:crypto';
import { defaultGrantProfiles } from '../domain/profile.ts';
import type { ProfileRequest } from '../domain/profile-request.ts';
import type { AgentState, PendingWork, ServerIdentity, TpmKeys } from './agent-state.ts';
import { AgentFailure } from './failure.ts';

/** What was asked on the command line; null or empty where nothing was said. */
export type EnrollWishes = {
  readonly server: ServerIdentity | null;
  readonly token: string | null;
  readonly hostName: string | null;
  readonly profiles: readonly ProfileRequest[];
  readonly tpm: string | null;
  /** `discard`: the keys of an earlier run are not to be used again. */
  readonly oldKeys: 'keep' | 'discard';
};

/** What follows from the wishes and the state. */
export type Errand =
  | { readonly kind: 'done'; readonly state: AgentState }
  | { readonly kind: 'continue'; readonly state: AgentState; readonly work: PendingWork }
  | {
      readonly kind: 'begin';
      readonly server: ServerIdentity;
      readonly hostName: string;
      readonly profiles: readonly ProfileRequest[];
      readonly token: string | null;
      readonly keys: TpmKeys | null;
    };

/** SHA-256 of a token in hex. */
export const tokenDigest = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

/** Decides. `ownName` is the host's name where nobody named one; null when the host does not know it. */
export function errandOf(state: AgentState | null, wishes: EnrollWishes, ownName: string | null): Errand {
  const isFresh = state === null || wishes.oldKeys === 'discard';
  if (!isFresh && state.enrollment !== null && isSameErrand(state, state.enrollment, wishes)) {
    return { kind: 'continue', state, work: state.enrollment };
  }
  if (!isFresh && state.enrollment === null && state.device !== null && isRepeated(state, wishes)) {
    return { kind: 'done', state };
  }
  const server = wishes.server ?? state?.server ?? null;
  if (server === null) {
    throw new AgentFailure('no server is named', {
      hints: [
        'an operator makes a token by `omens tokens create --host NAME`; give it by --token-file F',
        'without a token give --server URL --root-sha256 HEX, and have an operator approve this host',
      ],
    });
  }
  const hostName = wishes.hostName ?? state?.hostName ?? ownName;
  if (hostName === null) {
    throw new AgentFailure('this host does not know its own full name', { hints: ['give it by --hostname FQDN'] });
  }
  const profiles = wishes.profiles.length > 0 ? wishes.profiles : defaultProfiles;
  return { kind: 'begin', server, hostName, profiles, token: wishes.token, keys: isFresh ? null : state.keys };
}

const defaultProfiles: readonly ProfileRequest[] = defaultGrantProfiles.map((profile) => ({ profile }));

/** Whether nothing that was said contradicts what is under way. */
function isSameErrand(state: AgentState, work: PendingWork, wishes: EnrollWishes): boolean {
  const { server, hostName, token, profiles } = wishes;
  const asked = profiles.map(({ profile, dnsNames }) => [profile, ...(dnsNames ?? [])].join());
  const made = work.certificates.map(({ profile, dnsNames }) => [profile, ...(dnsNames ?? [])].join());
  return (
    isSameServer(state, server) &&
    (hostName === null || hostName === state.hostName) &&
    (token === null || token === work.token) &&
    (asked.length === 0 || asked.join(' ') === made.join(' '))
  );
}

const isSameServer = (state: AgentState, server: ServerIdentity | null): boolean =>
  server === null || (server.url === state.server.url && server.rootSha256 === state.server.rootSha256);

/** The very command that enrolled this host, or one that asks for nothing. */
const isRepeated = (state: AgentState, { server, token, hostName }: EnrollWishes): boolean =>
  isSameServer(state, server) &&
  (hostName === null || hostName === state.hostName) &&
  (token === null ? server === null : tokenDigest(token) === state.spentToken);
