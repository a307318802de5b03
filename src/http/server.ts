// The two listeners: HTTPS for the API, and plain HTTP for what is public and signed. Starts and ends them; what they
// answer is made elsewhere.
import { X509Certificate } from 'node:crypto';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { compileContract } from './contract.ts';
import { deviceLimit, ordinaryDeviceRate } from './device-limits.ts';
import { type EnrollmentLimitOptions, enrollmentLimits, type Rate } from './enrollment-limits.ts';
import { expressListener } from './express-adapter.ts';
import { type Answered, type EdgePorts, type Log, mountRoutes } from './pipeline.ts';
import { type WebOptions, webRoutes } from './pages/all.ts';
import { rememberOperators } from './remembered-operators.ts';
import type { Route } from './route.ts';
import { channelRoutes } from './routes/channels.ts';
import { auditRoutes } from './routes/audit.ts';
import { certificateRoutes } from './routes/certificates.ts';
import { lineageRoutes } from './routes/lineages.ts';
import { deviceRoutes } from './routes/devices.ts';
import { endpointRoutes } from './routes/endpoints.ts';
import { enrollmentRoutes } from './routes/enrollments.ts';
import { plainRoutes, policyRoutes } from './routes/policy.ts';
import { reportRoutes } from './routes/reports.ts';
import { rotationRoutes } from './routes/rotation.ts';
import { warningRoutes } from './routes/warnings.ts';
import { serviceRoutes } from './routes/service.ts';
import { spireRoutes } from './routes/spire.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { trustRoutes } from './routes/trust.ts';
import type { HttpServices } from './services.ts';
import { authorityOf } from '../domain/request-signature.ts';

/**
 * A certificate chain and its PKCS#8 key, both PEM. The chain is leaf, issuing CA and root: a host that knows the root by
 * its SHA-256 only can find it nowhere else.
 */
export type TlsIdentity = { readonly certPem: string; readonly keyPem: string };

/** The server's own certificate, which renews itself. */
export type TlsSource = {
  readonly current: () => TlsIdentity;
  /** Calls back after each renewal; gives a function that ends that. */
  readonly onChange: (changed: () => void) => () => void;
};

/** Where to listen; port 0 takes a free one. */
export type ListenAddress = { readonly host: string; readonly port: number };

export type HttpOptions = {
  readonly services: HttpServices;
  /** Text of openapi.yaml. */
  readonly contract: string;
  /** Base of problem types and the first name that requests may be signed for; no slash at the end. */
  readonly publicUrl: string;
  /** Further `host` or `host:port` that hosts may know this server by. */
  readonly otherAuthorities?: readonly string[];
  readonly listen: ListenAddress;
  readonly plainListen: ListenAddress;
  readonly tls: TlsSource;
  readonly limits: EnrollmentLimitOptions;
  /** The operator page; absent: there is none. */
  readonly web?: WebOptions;
  /** Signed requests of one device; `ordinaryDeviceRate` when absent. */
  readonly deviceRate?: Rate;
  readonly now: () => Date;
  readonly log: Log;
  /** Told of each answer of either listener. */
  readonly answered?: (answer: Answered) => void;
  /** Whether a fault is an outage of the database or the like: 503 instead of 500. */
  readonly isOutage?: (fault: unknown) => boolean;
};

/** Both listeners, listening. `close` takes no more connections, lets requests in flight end, and resolves. */
export type RunningHttp = {
  readonly address: ListenAddress;
  readonly plainAddress: ListenAddress;
  readonly close: () => Promise<void>;
};

/** Every route of the HTTPS listener. */
export const httpsRoutes = (services: HttpServices, limits: EnrollmentLimitOptions): readonly Route[] => [
  ...serviceRoutes(services),
  ...enrollmentRoutes(services, enrollmentLimits(limits)),
  ...tokenRoutes(services),
  ...deviceRoutes(services),
  ...certificateRoutes(services),
  ...reportRoutes(services),
  ...policyRoutes(services),
  ...trustRoutes(services),
  ...spireRoutes(services),
  ...endpointRoutes(services),
  ...rotationRoutes(services),
  ...channelRoutes(services),
  ...warningRoutes(services),
  ...auditRoutes(services),
  ...lineageRoutes(services),
];

/** The request listeners without a port: what `startHttp` puts behind its sockets. Throws when routes and contract differ. */
function requestListeners(options: Omit<HttpOptions, 'listen' | 'plainListen' | 'tls'>): {
  readonly https: RequestListener;
  readonly plain: RequestListener;
} {
  const { services, publicUrl, now, log } = options;
  const contract = compileContract(options.contract);
  const authorities = [new URL(publicUrl).host, ...(options.otherAuthorities ?? [])].map(authorityOf);
  const edge: EdgePorts = {
    publicUrl,
    now,
    log,
    newNonce: (at) => services.newNonce(at),
    authentication: {
      authorities,
      authenticateOperator: (bearer, source, at) => services.authenticateOperator(bearer, source, at),
      requestKeyOf: (input) => services.requestKeyOf(input),
      spendNonce: (nonce, at) => services.spendNonce(nonce, at),
      deviceSeen: (deviceId, at) => services.deviceSeen(deviceId, at),
    },
    rememberedOperator: rememberOperators((bearer, source, at) => services.authenticateOperator(bearer, source, at)),
    isOutage: options.isOutage ?? (() => false),
    answered: options.answered ?? (() => undefined),
    deviceLimit: deviceLimit(options.deviceRate ?? ordinaryDeviceRate),
  };
  const plainEdge = { ...edge, newNonce: null };
  const routes = mountRoutes(httpsRoutes(services, options.limits), contract, { ...edge, listener: 'https' });
  const plain = mountRoutes(plainRoutes(services), contract, { ...plainEdge, listener: 'plain' });
  const web = options.web === undefined ? { routes: [], unknownPath: undefined } : webRoutes(edge, options.web);
  return {
    https: expressListener([...routes, ...web.routes], edge, web.unknownPath),
    plain: expressListener(plain, plainEdge),
  };
}

