// The route of the audit.
import type { AuditServices } from '../audit-services.ts';
import { pagingOf } from '../paging.ts';
import { found } from '../reply.ts';
import { type Route, route } from '../route.ts';

/** `/v1/audit` */
export const auditRoutes = (services: AuditServices): readonly Route[] => [
  route('GET', '/v1/audit', { takes: ['viewer'] }, async (r) => {
    const { event, principal, device } = r.query;
    return found(
      await services.listAudit({
        ...pagingOf(r.query),
        ...(event === undefined ? {} : { event }),
        ...(principal === undefined ? {} : { principal }),
        ...(device === undefined ? {} : { device }),
      }),
    );
  }),
];
