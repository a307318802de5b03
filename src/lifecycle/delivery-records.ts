// What the notifier reads and writes, as the functions that it needs. A store is any set of functions that fit; each writing
// call is one transaction, and several servers may call at once.
import type { ComposedMessage, Composition, Waiting } from '../domain/composing.ts';
import type { Cursor } from '../domain/cursor.ts';
import type { DigestContent } from '../domain/digest.ts';
import type { AlarmEvent, EventComposition } from '../domain/events.ts';
import type { ChannelRules, Message, MessageKind } from '../domain/message.ts';
import type { AttemptEnd, DueDecision, DueDelivery } from '../domain/sending.ts';
import type { WarningPolicy } from '../domain/warning-policy.ts';

/** A delivery that was claimed: its attempt is written down, and now it may be made. */
export type ClaimedDelivery = {
  readonly id: string;
  readonly message: Message;
  /** With this one. */
  readonly attempts: number;
  /** Since when its channel takes nothing; null when it does. */
  readonly failingSince: Date | null;
};

/** How a channel stands. */
export type ChannelState = {
  readonly channel: string;
  readonly turnedAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly failingSince: Date | null;
  readonly lastError: string | null;
  /** Messages that it has not taken yet, and since when the oldest waits. */
  readonly waiting: number;
  readonly oldestWaiting: Date | null;
  /** When it last refused a message for good. */
  readonly refusedAt: Date | null;
};

/** A delivery as it is shown. */
export type DeliveryRecord = {
  readonly id: string;
  readonly channel: string;
  readonly kind: MessageKind;
  readonly title: string;
  readonly createdAt: Date;
  readonly attempts: number;
  readonly outcome: 'delivered' | 'withdrawn' | 'refused' | null;
  readonly concludedAt: Date | null;
  readonly lastError: string | null;
};

/** What a channel was told of a warning. */
export type ToldRecord = {
  readonly channel: string;
  readonly kind: string;
  readonly at: Date;
  readonly deliveredAt: Date | null;
};

export type NotifierStore = {
  /** One channel's waiting crossings, decided while nobody else composes for it; says how many messages were composed. */
  readonly composeFor: (channel: string, now: Date, decide: (waiting: Waiting) => Composition) => Promise<number>;
  /** Alarms of the outbox that nobody was told of, decided; everything else that waits there is marked. */
  readonly composeEvents: (
    now: Date,
    decide: (waiting: {
      readonly events: readonly AlarmEvent[];
      readonly recent: readonly string[];
    }) => EventComposition,
  ) => Promise<number>;
  /** Puts the digest of a day into the queue of a channel, once; an empty one only marks that the day has been looked at. */
  readonly insertDigest: (
    channel: string,
    digest: Pick<ComposedMessage, 'cause' | 'text'> & { readonly isEmpty: boolean },
    now: Date,
  ) => Promise<boolean>;
  /** Of some channels those that have a digest of this cause. */
  readonly digestedChannels: (cause: string) => Promise<readonly string[]>;
  readonly digestFacts: (now: Date) => Promise<DigestContent>;
  /** Writes the crossings of what is critical, told and still acknowledged by nobody; says how many. */
  readonly addEscalations: (
    channels: readonly string[],
    policy: WarningPolicy['escalation'],
    now: Date,
  ) => Promise<number>;
  /** Writes the crossings of what is open for a channel that never had one of it, such as a new one; says how many. */
  readonly tellOpen: (channel: Pick<ChannelRules, 'name' | 'level' | 'conditions'>, now: Date) => Promise<number>;
  /** Ends what was put off until now, with a reminder for the channels that were told of it; says how many. */
  readonly endSnoozes: (channels: readonly string[], now: Date) => Promise<number>;
  /** The next delivery of a channel that is due and is to be sent; those that are not are concluded on the way. */
  readonly claimDelivery: (
    channel: string,
    at: { readonly now: Date; readonly leaseUntil: Date },
    decide: (due: DueDelivery) => DueDecision,
  ) => Promise<ClaimedDelivery | null>;
  readonly concludeAttempt: (
    claimed: { readonly id: string; readonly attempts: number },
    end: AttemptEnd,
    now: Date,
  ) => Promise<void>;
  /** The channel was looked after, and nothing was left undone. Says nothing of one that fails. */
  readonly recordTurn: (channel: string, now: Date) => Promise<void>;
  /** The channel took a message that was none of its queue, such as that of a test. */
  readonly recordReached: (channel: string, now: Date) => Promise<void>;
  readonly channelStates: (refusedSince: Date) => Promise<readonly ChannelState[]>;
  /** Forgets what is long over, and gives up what waits for channels that are not there any more; says how many rows. */
  readonly forget: (
    before: ForgetBefore,
    channels: readonly Pick<ChannelRules, 'name'>[],
    now: Date,
  ) => Promise<number>;
  readonly listDeliveries: (query: {
    readonly channel: string | null;
    readonly after: Cursor | null;
    readonly limit: number;
  }) => Promise<readonly DeliveryRecord[]>;
  readonly toldOf: (warningId: string) => Promise<readonly ToldRecord[]>;
};

/** What ended before these instants is forgotten. */
export type ForgetBefore = {
  readonly events: Date;
  readonly deliveries: Date;
  readonly warnings: Date;
  /** For a channel that is not there any more, nothing older waits. */
  readonly abandoned: Date;
};
