// How the server is authenticated before anything is sent to it: its chain must end in a root that is known by bundle or
// by SHA-256. Also reads the server's clock when nothing but dates is wrong. Trusts nothing on first use.
import { hostOf } from '../domain/names.ts';
import { createHash, X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate, rootCertificates, type TLSSocket } from 'node:tls';
import { err, ok, type Result } from '../domain/result.ts';

/** What the server's chain must end in. `sha256` is lower-case hex over the root's DER. */
export type ServerTrust =
  | { readonly kind: 'bundle'; readonly pem: string }
  | { readonly kind: 'root'; readonly sha256: string }
  /** The roots that Node brings along, for a server with a public certificate. */
  | { readonly kind: 'public' };

/** Why there is no trusted server. */
export type TrustFault =
  | { readonly reason: 'serverUnreachable'; readonly detail: string }
  | { readonly reason: 'serverNotTrusted'; readonly detail: string }
  /** Nothing but dates is wrong: `differenceSeconds` is server minus host. */
  | {
      readonly reason: 'clockDiffers';
      readonly detail: string;
      readonly serverTime: Date;
      readonly differenceSeconds: number;
    };

/** Certificates that verification may end in, PEM. */
export type Anchors = { readonly pem: string };

/** A server, what its chain ends in, and this host's clock. */
export type KnownServer = { readonly url: URL; readonly anchors: Anchors; readonly now: () => Date };

const handshakeMilliseconds = 15_000;
const maxChain = 8;

/**
 * The anchors for connections to `url`. For a root known by its SHA-256, a first handshake (over which nothing is sent)
 * fetches the chain that the server presents, and only the certificate of exactly that digest becomes the anchor; every
 * later connection is verified up to it as usual: signatures, names, dates.
 */
export async function findAnchors(url: URL, trust: ServerTrust): Promise<Result<Anchors, TrustFault>> {
  if (trust.kind === 'bundle') return ok({ pem: trust.pem });
  if (trust.kind === 'public') return ok({ pem: rootCertificates.join('\n') });
  const socket = await handshake(url);
  if (!socket.ok) return socket;
  const chain = presentedChain(socket.value);
  socket.value.destroy();
  const root = chain.find((certificate) => sha256Hex(certificate.raw) === trust.sha256);
  if (root === undefined) {
    const detail = `the server's chain does not end in the root ${trust.sha256}; it presents ${described(chain)}`;
    return err({ reason: 'serverNotTrusted', detail });
  }
  return ok({ pem: root.toString() });
}

/**
 * What a failed connection means. When only dates stand in the way (the chain ends in the anchor, signatures and name are
 * good), the server's clock is read over that chain with a request that carries nothing, and the difference is told.
 */
export async function explainFailure(server: KnownServer, failure: unknown): Promise<TrustFault> {
  const { url, anchors, now } = server;
  const { code, message } = partsOf(failure);
  if (!dateCodes.has(code)) {
    const isTls = code.startsWith('ERR_TLS') || tlsCodes.has(code);
    return { reason: isTls ? 'serverNotTrusted' : 'serverUnreachable', detail: message };
  }
  const socket = await handshake(url);
  if (!socket.ok) return socket.error;
  try {
    if (!isChainGoodButForDates(socket.value, url, anchors)) return { reason: 'serverNotTrusted', detail: message };
    return clockFault(await readClock(url, socket.value), now(), message);
  } finally {
    socket.value.destroy();
  }
}

/** The server's clock, read over a chain that is good but for dates, with a request that carries nothing. */
export async function serverClock({
  url,
  anchors,
}: Pick<KnownServer, 'url' | 'anchors'>): Promise<Result<Date, TrustFault>> {
  const socket = await handshake(url);
  if (!socket.ok) return socket;
  try {
    if (!isChainGoodButForDates(socket.value, url, anchors)) {
      return err({
        reason: 'serverNotTrusted',
        detail: 'its chain does not end in the root that this host was told of',
      });
    }
    const clock = await readClock(url, socket.value);
    return clock === null ? err({ reason: 'serverUnreachable', detail: 'the server tells no time' }) : ok(clock);
  } finally {
    socket.value.destroy();
  }
}

/** OpenSSL's verify results, as Node names them. */
const dateCodes: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
const tlsCodes: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'HOSTNAME_MISMATCH',
]);

