// Routes of the roots that hosts shall trust.
import { answered, foundOr } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { TrustServices } from '../services.ts';

/** `/v1/trust-bundle`, `/v1/trust-bundles` */
export const trustRoutes = (services: TrustServices): readonly Route[] => [
  route('GET', '/v1/trust-bundle', { takes: ['anyone'] }, async (r) =>
    foundOr(await services.trustBundle(r.query.after ?? null), 'trust bundle'),
  ),
  route(
    'POST',
    '/v1/trust-bundles',
    { takes: ['admin'], body: 'TrustBundleBody', maxBodyOctets: 80 * 1024 },
    async (r) => {
      const cms = Buffer.from(r.body.bundle, 'base64url');
      if (cms.toString('base64url') !== r.body.bundle) {
        const accepted = 'base64url without padding, unused bits zero (RFC 4648 §5)';
        const detail = 'bundle is not base64url';
        return { refusals: { reason: 'malformedBinary', detail, field: 'bundle', accepted } };
      }
      const published = await services.publishTrustBundle(new Uint8Array(cms), r.principal, r);
      return answered(published, (value) => ({ status: 201, body: value }));
    },
  ),
];
