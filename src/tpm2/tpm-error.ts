// The faults of talking to a TPM: it answered with an error, its answer cannot be trusted, or it did not answer.

import { subjectText, type TpmFailure } from './response-codes.ts';

/** The TPM refused a command. `failure.kind` says what kind of trouble it is; `command` is named as in Part 3. */
export class TpmError extends Error {
  override readonly name = 'TpmError';
  readonly command: string;
  readonly failure: TpmFailure;

  constructor(command: string, failure: TpmFailure) {
    const code = `0x${failure.code.toString(16)}`;
    super(`TPM2_${command}: ${failure.name}${subjectText(failure.subject)} ${code}`);
    this.command = command;
    this.failure = failure;
  }
}

/** The response is not authentic: its HMAC is wrong, so something between us and the TPM changed it. */
export class TpmResponseForged extends Error {
  override readonly name = 'TpmResponseForged';
}

/** No answer: the device, socket or library is missing, closed, too slow, or sent no complete response. */
export class TpmTransportError extends Error {
  override readonly name = 'TpmTransportError';
  readonly kind = 'transport';
  /** What an operator can do; `null` when there is nothing general to say. */
  readonly hint: string | null;

  constructor(message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint ?? null;
  }
}
