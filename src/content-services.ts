// What the pages of certificates, devices and issuers show, put together from the store, the loaded issuers and policies.
// Part of the composition root: nothing is decided here.
import { type CertificatePageView, type ChainLink, type LineageHistory, mostSteps } from './domain/certificate-view.ts';
import { levelOf } from './domain/certificate-search.ts';
import { decodeCursor, encodeCursor, pageOf } from './domain/cursor.ts';
import type { IssuerLine, ProfileLine } from './domain/issuer-view.ts';
import { relyingPartySteps } from './domain/relying-party-steps.ts';
import { enrollmentPorts } from './enrollment-services.ts';
import { previewApproval } from './enrollment/approve.ts';
import type { ContentServices } from './http/pages/content.ts';
import type { HttpServices } from './http/services.ts';
import { searchCertificates } from './lifecycle/search-certificates.ts';
import type { ServiceParts } from './services.ts';
import { certificateSearchIn } from './storage/certificate-search.ts';
import { certificateViewsIn } from './storage/certificate-views.ts';
import { deviceStore } from './storage/devices.ts';
import { hostViewsIn } from './storage/host-views.ts';
import { type IssuerRow, issuersIn } from './storage/issuers.ts';
import { warningStore } from './storage/warnings.ts';
import { subjectCommonName } from './x509/certificate.ts';
import { describeCertificate } from './x509/certificate-text.ts';

/** Every read that only pages need, beside those of the API. */
export function contentServices(parts: ServiceParts, services: HttpServices): ContentServices {
  const preview = previewApproval(enrollmentPorts(parts));
  return {
    searchCertificates: searchCertificates(certificateSearchIn(parts.db)),
    viewCertificate: certificateView(parts, services),
    listHosts: hostList(parts),
    viewHost: hostView(parts, services),
    previewApproval: preview,
    viewIssuers: issuersView(parts, services),
    profileNames: [...parts.policies.profiles.keys()].toSorted(),
  };
}

function certificateView(
  { db, authorities }: ServiceParts,
  services: HttpServices,
): ContentServices['viewCertificate'] {
  const views = certificateViewsIn(db);
  const historyOf = async (lineageId: string): Promise<LineageHistory> => ({
    steps: await views.stepsOf(lineageId, mostSteps),
    refused: await views.refusedOf(lineageId, 20),
  });
  return async (cert, context): Promise<CertificatePageView | null> => {
    const certificate = await services.showCertificate(cert);
    const use = certificate === null ? null : await views.useOf(certificate.certificate);
    if (certificate === null || use === null) return null;
    const { lineage } = certificate;
    const text = describeCertificate(derOf(certificate.pem));
    return {
      certificate,
      use,
      level: levelOf(use, context.now),
      text: text.ok ? text.value : null,
      chain: chainOf(certificate.issuer, authorities.rows),
      lineage: lineage === null ? null : await services.showLineage(lineage, context),
      history: lineage === null ? null : await historyOf(lineage),
      evidence: await services.certificateEvidence(certificate.certificate),
    };
  };
}

/** The octets of our own PEM. */
const derOf = (pem: string): Uint8Array =>
  new Uint8Array(Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64'));

function chainOf(issuerId: string, rows: readonly IssuerRow[]): readonly ChainLink[] {
  const row = rows.find(({ id }) => id === issuerId);
  if (row === undefined) return [];
  const { id, role, notBefore, notAfter, parentId } = row;
  const link = { id, role, notBefore, notAfter, subject: subjectCommonName(row.der) ?? '' };
  return [link, ...(parentId === null ? [] : chainOf(parentId, rows))];
}

function hostList({ db }: ServiceParts): ContentServices['listHosts'] {
  const hosts = hostViewsIn(db);
  return async ({ state, text, cursor, limit }, now) => {
    const after = decodeCursor(cursor ?? undefined, 'uuid');
    const rows = await hosts.listHosts({ state, text, now, after: after?.id ?? null, limit: limit + 1 });
    const { page, last } = pageOf(rows, limit);
    return { items: page, next: last === null ? null : encodeCursor({ at: last.lastSeenAt, id: last.id }) };
  };
}

function hostView(parts: ServiceParts, services: HttpServices): ContentServices['viewHost'] {
  const { db, config } = parts;
  const [hosts, warnings, devices] = [hostViewsIn(db), warningStore(db), deviceStore(db)];
  return async (id, context) => {
    const device = await services.showDevice(id);
    if (device === null) return null;
    const { now } = context;
    const [line] = await hosts.listHosts({ state: null, text: id, now, after: null, limit: 1 });
    const all = { level: null, condition: null, lineageId: null, after: null } as const;
    const { state, keylimeUuid } = device;
    const devids = await devices.devidsOf(id, now);
    return {
      device,
      firmware: line?.firmware ?? null,
      lineages: (await services.listLineages({ device: id, limit: 200 }, context)).items,
      warnings: await warnings.listWarnings({ ...all, state: 'open', deviceId: id, limit: 50 }),
      word: await hosts.wordOf(id),
      unmanaged: await hosts.unmanagedOf(id),
      keylime: await hosts.keylimeOf(id),
      steps: relyingPartySteps({ state, keylimeUuid, devids, spire: config.spire, now }),
      trustGeneration: (await services.trustBundle(null))?.generation ?? 0,
    };
  };
}

/** What was issued lately is counted over so many days. */
const issuedDays = 7;

function issuersView(
  { db, authorities, policies }: ServiceParts,
  { issuanceReport }: Pick<HttpServices, 'issuanceReport'>,
): ContentServices['viewIssuers'] {
  const issuers = issuersIn(db);
  return async (now) => {
    const issued = new Map(
      (await issuanceReport(issuedDays * 86_400, now)).profiles.map((one) => [one.profile, one.issued]),
    );
    return {
      issuers: await Promise.all(
        authorities.rows.map(async (row): Promise<IssuerLine> => {
          const { id, domain, role, subjectKeyIdentifier, parentId, notBefore, notAfter, isActive } = row;
          const facts = { id, domain, role, subjectKeyIdentifier, parentId, notBefore, notAfter, isActive };
          const crl = row.role === 'issuing' ? await issuers.newestCrl(row.id) : null;
          return { ...facts, subject: subjectCommonName(row.der) ?? '', crl };
        }),
      ),
      profiles: [...policies.profiles.values()].map(
        ({ name, description, domain, lifetimeSeconds, keyOrigin }): ProfileLine => ({
          ...{ name, description, domain, lifetimeSeconds, keyOrigin },
          issued: issued.get(name) ?? 0,
        }),
      ),
      issuedDays,
    };
  };
}
