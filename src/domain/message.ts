// What a channel is asked to carry, and what comes of it. How it looks there is the channel's (notify/).
import type { WarningLevel } from './warning.ts';

export type MessageKind = 'warning' | 'wellAgain' | 'escalation' | 'reminder' | 'digest' | 'event' | 'test';

/** One message. A second attempt carries the same octets in all members, `id` first of all. */
export type Message = {
  /** UUID: webhook-id, Message-ID, key of de-duplication. */
  readonly id: string;
  readonly kind: MessageKind;
  readonly level: WarningLevel | 'info';
  /** One line of at most 120 characters, without control characters. */
  readonly title: string;
  /** The worst first, at most fifty of `total`. */
  readonly items: readonly MessageItem[];
  readonly total: number;
  /** The operator page about it; null where there is none. */
  readonly url: string | null;
  /** RFC 3339. */
  readonly at: string;
};

/** One warning or event in it. */
export type MessageItem = {
  /** Null for an event. */
  readonly warning: string | null;
  readonly condition: string;
  readonly level: WarningLevel | 'info';
  readonly name: string;
  readonly reason: string;
  readonly since: string | null;
  readonly facts: Readonly<Record<string, unknown>>;
};

/**
 * `detail` of what was taken: what a person should know all the same, such as one of several recipients that was refused.
 * `isPermanent`: this message will never be taken, by what the channel said of it; what a person can mend at the channel,
 * a wrong token or a missing mailbox, is not permanent, and its messages wait. `isUnsure`: the channel may have taken it all the
 * same, because the answer did not come after the message was sent; a refused connection or an answer that refuses is sure.
 */
export type SendOutcome =
  | { readonly accepted: true; readonly detail?: string }
  | {
      readonly accepted: false;
      readonly detail: string;
      readonly isPermanent: boolean;
      readonly isUnsure: boolean;
      readonly retryAfterSeconds: number | null;
    };

/** A channel, ready to carry messages. `send` never throws, takes at most half a minute, and logs no secret. */
export type Channel = ChannelRules & {
  readonly kind: ChannelKind;
  /** Where it leads, for people, without a secret: a host, a mailbox, a socket. */
  readonly destination: string;
  readonly send: (message: Message) => Promise<SendOutcome>;
};

export type ChannelKind = 'webhook' | 'smtp' | 'pushover' | 'ntfy' | 'slack' | 'syslog';

/** What goes to a channel. */
export type ChannelRules = {
  /** Letters, digits and hyphens; unique. Rows name it, so a channel that is renamed is another one. */
  readonly name: string;
  /** The least level that goes there at once. */
  readonly level: WarningLevel;
  /** Only these conditions; null for all. */
  readonly conditions: readonly string[] | null;
  readonly wellAgain: boolean;
  readonly escalation: boolean;
  readonly digest: boolean;
  readonly events: boolean;
};
