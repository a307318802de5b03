// What a kind of channel gives: where it leads and how one message is sent. open-channel.ts makes a Channel of it.
import type { Refusal, Result } from '../domain/result.ts';
import type { Message, SendOutcome } from '../domain/message.ts';

export type Transport = {
  readonly destination: string;
  /** Struck out of whatever is told of an attempt. */
  readonly secrets: readonly string[];
  /** Ends within `deadlineMilliseconds`, with an outcome or with what was thrown. */
  readonly send: (message: Message) => Promise<SendOutcome>;
};

export type ChannelPorts = {
  /** One line of a private file. */
  readonly readSecret: (path: string) => Result<string, Refusal>;
  readonly now: () => Date;
  /** Name of this machine, for syslog. */
  readonly hostName: string;
  /** Longest time of one attempt. */
  readonly deadlineMilliseconds: number;
};

/** An attempt that may succeed another time. */
export const laterOutcome = (
  detail: string,
  { isUnsure = false, retryAfterSeconds = null }: { isUnsure?: boolean; retryAfterSeconds?: number | null } = {},
): SendOutcome => ({ accepted: false, detail, isPermanent: false, isUnsure, retryAfterSeconds });

/** What the channel will never take, by its own word. */
export const neverOutcome = (detail: string): SendOutcome => ({
  ...{ accepted: false, detail, isPermanent: true, isUnsure: false, retryAfterSeconds: null },
});

/** A secret of the form that its service gives out; the fault names the file, never the text. */
export function readSecretOf(
  { readSecret }: ChannelPorts,
  { path, form, accepted }: { readonly path: string; readonly form: RegExp; readonly accepted: string },
): Result<string, Refusal> {
  const secret = readSecret(path);
  if (!secret.ok || form.test(secret.value)) return secret;
  return {
    ok: false,
    error: { reason: 'ruleBroken', detail: 'has not the form of this secret', field: path, accepted },
  };
}
