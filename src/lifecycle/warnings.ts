// What people do with warnings: look, acknowledge, put off; and what was sent of them. That it is well again nobody says by
// hand: the next look sees it.
import { type Cursor, decodeCursor, encodeCursor, pageOf } from '../domain/cursor.ts';
import { principalText, type Principal } from '../domain/principal.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type Condition, longestSnoozeSeconds, type WarningLevel, type WarningRecord } from '../domain/warning.ts';
import type {
  AcknowledgementBody,
  DeliveryResource,
  SnoozeBody,
  WarningPage,
  WarningResource,
} from '../domain/warning-wire.ts';
import { type Page, wireTime } from '../domain/wire.ts';
import type { DeliveryRecord, NotifierStore, ToldRecord } from './delivery-records.ts';
import type { WarningStore } from './warning-records.ts';

export type WarningReason = 'warningClosed' | 'snoozeOutOfRange' | 'notFound';

type Operator = Extract<Principal, { readonly kind: 'operator' }>;
type Answer = Promise<Result<WarningResource, Refusal<WarningReason>>>;
type Context = { readonly now: Date };
type Paging = { readonly cursor?: string; readonly limit: number };

export type WarningQuery = Paging & {
  readonly state: 'open' | 'closed';
  readonly level?: WarningLevel;
  readonly device?: string;
  readonly lineage?: string;
  readonly condition?: Condition;
};

/** A page of warnings: of open ones the worst and oldest first, of closed ones those that were closed last. */
export const listWarnings =
  (ports: Pick<WarningStore, 'listWarnings'>) =>
  async ({ state, level, device, lineage, condition, cursor, limit }: WarningQuery): Promise<WarningPage> => {
    const rows = await ports.listWarnings({
      ...{ state, level: level ?? null, deviceId: device ?? null, lineageId: lineage ?? null },
      condition: condition ?? null,
      ...{ after: decodeCursor(cursor, 'uuid'), limit: limit + 1 },
    });
    const { page, last } = pageOf(rows, limit);
    return { items: page.map(warningResource), next: last === null ? null : encodeCursor(cursorOf(last)) };
  };

const cursorOf = ({ id, openedAt, closedAt }: WarningRecord): Cursor => ({ at: closedAt ?? openedAt, id });

/** One warning, with what each channel was told of it. */
export const showWarning =
  (ports: Pick<WarningStore, 'findWarning'> & Pick<NotifierStore, 'toldOf'>) =>
  async (id: string): Promise<WarningResource | null> => {
    const found = await ports.findWarning(id);
    return found === null ? null : { ...warningResource(found), told: (await ports.toldOf(id)).map(toldResource) };
  };

type ChangePorts = Pick<WarningStore, 'acknowledge' | 'snooze' | 'findWarning'> & Pick<NotifierStore, 'toldOf'>;

/** Somebody takes it upon himself: it does not escalate. Its end is still told. */
export const acknowledgeWarning =
  (ports: ChangePorts) =>
  async (id: string, { note }: AcknowledgementBody, principal: Operator, { now }: Context): Answer =>
    afterwards(ports, id, await ports.acknowledge(id, principalText(principal), now, note ?? null));

/** Nothing is told of it before an instant; a rise in level ends that. */
export const snoozeWarning =
  (ports: ChangePorts) =>
  async (id: string, body: SnoozeBody, principal: Operator, { now }: Context): Answer => {
    const until = new Date(body.until);
    const seconds = (until.getTime() - now.getTime()) / 1000;
    if (!(seconds > 0 && seconds <= longestSnoozeSeconds))
      return err({
        reason: 'snoozeOutOfRange',
        detail: `${body.until} is not within the 30 days from ${wireTime(now)} on`,
        field: 'until',
        accepted: `an instant after ${wireTime(now)} and not after ${wireTime(new Date(now.getTime() + longestSnoozeSeconds * 1000))}`,
      });
    const by = principalText(principal);
    return afterwards(ports, id, await ports.snooze(id, { until, by, at: now, note: body.note ?? null }));
  };

async function afterwards(ports: ChangePorts, id: string, isChanged: boolean): Answer {
  const warning = await showWarning(ports)(id);
  if (warning === null) return err({ reason: 'notFound', detail: 'there is no such warning' });
  if (isChanged) return ok(warning);
  return err({ reason: 'warningClosed', detail: `it was well again at ${warning.closedAt ?? 'this moment'}` });
}

/** A page of deliveries, the newest first. */
export const listDeliveries =
  (ports: Pick<NotifierStore, 'listDeliveries'>) =>
  async ({ channel, cursor, limit }: Paging & { readonly channel?: string }): Promise<Page<DeliveryResource>> => {
    const after = decodeCursor(cursor, 'uuid');
    const rows = await ports.listDeliveries({ channel: channel ?? null, after, limit: limit + 1 });
    const { page, last } = pageOf(rows, limit);
    const next = last === null ? null : encodeCursor({ at: last.createdAt, id: last.id });
    return { items: page.map(deliveryResource), next };
  };

const timeOrNull = (at: Date | null | undefined): string | null =>
  at === null || at === undefined ? null : wireTime(at);

/** A warning as the API shows it. */
const warningResource = (one: WarningRecord): WarningResource => ({
  ...{ id: one.id, condition: one.condition, subject: one.subject, level: one.level, reason: one.reason },
  ...{ facts: one.facts, device: one.deviceId, lineage: one.lineageId },
  ...{ openedAt: wireTime(one.openedAt), levelAt: wireTime(one.levelAt), closedAt: timeOrNull(one.closedAt) },
  ...{ acknowledgedAt: timeOrNull(one.acknowledged?.at), acknowledgedBy: one.acknowledged?.by ?? null },
  ...{ snoozedUntil: timeOrNull(one.snoozed?.until), snoozedBy: one.snoozed?.by ?? null, note: one.note },
});

const toldResource = ({ channel, kind, at, deliveredAt }: ToldRecord) => ({
  ...{ channel, kind, at: wireTime(at), deliveredAt: timeOrNull(deliveredAt) },
});

const deliveryResource = (one: DeliveryRecord): DeliveryResource => ({
  ...{ id: one.id, channel: one.channel, kind: one.kind, title: one.title, createdAt: wireTime(one.createdAt) },
  ...{ attempts: one.attempts, outcome: one.outcome, concludedAt: timeOrNull(one.concludedAt) },
  lastError: one.lastError,
});
