// How a trust domain comes into being: a root, an issuing CA under it, and the keys of both. Run once, by `omens init`;
// the root's key is used here and then belongs offline.
import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import type { TrustDomain } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { serialNumberFrom } from '../domain/serial.ts';
import { wholeSeconds } from '../domain/plan.ts';
import { LintedTbs, sign } from '../issuers/gate.ts';
import { generateIssuerKey, type IssuerKeyType } from '../issuers/key-file.ts';
import { type Signer, signerFor } from '../issuers/signer.ts';
import { buildCaTbsCertificate, type CaPlan, issuingPurposes } from '../x509/ca-certificate.ts';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import { sha256Hex } from '../x509/digest.ts';
import { commonNameDer } from '../x509/distinguished-name.ts';
import { composeChain } from '../x509/chain.ts';
import { shownName } from '../x509/ca-link.ts';
import { keyIdentifierOf } from '../x509/subject-public-key.ts';
import { assembleCertificate } from '../x509/tbs-certificate.ts';

/** The names that the estate's relying parties know. */
export const caNames: Readonly<Record<TrustDomain, { readonly root: string; readonly issuing: string }>> = {
  estate: { root: 'Eye of Thundera', issuing: 'Book of Omens' },
  'keylime-control': { root: 'Keylime Control Root', issuing: 'Keylime Control CA' },
};

const yearSeconds = 365 * 86_400;
const rootLifetimeSeconds = 20 * yearSeconds;
const issuingLifetimeSeconds = 10 * yearSeconds;

/** A CA certificate as it goes to the inventory. */
export type CaRecord = {
  readonly id: string;
  readonly domain: TrustDomain;
  readonly role: 'root' | 'intermediate' | 'issuing';
  readonly der: Uint8Array;
  readonly subjectKeyIdentifier: string;
  readonly parentId: string | null;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly spkiSha256: string;
};

export type MadeTrustDomain = {
  readonly root: CaRecord;
  readonly rootKey: KeyObject;
  readonly issuing: CaRecord;
  readonly issuingKey: KeyObject;
};

export type CeremonyRequest = {
  readonly domain: TrustDomain;
  readonly keyType: IssuerKeyType;
  /** Base of AIA and CDP: `<plainUrl>/issuers/{cert}.cer`, `<plainUrl>/crl/{ski}.crl`. */
  readonly plainUrl: string;
  readonly random: (octets: number) => Uint8Array;
  readonly now: Date;
};

/** Makes a root and an issuing CA. The issuing CA carries no CDP: its revocation is the business of the root's owner. */
export async function makeTrustDomain(request: CeremonyRequest): Promise<MadeTrustDomain> {
  const { domain, keyType, random, plainUrl } = request;
  const now = wholeSeconds(request.now);
  const names = caNames[domain];
  const [rootKey, issuingKey] = await Promise.all([generateIssuerKey(keyType), generateIssuerKey(keyType)]);
  const rootSigner = signerFor(rootKey);

  const rootSpki = spkiOf(rootKey);
  const rootDer = await signCa(
    {
      commonName: names.root,
      serialNumber: serialNumberFrom(random(16)),
      ...validity(now, rootLifetimeSeconds),
      subjectPublicKeyInfo: rootSpki,
      pathLength: 1,
      extendedKeyUsage: [],
      issuerUrl: null,
      crlUrl: null,
    },
    { selfSignedWith: rootSigner.algorithm },
    rootSigner,
  );
  const root = caRecord(rootDer, { domain, role: 'root', parentId: null });

  const issuingDer = await signCa(
    {
      commonName: names.issuing,
      serialNumber: serialNumberFrom(random(16)),
      ...validity(now, issuingLifetimeSeconds),
      subjectPublicKeyInfo: spkiOf(issuingKey),
      pathLength: 0,
      extendedKeyUsage: issuingPurposes[domain],
      issuerUrl: `${plainUrl}/issuers/${root.id}.cer`,
      crlUrl: null,
    },
    {
      nameDer: commonNameDer(names.root),
      keyIdentifier: keyIdentifierOf(rootSpki),
      signatureAlgorithm: rootSigner.algorithm,
    },
    rootSigner,
  );
  const issuing = caRecord(issuingDer, { domain, role: 'issuing', parentId: root.id });
  return { root, rootKey, issuing, issuingKey };
}

/** Five minutes for clocks that are late; both ends are included. */
const validity = (now: Date, lifetimeSeconds: number): Pick<CaPlan, 'notBefore' | 'notAfter'> => {
  const notBefore = new Date(now.getTime() - 300_000);
  return { notBefore, notAfter: new Date(notBefore.getTime() + (lifetimeSeconds - 1) * 1000) };
};

const spkiOf = (key: KeyObject): Uint8Array => createPublicKey(key).export({ type: 'spki', format: 'der' });

