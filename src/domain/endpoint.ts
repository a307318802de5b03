// A TLS endpoint that probes look at: what is declared of it, and what a probe saw. How it is judged: standings/endpoint.ts.
import type { TrustDomain } from './profile.ts';

/** What speaks there. All but `tls` speak HTTP within. */
export const endpointKinds = [
  'tls',
  'nginx',
  'openbao',
  'keylime-registrar',
  'keylime-verifier',
  'keylime-agent',
  'spire-bundle',
] as const;

export type EndpointKind = (typeof endpointKinds)[number];

/** PEM files of a certificate and its key; read at each look, since they are renewed. */
export type CertificateFiles = { readonly certificateFile: string; readonly keyFile: string };

/** Which certificate ought to be served there; `managed`: any of the inventory. */
export type ServedExpectation =
  | { readonly kind: 'managed' }
  | {
      readonly kind: 'lineage';
      readonly hostName: string;
      readonly profile: string;
      /** Null: whatever place has the profile on that host. */
      readonly place: string | null;
    };

/** Whom the clients of an endpoint trust. */
export type EndpointTrust =
  | { readonly kind: 'domain'; readonly domain: TrustDomain }
  | { readonly kind: 'file'; readonly path: string };

/** An endpoint as it is declared. */
export type Endpoint = {
  readonly name: string;
  readonly kind: EndpointKind;
  readonly host: string;
  readonly port: number;
  /** The name in the ClientHello and the certificate: a DNS name or an address. */
  readonly serverName: string;
  /** What is asked for by HTTP, in the kinds that speak it. */
  readonly path: string;
  readonly expects: ServedExpectation | null;
  readonly trust: EndpointTrust;
  /** `demanded`: nobody gets in without one; `optional`: asked for, and a wrong one is refused. */
  readonly clientAuth: 'demanded' | 'optional' | 'none';
  readonly clientCertificate: CertificateFiles | null;
  /** Whether a throw-away certificate is tried, which must be refused. */
  readonly triesThrowaway: boolean;
  /** Another one that must be refused, such as a server certificate of the estate. */
  readonly wrongCertificate: CertificateFiles | null;
};

/** What is declared of all. */
export type ProbeSettings = {
  readonly everySeconds: number;
  readonly timeoutSeconds: number;
  /** Endpoints that are looked at at once. */
  readonly concurrency: number;
  readonly endpoints: readonly Endpoint[];
};

/** How a client was received: `unknown` where the connection came to nothing for another reason. */
export type Reception = { readonly kind: 'taken' | 'refused' | 'unknown'; readonly detail: string };

/** A client certificate that must be refused, and how it was received. */
export type WrongClient = { readonly what: string; readonly reception: Reception };

/** The bundle of a SPIRE server: its X.509 authorities, or why there is none. */
export type BundleSeen =
  | { readonly ok: true; readonly authorities: readonly { readonly notAfter: Date }[] }
  | { readonly ok: false; readonly detail: string };

/** What one look at an endpoint saw. */
export type EndpointSeen =
  | { readonly reached: false; readonly isOtherProtocol: boolean; readonly detail: string }
  | {
      readonly reached: true;
      /** DER, the leaf first, in the order of issuance. */
      readonly chain: readonly Uint8Array[];
      /** The server asked for a client certificate. */
      readonly isClientAsked: boolean;
      readonly withoutCertificate: Reception;
      /** Null when no certificate is configured. */
      readonly withCertificate: Reception | null;
      readonly wrongClients: readonly WrongClient[];
      /** Only of kind spire-bundle. */
      readonly bundle: BundleSeen | null;
    };

/** `host:port`, an IPv6 address in brackets. */
export const addressOf = ({ host, port }: Pick<Endpoint, 'host' | 'port'>): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;
