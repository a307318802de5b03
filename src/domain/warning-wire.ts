// The JSON resources of warnings, deliveries, channels, probes and the audit; openapi.yaml is the contract.
import type { ChannelKind, MessageKind } from './message.ts';
import type { Condition, StandingFacts, WarningLevel } from './warning.ts';
import type { Page } from './wire.ts';

/** GET /v1/warnings/{id}, and an item of GET /v1/warnings?state=open|closed (the worst and oldest first). */
export type WarningResource = {
  readonly id: string;
  readonly condition: Condition;
  readonly subject: string;
  readonly level: WarningLevel;
  readonly reason: string;
  readonly facts: StandingFacts;
  readonly device: string | null;
  readonly lineage: string | null;
  readonly openedAt: string;
  readonly levelAt: string;
  readonly closedAt: string | null;
  readonly acknowledgedAt: string | null;
  readonly acknowledgedBy: string | null;
  readonly snoozedUntil: string | null;
  readonly snoozedBy: string | null;
  readonly note: string | null;
  /** By channel, what was told of it and when. Only in the answer about one. */
  readonly told?: readonly {
    readonly channel: string;
    readonly kind: string;
    readonly at: string;
    readonly deliveredAt: string | null;
  }[];
};

export type WarningPage = Page<WarningResource>;

/** POST /v1/warnings/{id}/acknowledgement */
export type AcknowledgementBody = { readonly note?: string };

/** POST /v1/warnings/{id}/snooze; `until` is RFC 3339, at most 30 days from now. */
export type SnoozeBody = { readonly until: string; readonly note?: string };

/** An item of GET /v1/channels. */
export type ChannelResource = {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly destination: string;
  readonly level: WarningLevel;
  readonly digest: boolean;
  readonly escalation: boolean;
  /** Messages that wait, and since when. */
  readonly waiting: number;
  readonly oldestWaiting: string | null;
  readonly lastDeliveredAt: string | null;
  readonly failingSince: string | null;
  readonly lastError: string | null;
};

/** GET /v1/channels: all of them. */
export type ChannelPage = Page<ChannelResource>;

/** 200 of POST /v1/channels/{name}/test: the channel was asked at once, outside its queue. */
export type ChannelTestResource = {
  readonly channel: string;
  readonly message: string;
  readonly accepted: boolean;
  readonly detail: string | null;
};

/** An item of GET /v1/deliveries?channel=: the newest first. */
export type DeliveryResource = {
  readonly id: string;
  readonly channel: string;
  readonly kind: MessageKind;
  readonly title: string;
  readonly createdAt: string;
  readonly attempts: number;
  readonly outcome: 'delivered' | 'withdrawn' | 'refused' | null;
  readonly concludedAt: string | null;
  readonly lastError: string | null;
};

/** An item of GET /v1/audit: the newest first. */
export type AuditEventResource = {
  readonly id: string;
  readonly at: string;
  readonly event: string;
  readonly principal: string;
  readonly facts: Readonly<Record<string, unknown>>;
};

/** GET /v1/audit */
export type AuditPage = Page<AuditEventResource>;

/** An item of GET /v1/endpoints: what a probe saw the last time. */
export type EndpointResource = {
  readonly name: string;
  readonly address: string;
  readonly kind: string;
  /** Null before the first look. */
  readonly lookedAt: string | null;
  readonly reachableAt: string | null;
  readonly level: 'ok' | 'warning' | 'critical' | 'unknown';
  readonly findings: readonly {
    readonly condition: Condition;
    readonly level: WarningLevel;
    readonly detail: string;
  }[];
  readonly servedSha256: string | null;
  readonly servedNotAfter: string | null;
};

/** An item of GET /v1/keylime/agents. */
export type KeylimeAgentResource = {
  readonly agent: string;
  readonly device: string | null;
  readonly hostName: string | null;
  readonly registered: boolean;
  /** The verifier's number and its name; null where the verifier does not know it. */
  readonly operationalState: number | null;
  readonly state: string | null;
  readonly attestationStatus: string | null;
  readonly lastSuccessfulAttestation: string | null;
  readonly since: string;
  /** Null when it does not fail, or passed for long enough again. */
  readonly failingSince: string | null;
  /** The gate holds the renewals of its device. */
  readonly held: boolean;
  /** An admin said that the gate shall not. */
  readonly letThroughUntil: string | null;
};
