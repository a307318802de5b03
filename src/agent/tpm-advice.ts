// What a person is told when the TPM does not do what was asked: what it was doing, what it answered, what to do next.
import { MalformedTpmStructure } from '../tpm2/cursor.ts';
import type { TpmFailureKind } from '../tpm2/response-codes.ts';
import { TpmError, TpmResponseForged, TpmTransportError } from '../tpm2/tpm-error.ts';
import { AgentFailure } from './failure.ts';

/** Next steps on a host, where the general hint of a response code is not enough. */
const nextSteps: Readonly<Partial<Record<TpmFailureKind, string>>> = {
  auth: 'give the password of the hierarchy by --owner-password-file or --endorsement-password-file',
  integrity:
    'the keys of this agent are of no use in this TPM any more: `omens agent enroll --new-keys` makes new ones',
  handle: 'another program may have flushed it; run the command again',
  state: 'switch the TPM and all its hierarchies on in the firmware setup, then restart the host',
  retry: 'nothing was lost: run the command again',
};

/**
 * An `AgentFailure` for any fault of the TPM, or null for an error that has nothing to do with it. `doing` completes the
 * sentence "the TPM failed while …".
 */
export function tpmAdvice(error: unknown, doing: string): AgentFailure | null {
  const failure = (message: string, hints: readonly (string | null | undefined)[]): AgentFailure =>
    new AgentFailure(message, {
      hints: hints.filter((hint) => typeof hint === 'string'),
      cause: error,
    });
  if (error instanceof TpmError) {
    const { kind, hint } = error.failure;
    return failure(`the TPM refused while ${doing}: ${error.message}`, [hint, nextSteps[kind]]);
  }
  if (error instanceof TpmTransportError) {
    return failure(`${error.message} (while ${doing})`, [error.hint, 'another TPM is named by --tpm']);
  }
  if (error instanceof TpmResponseForged) {
    return failure(`${error.message} (while ${doing})`, [
      'nothing was sent to the server; look for what stands between this program and the TPM before trying again',
    ]);
  }
  if (error instanceof MalformedTpmStructure) {
    return failure(`the TPM answered with something that is no response (while ${doing}): ${error.message}`, [
      'is it really a TPM 2.0 behind --tpm?',
    ]);
  }
  return null;
}

/** Runs TPM work; its faults become `AgentFailure`s that say what was being done. */
export async function advised<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw tpmAdvice(error, doing) ?? error;
  }
}
