// The operations of openapi.yaml as functions: those of a person or script, and those of a host. How they travel is in
// connection.ts.
import { err, ok, type Result } from '../domain/result.ts';
import type { EvidenceResource } from '../domain/evidence-wire.ts';
import type { DeviceStateResource, RevocationBody, RevocationResource } from '../domain/revocation-wire.ts';
import type { SpireAgentsResource, SpireConfirmationBody, SpireDeviceResource } from '../domain/spire-wire.ts';
import type { EndpointResource, KeylimeAgentResource } from '../domain/warning-wire.ts';
import type {
  ActivationBody,
  CertificateBody,
  CertificateResource,
  ChallengeResource,
  DeviceResource,
  EnrollmentAnswer,
  EnrollmentBody,
  EnrollmentTokenBody,
  EnrollmentTokenResource,
  GrantResource,
  IssuerResource,
  OperatorTokenBody,
  OperatorTokenResource,
  Page,
  PendingEnrollmentResource,
  PreregistrationBody,
  PreregistrationResource,
  ProfileResource,
  TrustBundleBody,
  TrustBundleResource,
} from '../domain/wire.ts';
import type { DevicesReport, ExpiryReport, IssuanceReport, RotationReport } from '../domain/report-wire.ts';
import type {
  CampaignBody,
  CampaignResource,
  FleetResource,
  ForecastResource,
  RenewalPullBody,
  RenewalPullResource,
} from '../domain/rotation-wire.ts';
import type {
  AcknowledgementBody,
  AuditPage,
  ChannelPage,
  ChannelTestResource,
  SnoozeBody,
  WarningPage,
  WarningResource,
} from '../domain/warning-wire.ts';
import { type ClientFault, type ClientRequest, type Connection, readJson } from './connection.ts';
import type { HostReportAnswer, HostReportBody, LineageResource, RenewalAnswer } from '../domain/lineage-wire.ts';
import type { AuditFilter, CertificateFilter, ExpiryFilter, PageQuery, ReportName, WarningFilter } from './queries.ts';
import type { RequestSigner } from './request-signing.ts';

type Answer<T> = Promise<Result<T, ClientFault>>;

/** Query parameters; absent ones are left out. */
type Parameters = Readonly<Record<string, string | number | undefined>>;

/** A page whose body has no room for the next cursor; `next` is taken from its Link (RFC 8288), null at the end. */
export type TextPage = { readonly text: string; readonly next: string | null };

/** What anyone may read of the CAs and of the roots that hosts shall trust. */
export type AnchorApi = {
  /** The newest trust bundle, or with `after` the first one of a larger generation. */
  readonly trustBundle: (query: { readonly after?: number | undefined }) => Answer<TrustBundleResource>;
  readonly listIssuers: () => Answer<Page<IssuerResource>>;
  /** PEM. `id`: SHA-256 of the issuer's certificate. */
  readonly issuerPem: (id: string, part: 'chain' | 'root' | 'bundle') => Answer<string>;
};

/** What a host calls. The first two need no key; the others are signed by the request key. */
export type HostApi = AnchorApi & {
  readonly beginEnrollment: (body: EnrollmentBody) => Answer<ChallengeResource>;
  readonly activate: (id: string, body: ActivationBody) => Answer<EnrollmentAnswer>;
  readonly readEnrollment: (id: string, signer: RequestSigner) => Answer<EnrollmentAnswer>;
  readonly showOwnDevice: (signer: RequestSigner) => Answer<DeviceResource>;
  /** A nonce for a body that must speak of it; good for five minutes, once. */
  readonly newNonce: () => Answer<string>;
  /** Sent again octet for octet it gets the same answer for 24 hours. Refused nonces and 429 reach the caller. */
  readonly renew: (lineage: string, request: BoundRequest) => Answer<RenewalAnswer>;
  /** How the host stands; the answer says what is due. */
  readonly report: (body: HostReportBody, signer: RequestSigner) => Answer<HostReportAnswer>;
  /** `cert`: lower-case hex of SHA-256 over the certificate's DER. */
  readonly confirm: (cert: string, request: BoundRequest) => Answer<LineageResource>;
};

/** A body whose statements are bound to one nonce, with the key and the nonce that sign the request. */
export type BoundRequest = { readonly bodyText: string; readonly signer: RequestSigner; readonly nonce: string };

