// What only pages of certificates, devices and issuers call, beside the functions of the API. Reads.
import type { CertificateSearch, FoundPage } from '../../domain/certificate-search.ts';
import type { CertificatePageView } from '../../domain/certificate-view.ts';
import type { HostPage, HostQuery, HostView, WaitingView } from '../../domain/host-view.ts';
import type { IssuersView } from '../../domain/issuer-view.ts';
import type { Operator, RequestContext } from '../services.ts';

export type ContentServices = {
  readonly searchCertificates: (search: CertificateSearch, now: Date) => Promise<FoundPage>;
  /** `cert` is either name of a certificate. */
  readonly viewCertificate: (cert: string, context: RequestContext) => Promise<CertificatePageView | null>;
  readonly listHosts: (query: HostQuery, now: Date) => Promise<HostPage>;
  readonly viewHost: (id: string, context: RequestContext) => Promise<HostView | null>;
  /** What waits, and exactly what an approval by this operator would grant. */
  readonly previewApproval: (id: string, principal: Operator, context: RequestContext) => Promise<WaitingView | null>;
  readonly viewIssuers: (now: Date) => Promise<IssuersView>;
  /** Names of the profiles, as filters. */
  readonly profileNames: readonly string[];
};
