// The body that a webhook gets; docs/channels.md is its contract. Not part of openapi.yaml: this service calls there.
import type { Message, MessageKind } from './message.ts';

/** Types as Standard Webhooks names them. `data.id` is also the header webhook-id. */
export type WebhookBody = {
  readonly type: `omens.${MessageKind}`;
  readonly timestamp: string;
  readonly data: Omit<Message, 'kind' | 'at'>;
};