const anchorApi = (connection: Connection): AnchorApi => {
  const { get, text } = verbs(connection);
  return {
    trustBundle: (query) => get('/v1/trust-bundle', query),
    listIssuers: () => get('/v1/issuers'),
    issuerPem: (id, part) =>
      text(`/v1/issuers/${encodeURIComponent(id)}/${part}.pem`, {}, 'application/pem-certificate-chain'),
  };
};

/** The operations of a host. */
export const hostApi = (connection: Connection): HostApi => {
  const { post, ask } = verbs(connection);
  return {
    ...anchorApi(connection),
    beginEnrollment: (body) => post('/v1/enrollments', body),
    activate: (id, body) => post(`/v1/enrollments/${encodeURIComponent(id)}/activation`, body),
    readEnrollment: (id, signer) => ask({ method: 'GET', target: `/v1/enrollments/${encodeURIComponent(id)}`, signer }),
    showOwnDevice: (signer) => ask({ method: 'GET', target: '/v1/devices/self', signer }),
    newNonce: () => connection.newNonce(),
    renew: (lineage, request) =>
      ask({ method: 'POST', target: `/v1/lineages/${encodeURIComponent(lineage)}/renewals`, ...request }),
    report: (body, signer) => ask({ method: 'POST', target: '/v1/devices/self/reports', body, signer }),
    confirm: (cert, request) =>
      ask({ method: 'POST', target: `/v1/certificates/${encodeURIComponent(cert)}/confirmation`, ...request }),
  };
};

/** What a person or script calls, with an operator token. */
export type OperatorApi = AnchorApi & {
  readonly issue: (body: CertificateBody, idempotencyKey: string) => Answer<CertificateResource>;
  readonly findCertificates: (filter: CertificateFilter) => Answer<Page<CertificateResource>>;
  readonly showCertificate: (cert: string) => Answer<CertificateResource>;
  readonly certificateEvidence: (cert: string) => Answer<EvidenceResource>;
  readonly revokeCertificate: (cert: string, body: RevocationBody) => Answer<RevocationResource>;
  readonly spireAgents: () => Answer<SpireAgentsResource>;
  readonly spireOfDevice: (id: string) => Answer<SpireDeviceResource>;
  readonly listEndpoints: () => Answer<Page<EndpointResource>>;
  readonly probeEndpoint: (name: string) => Answer<EndpointResource>;
  readonly listKeylimeAgents: () => Answer<Page<KeylimeAgentResource>>;
  readonly letAgentThrough: (agent: string) => Answer<KeylimeAgentResource>;
  readonly confirmBySpireId: (cert: string, body: SpireConfirmationBody) => Answer<SpireDeviceResource>;
  readonly expiryReport: (query: ExpiryFilter) => Answer<ExpiryReport>;
  readonly issuanceReport: (query: { readonly within?: string | undefined }) => Answer<IssuanceReport>;
  readonly rotationReport: () => Answer<RotationReport>;
  readonly devicesReport: (query: PageQuery) => Answer<DevicesReport>;
  /** One page of a report as CSV. */
  readonly reportCsv: (report: ReportName, query: ExpiryFilter) => Answer<TextPage>;
  readonly listEnrollments: (
    query: PageQuery & { readonly state?: 'pending' | 'approved' },
  ) => Answer<Page<PendingEnrollmentResource>>;
  readonly approveEnrollment: (
    id: string,
    body: { readonly version: number; readonly profiles?: NonNullable<EnrollmentTokenBody['profiles']> },
  ) => Answer<PendingEnrollmentResource>;
  readonly rejectEnrollment: (id: string, body: { readonly version: number; readonly reason: string }) => Answer<null>;
  readonly listDevices: (query: PageQuery) => Answer<Page<DeviceResource>>;
  readonly showDevice: (id: string) => Answer<DeviceResource>;
  readonly preregister: (body: PreregistrationBody) => Answer<PreregistrationResource>;
  readonly replaceGrants: (id: string, grants: readonly GrantResource[]) => Answer<DeviceResource>;
  readonly suspendDevice: (id: string) => Answer<DeviceStateResource>;
  readonly resumeDevice: (id: string) => Answer<DeviceStateResource>;
  readonly retireDevice: (id: string) => Answer<DeviceStateResource>;
  readonly createEnrollmentToken: (body: EnrollmentTokenBody) => Answer<EnrollmentTokenResource>;
  readonly listEnrollmentTokens: (query: PageQuery) => Answer<Page<EnrollmentTokenResource>>;
  readonly deleteEnrollmentToken: (id: string) => Answer<null>;
  readonly createOperatorToken: (body: OperatorTokenBody) => Answer<OperatorTokenResource>;
  readonly listOperatorTokens: (query: PageQuery) => Answer<Page<OperatorTokenResource>>;
  readonly revokeOperatorToken: (id: string) => Answer<null>;
  readonly showFleet: () => Answer<FleetResource>;
  readonly showForecast: (days: number) => Answer<ForecastResource>;
  readonly pullRenewals: (body: RenewalPullBody) => Answer<RenewalPullResource>;
  readonly planCampaign: (body: CampaignBody) => Answer<CampaignResource>;
  readonly listCampaigns: (query: PageQuery) => Answer<Page<CampaignResource>>;
  readonly showCampaign: (id: string) => Answer<CampaignResource>;
  readonly changeCampaign: (id: string, change: 'start' | 'pause' | 'resume') => Answer<CampaignResource>;
  readonly listWarnings: (filter: WarningFilter) => Answer<WarningPage>;
  readonly showWarning: (id: string) => Answer<WarningResource>;
  readonly acknowledgeWarning: (id: string, body: AcknowledgementBody) => Answer<WarningResource>;
  readonly snoozeWarning: (id: string, body: SnoozeBody) => Answer<WarningResource>;
  readonly listAudit: (filter: AuditFilter) => Answer<AuditPage>;
  readonly listChannels: () => Answer<ChannelPage>;
  /** Takes up to half a minute. */
  readonly testChannel: (name: string) => Answer<ChannelTestResource>;
  readonly listProfiles: () => Answer<Page<ProfileResource>>;
  readonly showProfile: (name: string) => Answer<ProfileResource>;
  readonly publishTrustBundle: (body: TrustBundleBody) => Answer<TrustBundleResource>;
};