function clockFault(serverTime: Date | null, now: Date, message: string): TrustFault {
  if (serverTime === null) return { reason: 'serverNotTrusted', detail: message };
  const differenceSeconds = Math.round((serverTime.getTime() - now.getTime()) / 1000);
  const sense = differenceSeconds < 0 ? 'behind' : 'ahead of';
  const detail = `${message}; the server's clock is ${Math.abs(differenceSeconds)} s ${sense} this host's: synchronize the time and try again`;
  return { reason: 'clockDiffers', detail, serverTime, differenceSeconds };
}

/** A TLS connection whose peer is not authenticated yet. */
const handshake = (url: URL): Promise<Result<TLSSocket, TrustFault>> =>
  new Promise((resolve) => {
    const host = hostOf(url);
    const socket = connect({
      host,
      port: Number(url.port === '' ? 443 : url.port),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    });
    const give = (result: Result<TLSSocket, TrustFault>): void => {
      socket.setTimeout(0);
      resolve(result);
    };
    socket.setTimeout(handshakeMilliseconds, () => socket.destroy(new Error('the TLS handshake takes too long')));
    socket.once('secureConnect', () => give(ok(socket)));
    // Stays for later errors too: by then they are told by whoever uses the socket.
    socket.on('error', (fault: Error) => give(err({ reason: 'serverUnreachable', detail: fault.message })));
  });

/** The certificates as presented, leaf first. */
function presentedChain(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  let peer: PeerCertificate | undefined = socket.getPeerCertificate(true);
  while (chain.length < maxChain && isPresent(peer) && !seen.has(peer.fingerprint256)) {
    seen.add(peer.fingerprint256);
    chain.push(new X509Certificate(peer.raw));
    peer = 'issuerCertificate' in peer ? (peer.issuerCertificate as PeerCertificate | undefined) : undefined;
  }
  return chain;
}

/** Node gives an empty object where there is no certificate. */
const isPresent = (peer: Partial<PeerCertificate> | undefined): peer is PeerCertificate =>
  peer?.raw !== undefined && peer.fingerprint256 !== undefined;

/** Signatures up to an anchor, CA flags and the server's name; dates are the one thing not looked at. */
function isChainGoodButForDates(socket: TLSSocket, url: URL, anchors: Anchors): boolean {
  const [leaf, ...above] = presentedChain(socket);
  const host = hostOf(url);
  if (leaf === undefined || checkServerIdentity(host, socket.getPeerCertificate()) !== undefined) return false;
  const roots = splitPem(anchors.pem).map((pem) => new X509Certificate(pem));
  const isAnchor = (certificate: X509Certificate): boolean =>
    roots.some((root) => root.fingerprint256 === certificate.fingerprint256);
  let at = leaf;
  for (const issuer of [...above, ...roots]) {
    if (isAnchor(at)) return true;
    if (issuer.ca && at.checkIssued(issuer) && at.verify(issuer.publicKey)) at = issuer;
  }
  return isAnchor(at) && at !== leaf;
}

const splitPem = (pem: string): readonly string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

/** The Date of a reply to a request that carries nothing (RFC 9110 §6.6.1), or null. */
const readClock = (url: URL, socket: TLSSocket): Promise<Date | null> =>
  new Promise((resolve) => {
    const asked = request({
      method: 'HEAD',
      path: '/v1/nonce',
      headers: { host: url.host, connection: 'close' },
      createConnection: () => socket,
      timeout: handshakeMilliseconds,
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(null));
    asked.on('response', (reply) => {
      reply.resume();
      const instant = new Date(reply.headers.date ?? '');
      resolve(Number.isNaN(instant.getTime()) ? null : instant);
    });
    asked.end();
  });

const described = (chain: readonly X509Certificate[]): string =>
  chain.map((certificate) => certificate.subject.replaceAll('\n', ', ')).join(' ← ') || 'no certificate';

const sha256Hex = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

/** Code and message of whatever an `error` event brings. */
export function partsOf(failure: unknown): { readonly code: string; readonly message: string } {
  const facts = typeof failure === 'object' && failure !== null ? failure : {};
  return {
    code: 'code' in facts ? String(facts.code) : '',
    message: 'message' in facts ? String(facts.message) : String(failure),
  };
}
