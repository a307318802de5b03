// One connection to a declared TLS endpoint: the handshake without any trust of ours, one question by HTTP where the
// endpoint speaks it, and what came of both. Judged elsewhere.
import { request } from 'node:http';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { Endpoint, Reception } from '../domain/endpoint.ts';
import { printable } from '../domain/printable.ts';

/** PEM of a client certificate, with its chain, and of its key. */
export type ClientCertificate = { readonly cert: string; readonly key: string };

export type VisitOptions = {
  readonly timeoutMs: number;
  /** Under TLS 1.3 a server says only after the handshake that it wants no such client: so long we listen. */
  readonly settleMs: number;
  readonly certificate: ClientCertificate | null;
  /** Octets of a body that are read; 0 for none. */
  readonly maxBodyOctets: number;
};

/** `chain`: null when no certificate was seen. */
export type Visit = {
  readonly chain: readonly Uint8Array[] | null;
  /** The server asked for a client certificate. */
  readonly isClientAsked: boolean;
  readonly isOtherProtocol: boolean;
  readonly reception: Reception;
  readonly body: Uint8Array | null;
};

type Place = Pick<Endpoint, 'host' | 'port' | 'serverName' | 'kind' | 'path'>;

/** More is no chain. */
const mostCertificates = 16;

/** Connects, asks, and comes back in time. Never rejects. */
export function visit(place: Place, options: VisitOptions): Promise<Visit> {
  const { certificate, timeoutMs } = options;
  return new Promise((resolve) => {
    let seen: Seen = { chain: null, isClientAsked: false };
    let isOver = false;
    let isAnswered = false;
    const socket = connect({
      ...{ host: place.host, port: place.port, rejectUnauthorized: false, ca: [], minVersion: 'TLSv1.2' },
      ...(isIP(place.serverName) === 0 ? { servername: place.serverName } : {}),
      ...(certificate ?? {}),
    });
    const end = (reception: Reception, more: Partial<Visit> = {}): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.destroy();
      resolve({ ...seen, isOtherProtocol: false, body: null, reception, ...more });
    };
    const silent = { kind: 'unknown', detail: `no answer within ${timeoutMs / 1000} s` } as const;
    const timer = setTimeout(() => end(silent), timeoutMs);
    const fail = (error: SocketError): void => {
      // Under TLS 1.2 whoever is refused sees the certificate of the server, and no end of the handshake.
      if (!isOver && seen.chain === null) seen = lookAt(socket);
      end(...receptionOf(error, seen.chain !== null));
    };
    socket.on('error', fail);
    socket.once('close', () => {
      if (!isAnswered) end({ kind: 'unknown', detail: 'the connection was closed without a word' });
    });
    socket.once('secureConnect', () => {
      seen = lookAt(socket);
      if (place.kind === 'tls') setTimeout(() => end({ kind: 'taken', detail: 'the handshake' }), options.settleMs);
      else ask(socket, { place, maxBodyOctets: options.maxBodyOctets, end, fail, onAnswer: () => (isAnswered = true) });
    });
  });
}

type SocketError = Error & { readonly code?: string; readonly reason?: string };

type Seen = Pick<Visit, 'chain' | 'isClientAsked'>;

/** Null once the connection is gone, an object without members where there is none; a root is its own issuer. */
const certificateOf = (socket: TLSSocket): Partial<DetailedPeerCertificate> | null => socket.getPeerCertificate(true);

/** OpenSSL knows algorithms of the peer's only where a server asked for a certificate (RFC 8446 §4.3.2). */
function lookAt(socket: TLSSocket): Seen {
  const chain: Uint8Array[] = [];
  let at = certificateOf(socket);
  if (at === null) return { chain: null, isClientAsked: false };
  while (at?.raw !== undefined && chain.length < mostCertificates) {
    chain.push(new Uint8Array(at.raw));
    at = at.issuerCertificate === at ? null : (at.issuerCertificate ?? null);
  }
  return { chain: chain.length === 0 ? null : chain, isClientAsked: socket.getSharedSigalgs().length > 0 };
}

type Asking = {
  readonly place: Place;
  readonly maxBodyOctets: number;
  readonly end: (reception: Reception, more?: Partial<Visit>) => void;
  readonly fail: (error: SocketError) => void;
  readonly onAnswer: () => void;
};

/** nginx and others finish the handshake and refuse by HTTP. Redirects are an answer, and not followed. */
function ask(socket: TLSSocket, { place, maxBodyOctets, end, fail, onAnswer }: Asking): void {
  const asked = request({
    createConnection: () => socket,
    method: 'GET',
    path: place.path,
    headers: { host: place.serverName, connection: 'close', accept: '*/*' },
    maxHeaderSize: 16 * 1024,
  });
  asked.on('error', fail);
  asked.once('response', (response) => {
    onAnswer();
    const { statusCode = 0 } = response;
    const reception = httpReception(statusCode);
    if (maxBodyOctets === 0 || reception.kind === 'refused') {
      end(reception);
      return;
    }
    const parts: Buffer[] = [];
    let octets = 0;
    response.on('data', (part: Buffer) => {
      octets += part.length;
      if (octets <= maxBodyOctets) parts.push(part);
      else end({ kind: 'taken', detail: `HTTP ${statusCode} with more than ${maxBodyOctets} octets` });
    });
    response.once('end', () =>
      end(reception, { body: statusCode === 200 ? new Uint8Array(Buffer.concat(parts)) : null }),
    );
    response.once('error', fail);
  });
  asked.end();
}

/** 495 and 496 are nginx's own; it shows them as 400 unless told otherwise. */
const refusingStatuses: ReadonlySet<number> = new Set([400, 401, 403, 495, 496]);

const httpReception = (status: number): Reception => ({
  kind: refusingStatuses.has(status) ? 'refused' : 'taken',
  detail: `HTTP ${status}`,
});

/** Not TLS at all, by what OpenSSL says of the first octets. */
const otherProtocol = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_LAYER_FAILURE/;

/** After the handshake, or by an alert of TLS, it is the client that was refused; else nobody knows. */
function receptionOf(error: SocketError, isShaken: boolean): [Reception, Partial<Visit>] {
  const { code = '', message, reason = message } = error;
  if (otherProtocol.test(code)) {
    return [{ kind: 'unknown', detail: 'answers, but not with TLS' }, { isOtherProtocol: true }];
  }
  const isAlert = /ALERT/.test(code);
  const isCut = isShaken && ['ECONNRESET', 'EPIPE'].includes(code);
  const detail = isCut ? 'the connection was cut after the handshake' : printable(reason, 200);
  return [{ kind: isAlert || isCut ? 'refused' : 'unknown', detail }, {}];
}