/** The operations of a person or script. */
export const operatorApi = (connection: Connection): OperatorApi => {
  const { get, post, act, remove, ask, textPage } = verbs(connection);
  const at = (...segments: readonly string[]): string => `/v1/${segments.map(encodeURIComponent).join('/')}`;
  return {
    ...anchorApi(connection),
    issue: (body, idempotencyKey) =>
      ask({ method: 'POST', target: at('certificates'), body, headers: { 'idempotency-key': idempotencyKey } }),
    findCertificates: (filter) => get(at('certificates'), filter),
    showCertificate: (cert) => get(at('certificates', cert)),
    spireAgents: () => get(at('spire', 'agents')),
    spireOfDevice: (id) => get(at('devices', id, 'spire')),
    listEndpoints: () => get(at('endpoints')),
    probeEndpoint: (name) => act(at('endpoints', name, 'probe')),
    listKeylimeAgents: () => get(at('keylime', 'agents')),
    letAgentThrough: (agent) => act(at('keylime', 'agents', agent, 'let-through')),
    confirmBySpireId: (cert, body) => post(at('certificates', cert, 'spire-confirmation'), body),
    certificateEvidence: (cert) => get(at('certificates', cert, 'evidence')),
    revokeCertificate: (cert, body) => post(at('certificates', cert, 'revocation'), body),
    expiryReport: (query) => get(at('reports', 'expiry'), query),
    issuanceReport: (query) => get(at('reports', 'issuance'), query),
    rotationReport: () => get(at('reports', 'rotation')),
    devicesReport: (query) => get(at('reports', 'devices'), query),
    reportCsv: (report, query) => textPage(at('reports', report), query, 'text/csv'),
    listEnrollments: (query) => get(at('enrollments'), query),
    approveEnrollment: (id, body) => post(at('enrollments', id, 'approval'), body),
    rejectEnrollment: (id, body) => post(at('enrollments', id, 'rejection'), body),
    listDevices: (query) => get(at('devices'), query),
    showDevice: (id) => get(at('devices', id)),
    preregister: (body) => post(at('devices'), body),
    replaceGrants: (id, grants) => ask({ method: 'PUT', target: at('devices', id, 'grants'), body: { grants } }),
    suspendDevice: (id) => act(at('devices', id, 'suspension')),
    resumeDevice: (id) => act(at('devices', id, 'resumption')),
    retireDevice: (id) => act(at('devices', id, 'retirement')),
    createEnrollmentToken: (body) => post(at('enrollment-tokens'), body),
    listEnrollmentTokens: (query) => get(at('enrollment-tokens'), query),
    deleteEnrollmentToken: (id) => remove(at('enrollment-tokens', id)),
    createOperatorToken: (body) => post(at('operator-tokens'), body),
    listOperatorTokens: (query) => get(at('operator-tokens'), query),
    revokeOperatorToken: (id) => remove(at('operator-tokens', id)),
    showFleet: () => get(at('rotation', 'fleet')),
    showForecast: (days) => get(at('rotation', 'forecast'), { days }),
    pullRenewals: (body) => post(at('renewal-pulls'), body),
    planCampaign: (body) => post(at('campaigns'), body),
    listCampaigns: (query) => get(at('campaigns'), query),
    showCampaign: (id) => get(at('campaigns', id)),
    changeCampaign: (id, change) => act(at('campaigns', id, change)),
    listWarnings: (filter) => get(at('warnings'), filter),
    showWarning: (id) => get(at('warnings', id)),
    acknowledgeWarning: (id, body) => post(at('warnings', id, 'acknowledgement'), body),
    snoozeWarning: (id, body) => post(at('warnings', id, 'snooze'), body),
    listAudit: (filter) => get(at('audit'), filter),
    listChannels: () => get(at('channels')),
    testChannel: (name) => act(at('channels', name, 'test')),
    listProfiles: () => get(at('profiles')),
    showProfile: (name) => get(at('profiles', name)),
    publishTrustBundle: (body) => post(at('trust-bundles'), body),
  };
};

