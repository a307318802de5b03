// Section `probes` of omens.yaml: the endpoints that the server looks at. Nothing else is ever connected to by a probe.
import type { FileFault } from './checked-yaml.ts';
import {
  type CertificateFiles,
  type Endpoint,
  type EndpointKind,
  endpointKinds,
  type EndpointTrust,
  type ProbeSettings,
  type ServedExpectation,
} from './domain/endpoint.ts';
import { nameOrAddress, parseHostAndPort } from './domain/names.ts';
import { err, ok, type Result } from './domain/result.ts';

type WrittenEndpoint = {
  readonly name: string;
  readonly kind: EndpointKind;
  readonly address: string;
  readonly serverName?: string;
  readonly path?: string;
  readonly expects?: 'managed' | { readonly host: string; readonly profile: string; readonly place?: string };
  readonly trust?: 'estate' | 'keylime-control' | { readonly caFile: string };
  readonly clientAuth?: Endpoint['clientAuth'];
  readonly clientCertificate?: CertificateFiles;
  readonly wrongClientCertificate?: boolean | CertificateFiles;
};

/** The section as written. */
export type ProbesFile = {
  readonly everySeconds?: number;
  readonly timeoutSeconds?: number;
  readonly concurrency?: number;
  readonly endpoints?: readonly WrittenEndpoint[];
};

const line = { type: 'string', minLength: 1, maxLength: 1024 } as const;

const files = {
  type: 'object',
  additionalProperties: false,
  required: ['certificateFile', 'keyFile'],
  description: 'certificateFile and keyFile, in PEM',
  properties: { certificateFile: line, keyFile: line },
} as const;

const expectation = {
  oneOf: [
    { type: 'string', const: 'managed' },
    {
      type: 'object',
      additionalProperties: false,
      required: ['host', 'profile'],
      properties: { host: line, profile: line, place: line },
    },
  ],
  description: 'managed, or host, profile and place of the lineage whose certificate is served there',
} as const;

const trust = {
  oneOf: [
    { type: 'string', enum: ['estate', 'keylime-control'] },
    { type: 'object', additionalProperties: false, required: ['caFile'], properties: { caFile: line } },
  ],
  description: 'estate, keylime-control, or caFile: what clients of the endpoint trust',
} as const;

const endpoint = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'kind', 'address'],
  properties: {
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'lower-case letters, digits, hyphens' },
    kind: { type: 'string', enum: endpointKinds },
    address: { ...line, description: 'host:port' },
    serverName: { ...line, description: 'a DNS name or an address' },
    path: { type: 'string', pattern: '^/[!-~]{0,255}$', description: 'a path such as /v1/sys/health' },
    expects: expectation,
    trust,
    clientAuth: { type: 'string', enum: ['demanded', 'optional', 'none'] },
    clientCertificate: files,
    wrongClientCertificate: { anyOf: [{ type: 'boolean' }, files], description: 'true, false, or files of one' },
  },
} as const;

const count = (description: string, value: number, most: number) =>
  ({ type: 'integer', minimum: 1, maximum: most, description, default: value }) as const;

/** Its JSON Schema; the descriptions stand in the README. */
export const probesSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'TLS endpoints that the server looks at',
  properties: {
    everySeconds: count('an endpoint is looked at so often', 300, 86_400),
    timeoutSeconds: count('a connection may take so long', 10, 120),
    concurrency: count('endpoints that are looked at at once', 8, 64),
    endpoints: {
      type: 'array',
      maxItems: 200,
      items: endpoint,
      description:
        'list of {name, kind, address, serverName, path, expects, trust, clientAuth, clientCertificate, wrongClientCertificate}: docs/runbooks/endpoint-wrong.md',
      default: [],
    },
  },
} as const;

/** What is asked for by HTTP, and whether clients show certificates, where nothing else is written. */
const usual: Readonly<Record<EndpointKind, { readonly path: string; readonly clientAuth: Endpoint['clientAuth'] }>> = {
  tls: { path: '/', clientAuth: 'none' },
  nginx: { path: '/', clientAuth: 'none' },
  openbao: { path: '/v1/sys/health', clientAuth: 'none' },
  'keylime-registrar': { path: '/v2.6/agents', clientAuth: 'optional' },
  'keylime-verifier': { path: '/v2.6/agents', clientAuth: 'optional' },
  'keylime-agent': { path: '/version', clientAuth: 'demanded' },
  'spire-bundle': { path: '/', clientAuth: 'none' },
};

/** What was written, with defaults; `field` names the list of endpoints in a fault, `absolute` resolves a path. */
export function readProbes(
  written: ProbesFile,
  { field, absolute }: { readonly field: string; readonly absolute: (path: string) => string },
): Result<ProbeSettings, FileFault> {
  const defaults = probesSchema.properties;
  const endpoints: Endpoint[] = [];
  for (const [at, one] of (written.endpoints ?? []).entries()) {
    const read = readEndpoint(one, absolute);
    if (typeof read === 'string') return err({ ...broken(read), field: `${field}/${at}` });
    if (endpoints.some(({ name }) => name === one.name)) {
      return err({ ...broken(`the name ${one.name} is there twice`), field: `${field}/${at}/name` });
    }
    endpoints.push(read);
  }
  return ok({
    everySeconds: written.everySeconds ?? defaults.everySeconds.default,
    timeoutSeconds: written.timeoutSeconds ?? defaults.timeoutSeconds.default,
    concurrency: written.concurrency ?? defaults.concurrency.default,
    endpoints,
  });
}

const broken = (detail: string): FileFault => ({
  reason: 'ruleBroken',
  detail,
  accepted: 'address: verifier.example.org:8881 or [fd00::1]:8881; serverName: a DNS name or an address; names once',
});

/** The endpoint, or what is wrong with it. */
function readEndpoint(written: WrittenEndpoint, absolute: (path: string) => string): Endpoint | string {
  const { name, kind, address, expects, clientCertificate, wrongClientCertificate } = written;
  const at = parseHostAndPort(address);
  if (at === null || at.port === 0) return `"${address}" is no address and port`;
  const { host, port } = at;
  const serverName = nameOrAddress(written.serverName ?? host);
  if (serverName === null) return `"${written.serverName ?? ''}" is no name of a server`;
  const clientAuth = written.clientAuth ?? usual[kind].clientAuth;
  const resolved = ({ certificateFile, keyFile }: CertificateFiles): CertificateFiles => ({
    certificateFile: absolute(certificateFile),
    keyFile: absolute(keyFile),
  });
  return {
    ...{ name, kind, host, port, serverName, clientAuth },
    path: written.path ?? usual[kind].path,
    expects: expects === undefined ? null : expectationOf(expects),
    trust: trustOf(written.trust ?? 'estate', absolute),
    clientCertificate: clientCertificate === undefined ? null : resolved(clientCertificate),
    triesThrowaway: clientAuth !== 'none' && wrongClientCertificate !== false,
    wrongCertificate: typeof wrongClientCertificate === 'object' ? resolved(wrongClientCertificate) : null,
  };
}

const expectationOf = (written: NonNullable<WrittenEndpoint['expects']>): ServedExpectation =>
  written === 'managed'
    ? { kind: 'managed' }
    : { kind: 'lineage', hostName: written.host, profile: written.profile, place: written.place ?? null };

const trustOf = (written: NonNullable<WrittenEndpoint['trust']>, absolute: (path: string) => string): EndpointTrust =>
  typeof written === 'string' ? { kind: 'domain', domain: written } : { kind: 'file', path: absolute(written.caFile) };
