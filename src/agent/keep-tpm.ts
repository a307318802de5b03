// The TPM as keeping uses it: each piece of work lent the TPM for itself, and each fault told by its own name and with its
// own next step. What the work is, others know.
import type { Tpm } from '../tpm2/command.ts';
import type { TpmFailureKind } from '../tpm2/response-codes.ts';
import { TpmError, TpmResponseForged, TpmTransportError } from '../tpm2/tpm-error.ts';
import type { AgentState } from './agent-state.ts';
import { Trouble } from './keep-ports.ts';
import type { Failure } from './kept.ts';
import { ekFingerprint } from './prove.ts';
import { tpmAdvice } from './tpm-advice.ts';
import { readEkPublic, type TpmPasswords } from './tpm-endorsement.ts';

/** A TPM to be lent, as the state of an agent knows it. */
export type KeepTpm = {
  readonly withTpm: <T>(use: (tpm: Tpm) => Promise<T>) => Promise<T>;
  readonly passwords: TpmPasswords;
  readonly state: Pick<AgentState, 'keys' | 'identity'>;
};

/** Whose keys the work stands on: those that speak for this host, or the one of a certificate. */
type Stake = 'hostKeys' | 'certificateKey';

/** Runs work on the TPM; its faults reject as `Trouble`. */
export async function onTpm<T>(
  { withTpm, passwords, state }: KeepTpm,
  { doing, stake = 'hostKeys' }: { readonly doing: string; readonly stake?: Stake },
  use: (tpm: Tpm) => Promise<T>,
): Promise<T> {
  try {
    return await withTpm(use);
  } catch (error) {
    if (!isOfForeignKey(error)) throw troubleOf(error, doing) ?? error;
    if (stake === 'certificateKey') throw unusable(error, doing);
    throw await keysLost({ withTpm, passwords, state }, error, doing);
  }
}

/** The TPM does not take the key as one of its own. */
const isOfForeignKey = (error: unknown): boolean => error instanceof TpmError && error.failure.kind === 'integrity';

function unusable(error: unknown, doing: string): Trouble {
  const hints = ['the next certificate gets a new key by itself'];
  return new Trouble('keyUnusable', `this TPM does not take the key (while ${doing})`, { hints, cause: error });
}

/** Cleared, or another TPM: the endorsement key outlives the first and not the second. */
async function keysLost({ withTpm, passwords, state }: KeepTpm, error: unknown, doing: string): Promise<Trouble> {
  const now = await withTpm((tpm) => readEkPublic(tpm, state.keys.ek, passwords))
    .then(ekFingerprint)
    .catch(() => null);
  const { ekSha256 } = state.identity;
  const isAnother = now !== null && ekSha256 !== null && now !== ekSha256;
  const [reason, detail, hint] = isAnother
    ? (['tpmReplaced', `this is another TPM than the one that was enrolled; its EK is ${now}`, replacedHint] as const)
    : ([
        'tpmCleared',
        'the TPM was cleared: the keys of this agent are of no use in it any more',
        clearedHint,
      ] as const);
  return new Trouble(reason, `${detail} (while ${doing})`, {
    hints: [hint],
    pace: 'slow',
    areKeysLost: true,
    cause: error,
  });
}

const clearedHint = 'run `omens agent enroll --new-keys`: the same endorsement key gets its old grants again';
const replacedHint =
  'run `omens agent enroll --new-keys`; an operator retires the old device and approves the new endorsement key';

/** Names by kind, and how often it is worth trying again. */
const reasons: Readonly<Record<TpmFailureKind, readonly [reason: string, pace: Failure['pace']]>> = {
  auth: ['tpmPassword', 'slow'],
  lockout: ['tpmLockedOut', 'slow'],
  policy: ['tpmPolicy', 'slow'],
  slots: ['tpmBusy', 'usual'],
  handle: ['tpmBusy', 'usual'],
  integrity: ['tpmCleared', 'slow'],
  state: ['tpmNotReady', 'slow'],
  retry: ['tpmBusy', 'usual'],
  other: ['tpmRefused', 'usual'],
};

/** Null for an error that has nothing to do with the TPM. */
function troubleOf(error: unknown, doing: string): Trouble | null {
  const advice = tpmAdvice(error, doing);
  if (advice === null) return null;
  const [reason, pace] =
    error instanceof TpmError
      ? reasons[error.failure.kind]
      : error instanceof TpmTransportError
        ? (['tpmUnreachable', 'usual'] as const)
        : ([error instanceof TpmResponseForged ? 'tpmForged' : 'tpmRefused', 'usual'] as const);
  return new Trouble(reason, advice.message, { hints: advice.hints, pace, cause: error });
}