async function signCa(
  plan: CaPlan,
  issuer: Parameters<typeof buildCaTbsCertificate>[1],
  signer: Signer,
): Promise<Uint8Array> {
  const tbs = buildCaTbsCertificate(plan, issuer);
  const assemble = (octets: Uint8Array, signature: Uint8Array): Uint8Array =>
    assembleCertificate(octets, signer.algorithm, signature);
  const linted = await LintedTbs.lint(tbs, {
    algorithm: signer.algorithm,
    assemble,
    findings: (der) => caFindings(der, plan),
  });
  if (linted instanceof LintedTbs) return assemble(tbs, await sign(signer, linted));
  throw new Error(`the CA certificate was not signed: ${linted.map((finding) => finding.detail).join('; ')}`);
}

/** What a CA certificate of ours must say (RFC 5280 §4.2.1.2, §4.2.1.3, §4.2.1.9), read back from its octets. */
function caFindings(der: Uint8Array, plan: CaPlan): readonly Refusal[] {
  const read = readCertificate(der);
  if (!read.ok) return [read.error];
  const faults = caFaults(read.value);
  if (read.value.basicConstraints?.pathLength !== plan.pathLength)
    faults.push('the path length is not the planned one');
  return faults.map((detail) => ({ reason: 'caCertificate', detail }));
}

/** Everything that keeps a certificate from being an issuing CA that strict relying parties accept. */
function caFaults(certificate: Certificate): string[] {
  const faults: string[] = [];
  if (certificate.basicConstraints?.isCa !== true) faults.push('basicConstraints do not say CA');
  if (certificate.keyUsage === null || !certificate.keyUsage.includes('keyCertSign'))
    faults.push('keyUsage lacks keyCertSign');
  if (certificate.keyUsage === null || !certificate.keyUsage.includes('cRLSign')) faults.push('keyUsage lacks cRLSign');
  if (certificate.subjectKeyIdentifier === null) faults.push('there is no subjectKeyIdentifier');
  return faults;
}

function caRecord(der: Uint8Array, place: Pick<CaRecord, 'domain' | 'role' | 'parentId'>): CaRecord {
  const read = readCertificate(der);
  if (!read.ok) throw new Error(`the CA certificate does not read back: ${read.error.detail}`);
  return recordOf(read.value, place);
}

const recordOf = (certificate: Certificate, place: Pick<CaRecord, 'domain' | 'role' | 'parentId'>): CaRecord => ({
  ...place,
  id: sha256Hex(certificate.der),
  der: certificate.der,
  subjectKeyIdentifier: Buffer.from(certificate.subjectKeyIdentifier ?? []).toString('hex'),
  notBefore: certificate.notBefore,
  notAfter: certificate.notAfter,
  spkiSha256: sha256Hex(certificate.subjectPublicKeyInfo),
});

export type ImportReason = 'notACa' | 'keyDoesNotMatch' | 'chainIncomplete' | 'notACertificate' | 'caExpired';

/** An issuing certificate of the estate, its key, and the certificates above it up to a self-signed root. */
export type ImportRequest = {
  readonly domain: TrustDomain;
  readonly certificateDer: Uint8Array;
  readonly key: KeyObject;
  readonly chainDer: readonly Uint8Array[];
  readonly now: Date;
};

/** Checks an issuing CA that exists already, chain by key identifier, and describes it for the inventory, root first. */
export function importTrustDomain(request: ImportRequest): Result<readonly CaRecord[], Refusal<ImportReason>> {
  const read = [request.certificateDer, ...request.chainDer].map((der) => readCertificate(der));
  const certificates: Certificate[] = [];
  for (const result of read) {
    if (!result.ok) return err({ reason: 'notACertificate', detail: result.error.detail });
    const faults = caFaults(result.value);
    if (faults.length > 0)
      return err({ reason: 'notACa', detail: `${shownName(result.value.subject)}: ${faults.join('; ')}` });
    if (result.value.notAfter < request.now) {
      return err({
        reason: 'caExpired',
        detail: `${shownName(result.value.subject)} ended at ${result.value.notAfter.toISOString()}`,
      });
    }
    certificates.push(result.value);
  }
  const [issuing, ...above] = certificates;
  if (issuing === undefined) return err({ reason: 'notACertificate', detail: 'no certificate was given' });
  if (sha256Hex(spkiOf(request.key)) !== sha256Hex(issuing.subjectPublicKeyInfo)) {
    return err({
      reason: 'keyDoesNotMatch',
      detail: 'the key is not the one in the issuing certificate',
      accepted: 'the private key of exactly this certificate',
    });
  }
  return chainAbove(issuing, above, request.domain);
}

function chainAbove(
  issuing: Certificate,
  above: readonly Certificate[],
  domain: TrustDomain,
): Result<readonly CaRecord[], Refusal<ImportReason>> {
  const chain = composeChain(issuing, above);
  if (!chain.ok) return err({ ...chain.error, reason: 'chainIncomplete' });
  const records: CaRecord[] = [];
  for (const certificate of [issuing, ...chain.value].toReversed()) {
    const role = certificate === issuing ? 'issuing' : records.length === 0 ? 'root' : 'intermediate';
    records.push(recordOf(certificate, { domain, role, parentId: records[records.length - 1]?.id ?? null }));
  }
  return ok(records);
}
