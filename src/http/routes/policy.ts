// Routes of what may be issued and who issues it.
import { derOr, found, foundOr, pemOr } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { PolicyServices } from '../services.ts';

/** `/v1/profiles…`, `/v1/issuers…` */
export const policyRoutes = (services: PolicyServices): readonly Route[] => [
  route('GET', '/v1/profiles', { takes: ['viewer'] }, async () =>
    found({ items: await services.listProfiles(), next: null }),
  ),
  route('GET', '/v1/profiles/{name}', { takes: ['viewer'] }, async (r) =>
    foundOr(await services.showProfile(r.params.name), 'profile'),
  ),
  route('GET', '/v1/issuers', { takes: ['anyone'] }, async () =>
    found({ items: await services.listIssuers(), next: null }),
  ),
  route('GET', '/v1/issuers/{id}/chain.pem', { takes: ['anyone'] }, async (r) =>
    pemOr(await services.issuerPem(r.params.id, 'chain'), 'issuer'),
  ),
  route('GET', '/v1/issuers/{id}/root.pem', { takes: ['anyone'] }, async (r) =>
    pemOr(await services.issuerPem(r.params.id, 'root'), 'issuer'),
  ),
  route('GET', '/v1/issuers/{id}/bundle.pem', { takes: ['anyone'] }, async (r) =>
    pemOr(await services.issuerPem(r.params.id, 'bundle'), 'issuer'),
  ),
];

/** What the plain listener has, and nothing else: CRLs and issuer certificates, both signed and public. */
export const plainRoutes = (services: Pick<PolicyServices, 'currentCrl' | 'issuerDer'>): readonly Route[] => [
  route('GET', '/crl/{ski}.crl', { takes: ['anyone'] }, async (r) =>
    derOr(await services.currentCrl(r.params.ski), { type: 'application/pkix-crl', maxAgeSeconds: 300, what: 'CRL' }),
  ),
  route('GET', '/issuers/{cert}.cer', { takes: ['anyone'] }, async (r) =>
    derOr(await services.issuerDer(r.params.cert), {
      type: 'application/pkix-cert',
      maxAgeSeconds: 86_400,
      what: 'certificate',
    }),
  ),
];
