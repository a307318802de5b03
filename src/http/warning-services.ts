// What the HTTP edge needs of warnings: to look at them, to take one upon oneself, to put one off, and what was sent.
import type { Principal } from '../domain/principal.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type {
  AcknowledgementBody,
  DeliveryResource,
  SnoozeBody,
  WarningPage,
  WarningResource,
} from '../domain/warning-wire.ts';
import type { Condition, WarningLevel } from '../domain/warning.ts';
import type { Page } from '../domain/wire.ts';

type Operator = Extract<Principal, { readonly kind: 'operator' }>;
type Context = { readonly now: Date };
type Paging = { readonly cursor?: string; readonly limit: number };

export type WarningServices = {
  readonly listWarnings: (
    query: Paging & {
      readonly state: 'open' | 'closed';
      readonly level?: WarningLevel;
      readonly device?: string;
      readonly lineage?: string;
      readonly condition?: Condition;
    },
  ) => Promise<WarningPage>;
  readonly showWarning: (id: string) => Promise<WarningResource | null>;
  readonly acknowledgeWarning: (
    id: string,
    body: AcknowledgementBody,
    principal: Operator,
    context: Context,
  ) => Promise<Result<WarningResource, Refusal>>;
  readonly snoozeWarning: (
    id: string,
    body: SnoozeBody,
    principal: Operator,
    context: Context,
  ) => Promise<Result<WarningResource, Refusal>>;
  readonly listDeliveries: (query: Paging & { readonly channel?: string }) => Promise<Page<DeliveryResource>>;
};
