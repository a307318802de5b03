// Looks at what the server issued before anything on the host changes: each certificate belongs to the key that asked,
// chains by key identifier to the root that was given by hand, is valid now, and says what was asked.
import { createHash } from 'node:crypto';
import { sameOctets } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { IssuedCertificateResource } from '../domain/wire.ts';
import { parseTpm2bPublic } from '../tpm2/public-area.ts';
import { publicKeyOf } from '../tpm2/subject-public-key-info.ts';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import { commonNameOf } from '../x509/distinguished-name.ts';
import { encodePem } from '../x509/pem.ts';
import { readCertificates } from '../x509/pem-certificates.ts';
import { verifySignature } from '../x509/signature-algorithm.ts';
import { readSubjectPublicKey } from '../x509/subject-public-key.ts';
import { keyBlobs, type TpmKeys, type WantedCertificate } from './agent-state.ts';
import { publicKeyInfoOf } from './software-key.ts';

/** A certificate that may be installed. `leafPem`, `chainPem` hold exactly the certificates that were checked. */
export type CheckedCertificate = {
  readonly wanted: WantedCertificate;
  readonly resource: IssuedCertificateResource;
  readonly leafPem: string;
  /** Issuing CA first, without the root. */
  readonly chainPem: string;
  readonly certificateSha256: string;
  readonly notAfter: Date;
  /** Whether the chain ends under the pinned root; if not, it belongs to another trust domain of the same service. */
  readonly isUnderPinnedRoot: boolean;
};

type IssuedFault =
  | 'malformedCertificate'
  | 'unrequestedCertificate'
  | 'missingCertificate'
  | 'brokenChain'
  | 'notUnderPinnedRoot'
  | 'notValidNow'
  | 'wrongName';

type Fault = Refusal<IssuedFault>;

/** Against what certificates are held. */
export type Expectation = {
  readonly hostName: string;
  readonly keys: TpmKeys;
  readonly wanted: readonly WantedCertificate[];
  /** DER of the root whose digest was given by hand. */
  readonly root: Uint8Array;
  readonly now: Date;
};

/** Tolerated advance of the server's clock before ours. */
const clockToleranceMs = 5 * 60_000;

/** Profiles of the other trust domain, whose root this host was never given and does not install. */
const controlProfiles: readonly string[] = [
  'keylime-monitor',
  'keylime-tenant',
  'keylime-verifier-client',
  'spire-server-keylime-plugin',
];

/** Checks all of an answer. One fault refuses all of it: half of an enrollment is none. */
export function checkIssued(
  issued: readonly IssuedCertificateResource[],
  expected: Expectation,
): Result<readonly CheckedCertificate[], readonly Fault[]> {
  const root = readCertificate(expected.root);
  if (!root.ok) return err([{ ...root.error, reason: 'malformedCertificate', field: 'root' }]);
  const results = issued.map((resource) => checkOne(resource, root.value, expected));
  const faults = results.flatMap((result) => (result.ok ? [] : [result.error]));
  const checked = results.flatMap((result) => (result.ok ? [result.value] : []));
  const missing = expected.wanted.filter((wanted) => !checked.some((one) => one.wanted === wanted));
  const all = [
    ...faults,
    // A certificate with a fault of its own has said what is wrong already.
    ...(faults.length > 0 ? [] : missing.map(({ profile }) => missingFault(profile))),
    ...(checked.length > new Set(checked.map(({ wanted }) => wanted)).size ? [twice] : []),
  ];
  return all.length > 0 ? err(all) : ok(checked);
}

const missingFault = (profile: string): Fault => ({
  reason: 'missingCertificate',
  detail: `the server sent no certificate for ${profile}`,
});

const twice: Fault = { reason: 'unrequestedCertificate', detail: 'the server sent two certificates for one key' };

