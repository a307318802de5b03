// Pages of certificates: the list, one of them, its files, and taking it back.
import { reasonCodes } from '../../domain/certificate.ts';
import { certificateViews } from '../../domain/certificate-search.ts';
import type { CertificatePageView } from '../../domain/certificate-view.ts';
import { parseDuration } from '../../domain/duration.ts';
import { certificatePage } from '../../web/certificate-page.ts';
import { certificatesPage } from '../../web/certificates-page.ts';
import { revocationPage } from '../../web/decision-pages.ts';
import { linkTo } from '../../web/link.ts';
import type { HttpServices, RequestContext } from '../services.ts';
import type { ContentServices } from './content.ts';
import { type Page, page, type PageOutcome } from './page.ts';

const section = '/certificates';
const pageSize = 50;

type Services = HttpServices & ContentServices;

/** `/certificates…` */
export const certificatePages = (services: Services): readonly Page[] => [
  page(
    'GET',
    '/certificates',
    { section, takes: 'viewer', query: ['q', 'view', 'profile', 'within', 'cursor'] },
    async ({ query, now }) => {
      const seconds = query.within === '' ? null : parseDuration(query.within);
      const search = {
        text: query.q.slice(0, 255),
        view: certificateViews.find((one) => one === query.view) ?? 'serving',
        profile: query.profile === '' ? null : query.profile,
        limit: pageSize,
      };
      const cursor = query.cursor === '' ? null : query.cursor;
      const found = await services.searchCertificates({ ...search, withinSeconds: seconds, cursor }, now);
      const fault =
        query.within !== '' && seconds === null
          ? `“${query.within}” is no time: 90s, 15m, 12h, 30d and 2w are. It was left out.`
          : null;
      const within = seconds === null ? '' : query.within;
      const { profileNames: profiles } = services;
      return { title: 'Certificates', body: certificatesPage({ search, within, fault, page: found, profiles, now }) };
    },
  ),
  page('GET', '/certificates/{cert}', { section, takes: 'viewer' }, async (r) =>
    shown(services, r.params.cert, r, (view) => ({
      title: view.certificate.subject,
      body: certificatePage(view, r.frame),
    })),
  ),
  page('GET', '/certificates/{cert}/certificate.pem', { section, takes: 'viewer' }, async (r) =>
    shown(services, r.params.cert, r, ({ certificate }) => pemFile(certificate.certificate, certificate.pem)),
  ),
  page('GET', '/certificates/{cert}/chain.pem', { section, takes: 'viewer' }, async (r) =>
    shown(services, r.params.cert, r, ({ certificate: { certificate, pem, chain } }) =>
      pemFile(`${certificate.slice(0, 16)}-chain`, `${pem}${chain}`),
    ),
  ),
  page('GET', '/certificates/{cert}/revocation', { section, takes: 'admin' }, async (r) =>
    shown(services, r.params.cert, r, (view) => ({
      title: `Revoke ${view.certificate.subject}`,
      body: revocationPage(view, r.frame),
    })),
  ),
  page(
    'POST',
    '/certificates/{cert}/revocation',
    { section, takes: 'admin', form: ['reasonCode'] },
    async (r): Promise<PageOutcome> => {
      const reasonCode = reasonCodes.find((code) => code === r.form.reasonCode);
      if (reasonCode === undefined) {
        return {
          refusals: { reason: 'malformedForm', detail: 'no reason was chosen', accepted: reasonCodes.join(', ') },
        };
      }
      const input = { cert: r.params.cert, reasonCode, principal: r.principal };
      const revoked = await services.revokeCertificate(input, r);
      if (!revoked.ok) return { refusals: revoked.error };
      const cert = revoked.value.certificate;
      return { goTo: linkTo('/certificates/{cert}', { cert }), notice: 'certificateRevoked' };
    },
  ),
];

/** What a certificate of this name makes, or that there is none. */
async function shown(
  services: Services,
  cert: string,
  context: RequestContext,
  make: (view: CertificatePageView) => PageOutcome,
): Promise<PageOutcome> {
  const view = await services.viewCertificate(cert, context);
  return view === null ? nothingThere('certificate') : make(view);
}

/** 404 as a page. */
const nothingThere = (what: string): PageOutcome => ({
  refusals: { reason: 'notFound', detail: `there is no such ${what}` },
});

/** A file to keep; its name is hex of ours. */
const pemFile = (name: string, pem: string): PageOutcome => ({
  reply: {
    status: 200,
    headers: {
      'Content-Type': 'application/pem-certificate-chain',
      'Content-Disposition': `attachment; filename="${name.slice(0, 24)}.pem"`,
    },
    body: pem,
  },
});
