// The page of the audit.
import { auditPage } from '../../web/audit-page.ts';
import type { AuditServices } from '../audit-services.ts';
import { type Page, page } from './page.ts';

/** `/audit` */
export const auditPages = (services: AuditServices): readonly Page[] => [
  page(
    'GET',
    '/audit',
    { section: '/audit', takes: 'viewer', query: ['event', 'principal', 'device', 'cursor'] },
    async ({ query, frame }) => {
      const { event, principal, device, cursor } = query;
      const { items, next } = await services.listAudit({
        limit: 30,
        ...(event === '' ? {} : { event }),
        ...(principal === '' ? {} : { principal }),
        ...(device === '' ? {} : { device }),
        ...(cursor === '' ? {} : { cursor }),
      });
      return { title: 'Audit', body: auditPage({ event, principal, device, lines: items, next }, frame) };
    },
  ),
];
