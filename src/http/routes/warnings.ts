// Routes of warnings, and of the messages that told of them.
import { pagingOf } from '../paging.ts';
import { answered, found, foundOr } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { WarningServices } from '../warning-services.ts';

/** `/v1/warnings…`, `/v1/deliveries` */
export const warningRoutes = (services: WarningServices): readonly Route[] => [
  route('GET', '/v1/warnings', { takes: ['viewer'] }, async (r) => {
    const { state, level, device, lineage, condition } = r.query;
    return found(
      await services.listWarnings({
        ...pagingOf(r.query),
        state: state === 'closed' ? 'closed' : 'open',
        // The contract knows no `ok` here: it is a level of reports.
        ...(level === undefined || level === 'ok' ? {} : { level }),
        ...(device === undefined ? {} : { device }),
        ...(lineage === undefined ? {} : { lineage }),
        ...(condition === undefined ? {} : { condition }),
      }),
    );
  }),
  route('GET', '/v1/warnings/{id}', { takes: ['viewer'] }, async (r) =>
    foundOr(await services.showWarning(r.params.id), 'warning'),
  ),
  route('POST', '/v1/warnings/{id}/acknowledgement', { takes: ['admin'], body: 'AcknowledgementBody' }, async (r) =>
    answered(await services.acknowledgeWarning(r.params.id, r.body, r.principal, r), found),
  ),
  route('POST', '/v1/warnings/{id}/snooze', { takes: ['admin'], body: 'SnoozeBody' }, async (r) =>
    answered(await services.snoozeWarning(r.params.id, r.body, r.principal, r), found),
  ),
  route('GET', '/v1/deliveries', { takes: ['viewer'] }, async (r) => {
    const { channel } = r.query;
    return found(
      await services.listDeliveries({ ...pagingOf(r.query), ...(channel === undefined ? {} : { channel }) }),
    );
  }),
];
