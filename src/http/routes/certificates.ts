// Routes of certificates: issue for a CSR, find, show, when to renew.
import { createHash } from 'node:crypto';
import { pagingOf, withinOf } from '../paging.ts';
import { answered, found, foundOr, nothingHere } from '../reply.ts';
import { type Query, type Route, route } from '../route.ts';
import type { CertificateQuery, CertificateServices, EvidenceServices, RevocationServices } from '../services.ts';

/** How long a host may rely on the suggested window: RFC 9773 §4.3. */
const renewalInfoSeconds = 6 * 3600;

/** `/v1/certificates…`, `/v1/renewal-info/…` */
export const certificateRoutes = (
  services: CertificateServices & EvidenceServices & RevocationServices,
): readonly Route[] => [
  route(
    'POST',
    '/v1/certificates',
    { takes: ['issuer'], body: 'CertificateBody', maxBodyOctets: 32 * 1024 },
    async (r) => {
      const csrDer = Buffer.from(r.body.csr, 'base64url');
      if (csrDer.toString('base64url') !== r.body.csr) {
        const accepted = 'base64url without padding, unused bits zero (RFC 4648 §5)';
        return { refusals: { reason: 'malformedBinary', detail: 'csr is not base64url', field: 'csr', accepted } };
      }
      const input = {
        profile: r.body.profile,
        csrDer: new Uint8Array(csrDer),
        principal: r.principal,
        idempotencyKey: r.header('idempotency-key'),
        bodySha256: createHash('sha256').update(r.rawBody).digest('hex'),
      };
      return answered(await services.issueFromCsr(input, r), (value) => ({
        status: 201,
        headers: { Location: `/v1/certificates/${value.certificate}` },
        body: value,
      }));
    },
  ),
  route('GET', '/v1/certificates', { takes: ['viewer'] }, async (r) => {
    const within = withinOf(r.query);
    if (!within.ok) return { refusals: within.error };
    return found(await services.findCertificates({ ...filtersOf(r.query), ...within.value }, r));
  }),
  route('GET', '/v1/certificates/{cert}', { takes: ['viewer'] }, async (r) =>
    foundOr(await services.showCertificate(r.params.cert), 'certificate'),
  ),
  route('GET', '/v1/certificates/{cert}/evidence', { takes: ['viewer'] }, async (r) =>
    foundOr(await services.certificateEvidence(r.params.cert), 'certificate'),
  ),
  route('POST', '/v1/certificates/{cert}/revocation', { takes: ['issuer'], body: 'RevocationBody' }, async (r) => {
    const input = { cert: r.params.cert, reasonCode: r.body.reasonCode, principal: r.principal };
    return answered(await services.revokeCertificate(input, r), found);
  }),
  route('GET', '/v1/renewal-info/{certid}', { takes: ['anyone'] }, async (r) => {
    const info = await services.renewalInfo(r.params.certid);
    if (info === null) return nothingHere('certificate');
    return { status: 200, headers: { 'Retry-After': String(renewalInfoSeconds) }, body: info };
  }),
];

const filtersOf = (query: Query): CertificateQuery => {
  const { profile, status, device, serial } = query;
  return {
    ...pagingOf(query),
    ...(profile === undefined ? {} : { profile }),
    ...(status === undefined ? {} : { status }),
    ...(device === undefined ? {} : { device }),
    ...(serial === undefined ? {} : { serial }),
  };
};