/** A request must come whole within this time, its head sooner; a silent connection goes. Milliseconds and octets. */
const patience: ServerOptions = {
  requestTimeout: 30_000,
  headersTimeout: 10_000,
  keepAliveTimeout: 15_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
};

const maxConnections = 2048;
const tlsHandshakeMilliseconds = 10_000;
const goodbyeMilliseconds = 10_000;

/** Starts both listeners; fails as a whole when one cannot. */
export async function startHttp(options: HttpOptions): Promise<RunningHttp> {
  const listeners = requestListeners(options);
  const secureContext = (): { readonly cert: string; readonly key: string; readonly minVersion: 'TLSv1.2' } => {
    const { certPem, keyPem } = options.tls.current();
    return { cert: certPem, key: keyPem, minVersion: 'TLSv1.2' };
  };
  const handshake = { ...secureContext(), handshakeTimeout: tlsHandshakeMilliseconds, honorCipherOrder: true };
  const https = createHttpsServer({ ...patience, ...handshake }, listeners.https);
  const plain = createHttpServer(patience, listeners.plain);
  for (const server of [https, plain]) prepare(server, options.log);
  const both = [https, plain].map(listenerOf);
  https.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  if (!presentsRoot(options.tls.current())) {
    const hint = 'hosts that know the root by its SHA-256 only cannot enroll: put it at the end of the chain';
    options.log('http.rootNotPresented', { hint });
  }
  const stopWatching = options.tls.onChange(() => {
    https.setSecureContext(secureContext());
    options.log('http.certificateReplaced', {});
  });
  try {
    await listen(https, options.listen);
    await listen(plain, options.plainListen);
  } catch (fault) {
    stopWatching();
    await Promise.all(both.filter(({ server }) => server.listening).map(end));
    throw fault;
  }
  return {
    address: addressOf(https, options.listen),
    plainAddress: addressOf(plain, options.plainListen),
    close: async () => {
      stopWatching();
      await Promise.all(both.map(end));
    },
  };
}

/** Whether the last certificate of the chain is self-issued. */
function presentsRoot({ certPem }: TlsIdentity): boolean {
  const last = certPem.slice(certPem.lastIndexOf('-----BEGIN CERTIFICATE-----'));
  const certificate = new X509Certificate(last);
  return certificate.checkIssued(certificate);
}

type Listener = { readonly server: Server; readonly endIdle: () => void };

/** Node counts a connection that has not asked anything yet as busy; here only one with an open request is. */
function listenerOf(server: Server): Listener {
  const sockets = new Set<Socket>();
  const busy = new Map<string, number>();
  // TLS has a socket of its own above the one of TCP: the peer is what both have in common.
  const peerOf = (socket: Socket): string => `${socket.remoteAddress ?? ''} ${socket.remotePort ?? ''}`;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const peer = peerOf(req.socket);
    busy.set(peer, (busy.get(peer) ?? 0) + 1);
    res.once('close', () => {
      const left = (busy.get(peer) ?? 1) - 1;
      if (left === 0) busy.delete(peer);
      else busy.set(peer, left);
    });
  });
  return {
    server,
    endIdle: () => {
      for (const socket of sockets) if (!busy.has(peerOf(socket))) socket.destroySoon();
    },
  };
}

function prepare(server: Server, log: Log): void {
  server.maxConnections = maxConnections;
  server.maxHeadersCount = 100;
  server.maxRequestsPerSocket = 1000;
  // What Node's parser refuses never becomes a request: it gets the shortest answer there is.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    log('http.clientError', { code: error.code });
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    socket.end(malformedReply(error.code), () => socket.destroy());
  });
}

/** Raw answer to octets that are no request; without a body, since nothing about it is known. */
function malformedReply(code: string | undefined): string {
  const statuses: Readonly<Record<string, string>> = {
    HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
    ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  };
  const status = statuses[code ?? ''] ?? '400 Bad Request';
  const body = JSON.stringify({ type: 'about:blank', title: status.slice(4), status: Number(status.slice(0, 3)) });
  return [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Cache-Control: no-store',
    'Content-Type: application/problem+json',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

const listen = (server: Server, { host, port }: ListenAddress): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

function addressOf(server: Server, asked: ListenAddress): ListenAddress {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? { host: asked.host, port: address.port } : asked;
}

/** Idle connections end now, busy ones after their answer, and whatever is left after ten seconds. */
const end = ({ server, endIdle }: Listener): Promise<void> =>
  new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), goodbyeMilliseconds);
    const sweep = setInterval(endIdle, 50);
    server.close(() => {
      clearTimeout(cut);
      clearInterval(sweep);
      resolve();
    });
    endIdle();
  });
