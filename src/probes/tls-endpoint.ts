// One look at an endpoint: what it serves to a client without a certificate, and how it receives those that it should take
// and those that it must refuse. Connects to the declared address and to nothing else.
import { readFile } from 'node:fs/promises';
import type {
  BundleSeen,
  CertificateFiles,
  Endpoint,
  EndpointSeen,
  Reception,
  WrongClient,
} from '../domain/endpoint.ts';
import { messageOf } from '../domain/thrown.ts';
import { maxBundleOctets, readSpiffeBundle } from './spire-bundle.ts';
import { type ClientCertificate, type Visit, visit } from './tls-visit.ts';

export type ProbeOptions = {
  readonly timeoutMs: number;
  readonly settleMs?: number;
  /** A certificate that nobody knows: self-signed, made for this look. */
  readonly makeThrowaway: () => ClientCertificate;
};

const usualSettleMs = 1500;

/** Never rejects. */
export async function probeEndpoint(endpoint: Endpoint, options: ProbeOptions): Promise<EndpointSeen> {
  const { timeoutMs, settleMs = usualSettleMs } = options;
  const maxBodyOctets = endpoint.kind === 'spire-bundle' ? maxBundleOctets : 0;
  const plain = await visit(endpoint, { timeoutMs, settleMs, certificate: null, maxBodyOctets });
  const { chain, isOtherProtocol, isClientAsked, reception } = plain;
  if (chain === null) return { reached: false, isOtherProtocol, detail: reception.detail };
  const receive = (certificate: ClientCertificate): Promise<Reception> =>
    visit(endpoint, { timeoutMs, settleMs, certificate, maxBodyOctets: 0 }).then((visited) => visited.reception);
  return {
    ...{ reached: true, chain, isClientAsked, withoutCertificate: reception },
    withCertificate: endpoint.clientCertificate === null ? null : await withFiles(endpoint.clientCertificate, receive),
    wrongClients: isClientAsked ? await wrongClientsOf(endpoint, options, receive) : [],
    bundle: endpoint.kind === 'spire-bundle' ? bundleOf(plain) : null,
  };
}

type Receive = (certificate: ClientCertificate) => Promise<Reception>;

async function wrongClientsOf(
  { triesThrowaway, wrongCertificate }: Endpoint,
  { makeThrowaway }: ProbeOptions,
  receive: Receive,
): Promise<readonly WrongClient[]> {
  const clients: WrongClient[] = [];
  if (triesThrowaway) clients.push({ what: 'a self-signed one', reception: await receive(makeThrowaway()) });
  if (wrongCertificate !== null) {
    const what = wrongCertificate.certificateFile;
    clients.push({ what, reception: await withFiles(wrongCertificate, receive) });
  }
  return clients;
}

/** Files that cannot be read say nothing of the endpoint. */
async function withFiles({ certificateFile, keyFile }: CertificateFiles, receive: Receive): Promise<Reception> {
  try {
    const [cert, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
    return await receive({ cert, key });
  } catch (error) {
    return { kind: 'unknown', detail: messageOf(error) };
  }
}

const bundleOf = ({ body, reception }: Visit): BundleSeen =>
  body === null ? { ok: false, detail: reception.detail } : readSpiffeBundle(body);