function checkOne(
  resource: IssuedCertificateResource,
  root: Certificate,
  expected: Expectation,
): Result<CheckedCertificate, Fault> {
  const field = resource.profile;
  const leaf = readCertificates(resource.certificate, 1);
  const chain = readCertificates(resource.chain, 4);
  const [certificate] = leaf ?? [];
  if (certificate === undefined || chain === null) {
    return err({ reason: 'malformedCertificate', detail: 'the certificate or its chain cannot be read', field });
  }
  const wanted = expected.wanted.find(
    (one) =>
      one.profile === resource.profile &&
      sameOctets(publicKeyInfoFor(one, expected.keys), certificate.subjectPublicKeyInfo),
  );
  if (wanted === undefined) {
    return err({ reason: 'unrequestedCertificate', detail: 'it is not for the key that asked for it', field });
  }
  const path = [certificate, ...chain];
  const isUnderPinnedRoot = isIssuedBy(path.at(-1), root);
  const fault =
    pathFault(path) ??
    (isUnderPinnedRoot || controlProfiles.includes(resource.profile) ? null : notUnderRoot) ??
    dateFault(path, expected.now) ??
    nameFault(certificate, wanted, expected.hostName);
  if (fault !== null) return err({ ...fault, field });
  return ok({
    wanted,
    resource,
    leafPem: encodePem('CERTIFICATE', certificate.der),
    chainPem: chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''),
    certificateSha256: createHash('sha256').update(certificate.der).digest('hex'),
    notAfter: certificate.notAfter,
    isUnderPinnedRoot,
  });
}

const notUnderRoot: Fault = {
  reason: 'notUnderPinnedRoot',
  detail: 'its chain does not end under the root that this host was given',
};

/** SubjectPublicKeyInfo of the key that stands behind a request; empty octets match no certificate. */
function publicKeyInfoFor({ key }: WantedCertificate, keys: TpmKeys): Uint8Array {
  if (key.kind === 'software') return publicKeyInfoOf(key.privateKeyPem);
  if (keys.devId === null) return new Uint8Array(0);
  const publicKey = publicKeyOf(parseTpm2bPublic(keyBlobs(keys.devId).public));
  return publicKey.ok ? publicKey.value.spkiDer : new Uint8Array(0);
}

/** Each certificate of a path is signed by the next one, which is a CA and is named by its key identifier. */
export function pathFault(path: readonly Certificate[]): Fault | null {
  for (const [at, certificate] of path.slice(0, -1).entries()) {
    const issuer = path[at + 1];
    if (issuer !== undefined && !isIssuedBy(certificate, issuer)) {
      return { reason: 'brokenChain', detail: `certificate ${at + 1} of the path is not signed by the next one` };
    }
  }
  return null;
}

/** Whether a certificate is signed by this CA, which it names by key identifier. */
export function isIssuedBy(certificate: Certificate | undefined, issuer: Certificate): boolean {
  if (certificate === undefined) return false;
  const { authorityKeyIdentifier, signatureAlgorithm, tbs, signature } = certificate;
  const key = readSubjectPublicKey(issuer.subjectPublicKeyInfo);
  if (authorityKeyIdentifier === null || issuer.subjectKeyIdentifier === null || !key.ok) return false;
  return (
    sameOctets(authorityKeyIdentifier, issuer.subjectKeyIdentifier) &&
    sameOctets(certificate.issuer.der, issuer.subject.der) &&
    issuer.basicConstraints?.isCa === true &&
    (issuer.keyUsage === null || issuer.keyUsage.includes('keyCertSign')) &&
    signatureAlgorithm.name !== null &&
    verifySignature({ algorithm: signatureAlgorithm.name, publicKey: key.value.publicKey, message: tbs, signature })
  );
}

function dateFault(path: readonly Certificate[], now: Date): Fault | null {
  const wrong = path.find(
    ({ notBefore, notAfter }) => now.getTime() + clockToleranceMs < notBefore.getTime() || now > notAfter,
  );
  if (wrong === undefined) return null;
  return {
    reason: 'notValidNow',
    detail: `valid from ${wrong.notBefore.toISOString()} to ${wrong.notAfter.toISOString()}, and this host has ${now.toISOString()}`,
    accepted: 'a right clock on both sides',
  };
}

function nameFault(certificate: Certificate, wanted: WantedCertificate, hostName: string): Fault | null {
  if (wanted.key.kind === 'devid' && commonNameOf(certificate.subject) !== hostName) {
    return { reason: 'wrongName', detail: `its commonName is not ${hostName}` };
  }
  const named = (certificate.subjectAltName ?? []).flatMap((name) => (name.kind === 'dNSName' ? [name.value] : []));
  const absent = (wanted.dnsNames ?? []).filter((name) => !named.includes(name));
  return absent.length === 0 ? null : { reason: 'wrongName', detail: `it does not name ${absent.join(', ')}` };
}
