// Whether TLS clients can verify what a server served, as the programs of the estate do it: OpenSSL in strict mode (Python
// 3.13), Go, and programs that read the first certificate of their CA file only (reqwest over OpenSSL). Pure.
import { X509Certificate } from 'node:crypto';
import { parseIpAddress } from '../domain/names.ts';
import { sameOctets } from '../domain/octets.ts';
import { caFault, isCandidate, isSelfSigned, shownName, signatureFault, validityFault } from './ca-link.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { oids } from './oids.ts';

/** What a client is called. */
export const tlsClients = {
  strict: 'OpenSSL, strict',
  go: 'Go',
  firstPem: 'a client that reads the first certificate of its CA file',
} as const;

export type TlsClient = keyof typeof tlsClients;

/** Why a client does not verify what was served. */
export type ClientFault = { readonly client: TlsClient | 'every'; readonly detail: string };

export type Served = {
  /** DER, the leaf first. */
  readonly chain: readonly Uint8Array[];
  /** CA certificates of the clients, in the order of their file. */
  readonly anchors: readonly Certificate[];
  /** A DNS name or an address. */
  readonly serverName: string;
  readonly clients: readonly TlsClient[];
  readonly now: Date;
};

/** No client of ours follows more CAs. */
const longestPath = 8;

/** Links that are tried: who serves many CAs of one name and key must not keep us busy. */
const mostLinks = 200;

/** Every client that fails, with its reason; faults that no client overlooks come once, and alone. */
export function clientFaults({ chain, anchors, serverName, clients, now }: Served): readonly ClientFault[] {
  const read = chain.map((der) => readCertificate(der));
  const broken = read.find((one) => !one.ok);
  if (broken?.ok === false) return [{ client: 'every', detail: broken.error.detail }];
  const [leaf, ...above] = read.flatMap((one) => (one.ok ? [one.value] : []));
  if (leaf === undefined) return [{ client: 'every', detail: 'no certificate was served' }];
  const forAll = leafFaults(leaf, serverName, now);
  if (forAll.length > 0) return forAll.map((detail) => ({ client: 'every', detail }));
  return clients.flatMap((client) => {
    const detail = pathFault(client, { leaf, above, anchors, now });
    return detail === null ? [] : [{ client, detail }];
  });
}

/** Dates, name and purpose, which all of them look at. */
function leafFaults(leaf: Certificate, serverName: string, now: Date): readonly string[] {
  const { extendedKeyUsage } = leaf;
  const date = validityFault(leaf, now)?.detail ?? null;
  const name = isNamed(leaf, serverName) ? null : `${shownName(leaf.subject)} is not for ${serverName}`;
  const isServer = extendedKeyUsage === null || extendedKeyUsage.includes(oids.serverAuth);
  const purpose = isServer ? null : `${shownName(leaf.subject)} is not for TLS servers`;
  return [date, name, purpose].filter((fault) => fault !== null);
}

/** Only subjectAltName counts: no client of today looks at the commonName. */
function isNamed({ der }: Certificate, serverName: string): boolean {
  const certificate = new X509Certificate(Buffer.from(der));
  return parseIpAddress(serverName) === null
    ? certificate.checkHost(serverName, { subject: 'never' }) !== undefined
    : certificate.checkIP(serverName) !== undefined;
}

type Scene = {
  readonly leaf: Certificate;
  readonly above: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly now: Date;
};

/** Null when the client finds a path that it accepts. */
function pathFault(client: TlsClient, { leaf, above, anchors, now }: Scene): string | null {
  const [first] = anchors;
  const roots = client === 'firstPem' ? (first === undefined ? [] : [first]) : anchors;
  // OpenSSL ends a path in a self-signed certificate only; Go in any certificate of its pool.
  const isEnd = (one: Certificate): boolean =>
    roots.some((root) => sameOctets(root.der, one.der)) && (client === 'go' || isSelfSigned(one));
  const candidates = [...above, ...roots];
  let links = 0;
  const search = (path: readonly Certificate[]): string | null => {
    const current = path.at(-1);
    if (current === undefined) return 'the path is empty';
    if (isEnd(current)) return client === 'strict' ? strictFault(path) : null;
    if (path.length > longestPath) return 'the path is longer than clients follow it';
    const issuers = candidates.filter((one) => isCandidate(current, one) && !path.includes(one));
    links += issuers.length;
    if (links > mostLinks) return 'there are more ways up than clients try';
    const faults = issuers.map(
      (issuer) =>
        (signatureFault(current, issuer) ?? caFault(issuer, path.length - 1) ?? validityFault(issuer, now))?.detail ??
        search([...path, issuer]),
    );
    if (faults.includes(null)) return null;
    return faults[0] ?? `the issuer of ${shownName(current.subject)}, ${shownName(current.issuer)}, is not served`;
  };
  return search([leaf]);
}

/** What X509_V_FLAG_X509_STRICT adds for certificates of our kind: RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.1.3, §4.2.1.9. */
function strictFault(path: readonly Certificate[]): string | null {
  for (const [at, certificate] of path.entries()) {
    const who = shownName(certificate.subject);
    const { authorityKeyIdentifier, subjectKeyIdentifier, keyUsage, extensions } = certificate;
    const isRoot = at === path.length - 1;
    if (authorityKeyIdentifier === null && !isRoot) return `${who} has no authorityKeyIdentifier`;
    if (at === 0) continue;
    if (subjectKeyIdentifier === null) return `${who} has no subjectKeyIdentifier`;
    if (keyUsage === null) return `${who} is a CA without keyUsage`;
    const isCritical = extensions.some((one) => one.type === oids.basicConstraints && one.isCritical);
    if (!isCritical) return `the basicConstraints of ${who} are not critical`;
  }
  return null;
}