/** Every item of a list, page after page. Stops at the first fault. */
export async function allItems<T>(page: (query: PageQuery) => Answer<Page<T>>): Answer<readonly T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const answer = await page({ cursor, limit: 1000 });
    if (!answer.ok) return answer;
    items.push(...answer.value.items);
    cursor = answer.value.next ?? undefined;
  } while (cursor !== undefined);
  return ok(items);
}

function verbs({ send }: Connection) {
  // The contract says what an answer is, and the server's tests hold it to that; here only JSON is demanded.
  const ask = async <T>(request: ClientRequest): Answer<T> => {
    const reply = await send(request);
    if (!reply.ok) return reply;
    if (reply.value.status === 204) return ok(null as T);
    const document = readJson(reply.value.body);
    return typeof document === 'object' && document !== null
      ? ok(document as T)
      : err({ reason: 'malformedReply', detail: `${request.target} was answered without a JSON document` });
  };
  const textPage = async (path: string, parameters: Parameters, accept: string): Answer<TextPage> => {
    const reply = await send({ method: 'GET', target: `${path}${queryText(parameters)}`, accept });
    if (!reply.ok) return reply;
    return ok({ text: Buffer.from(reply.value.body).toString('utf8'), next: nextCursor(reply.value.headers['link']) });
  };
  return {
    ask,
    get: <T>(path: string, parameters: Parameters = {}) =>
      ask<T>({ method: 'GET', target: `${path}${queryText(parameters)}` }),
    post: <T>(target: string, body: object) => ask<T>({ method: 'POST', target, body }),
    act: <T>(target: string) => ask<T>({ method: 'POST', target }),
    remove: (target: string) => ask<null>({ method: 'DELETE', target }),
    text: async (path: string, parameters: Parameters, accept: string): Answer<string> => {
      const page = await textPage(path, parameters, accept);
      return page.ok ? ok(page.value.text) : page;
    },
    textPage,
  };
}

/** The cursor of `<…?cursor=C>; rel="next"`. Of the address nothing else is used: the next page is of the same server. */
function nextCursor(link: string | undefined): string | null {
  const [, target] = /<[^<>?]*\?([^<>]*)>\s*;\s*rel="?next"?/.exec(link ?? '') ?? [];
  return target === undefined ? null : new URLSearchParams(target).get('cursor');
}

function queryText(parameters: Parameters): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? '' : `?${given.toString()}`;
}
