// What the API tells of certificates, profiles and issuers, put together from the store and the loaded policies. Part of
// the composition root: nothing is decided here.
import type { Authorities } from './authorities.ts';
import type { CertificateRecord } from './domain/certificate.ts';
import { type Cursor, decodeCursor, encodeCursor, pageOf } from './domain/cursor.ts';
import type { Profile } from './domain/profile.ts';
import { suggestedWindow } from './domain/lineage.ts';
import { renewalWindow, type RenewalWindow } from './domain/renewal.ts';
import { type CertificateResource, type IssuerResource, type ProfileResource, wireTime } from './domain/wire.ts';
import type { CertificateServices, PolicyServices } from './http/services.ts';
import { certificateResource, parseCertificateName } from './issuance/resource.ts';
import type { certificatesIn } from './storage/certificates.ts';
import type { issuersIn } from './storage/issuers.ts';
import type { lineagesIn } from './storage/lineages.ts';
import { subjectCommonName } from './x509/certificate.ts';

type Sources = {
  readonly certificates: ReturnType<typeof certificatesIn>;
  readonly issuers: ReturnType<typeof issuersIn>;
  readonly lineages: ReturnType<typeof lineagesIn>;
  readonly authorities: Authorities;
  readonly profiles: ReadonlyMap<string, Profile>;
};

const cursorOf = (row: { readonly notAfter: Date; readonly fingerprint: string }): Cursor => ({
  at: row.notAfter,
  id: row.fingerprint,
});

const positionOf = (cursor: Cursor | null) =>
  cursor === null ? null : { notAfter: cursor.at, fingerprint: cursor.id };

/** The certificate reads of the API. */
export function certificateReads(sources: Sources): Omit<CertificateServices, 'issueFromCsr'> {
  const find = finder(sources);
  return {
    findCertificates: certificatePages(sources),
    showCertificate: async (cert) => {
      const record = await find(cert);
      return record === null ? null : resourceOf(sources, record);
    },
    renewalInfo: async (certId) => {
      const record = await find(certId);
      if (record === null) return null;
      const { start, end } = await windowNow(sources, record);
      return { suggestedWindow: { start: wireTime(start), end: wireTime(end) } };
    },
  };
}

const resourceOf = ({ authorities }: Sources, record: CertificateRecord): CertificateResource =>
  certificateResource(record, authorities.chainPemOf(record.issuerId));

/** RFC 9773 §4.2: of what its host replaces the window as it is now, else the one that the certificate was born with. */
async function windowNow({ lineages }: Sources, record: CertificateRecord): Promise<RenewalWindow> {
  const facts = record.lineageId === null ? null : await lineages.lineageFacts(record.lineageId);
  return facts?.newest?.fingerprint === record.fingerprint
    ? suggestedWindow(facts, facts.newest)
    : renewalWindow(record);
}

/** Finds a certificate by either of its names. */
export const finder =
  ({ certificates }: Pick<Sources, 'certificates'>) =>
  async (name: string): Promise<CertificateRecord | null> => {
    const parsed = parseCertificateName(name);
    if (parsed === null) return null;
    return parsed.kind === 'fingerprint'
      ? certificates.byFingerprint(parsed.fingerprint)
      : certificates.byCertId(parsed.keyIdentifier, parsed.serialNumber);
  };

const certificatePages =
  (sources: Sources): CertificateServices['findCertificates'] =>
  async (query, { now }) => {
    const rows = await sources.certificates.list({
      endsFrom: null,
      endsBy: query.within === undefined ? null : new Date(now.getTime() + query.within * 1000),
      profile: query.profile ?? null,
      deviceId: query.device ?? null,
      serialNumber: query.serial ?? null,
      status: query.status ?? null,
      after: positionOf(decodeCursor(query.cursor, 'sha256')),
      limit: query.limit + 1,
    });
    const { page, last } = pageOf(rows, query.limit);
    const items = page.map((record) => resourceOf(sources, record));
    return { items, next: last === null ? null : encodeCursor(cursorOf(last)) };
  };

const profileResource = (profile: Profile): ProfileResource => ({
  name: profile.name,
  description: profile.description,
  trustDomain: profile.domain,
  digest: profile.digest,
  lifetimeSeconds: profile.lifetimeSeconds,
  keyOrigin: profile.keyOrigin,
  keyTypes: profile.keyTypes,
  extendedKeyUsage: profile.extendedKeyUsage,
  obtainedBy: profile.obtainedBy,
});

/** Profiles, issuers and CRLs. */
export function policyReads(sources: Sources): PolicyServices {
  const { authorities, issuers, profiles } = sources;
  return {
    listProfiles: async () => [...profiles.values()].map(profileResource),
    showProfile: async (name) => {
      const profile = profiles.get(name);
      return profile === undefined ? null : profileResource(profile);
    },
    listIssuers: async () => authorities.rows.map(issuerResource),
    issuerPem: async (id, part) => {
      const root = authorities.rootPemOf(id);
      if (root === null || part === 'root') return root;
      const chain = authorities.chainPemOf(id);
      return part === 'chain' ? chain : chain + root;
    },
    issuerDer: async (cert) => authorities.rows.find((row) => row.id === cert)?.der ?? null,
    currentCrl: async (subjectKeyIdentifier) => {
      const row = authorities.rows.find(
        (issuer) => issuer.role === 'issuing' && issuer.subjectKeyIdentifier === subjectKeyIdentifier,
      );
      return row === undefined ? null : ((await issuers.newestCrl(row.id))?.der ?? null);
    },
  };
}

function issuerResource(row: Authorities['rows'][number]): IssuerResource {
  return {
    id: row.id,
    trustDomain: row.domain,
    role: row.role,
    subject: subjectCommonName(row.der) ?? '',
    subjectKeyIdentifier: row.subjectKeyIdentifier,
    notBefore: wireTime(row.notBefore),
    notAfter: wireTime(row.notAfter),
    active: row.isActive,
  };
}
