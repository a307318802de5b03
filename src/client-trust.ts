// What the clients of an endpoint trust, and whether they verify what it served. Part of the composition root: certificates
// of CAs come from the inventory or from the file that the configuration names.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Authorities } from './authorities.ts';
import type { Endpoint, EndpointKind, EndpointTrust } from './domain/endpoint.ts';
import { printable } from './domain/printable.ts';
import { messageOf } from './domain/thrown.ts';
import type { ChainJudgement } from './lifecycle/look-endpoints.ts';
import { type Certificate, readCertificate } from './x509/certificate.ts';
import { type ClientFault, clientFaults, type Served, type TlsClient, tlsClients } from './x509/client-paths.ts';
import { sha256Hex } from './x509/digest.ts';
import { readCertificates } from './x509/pem-certificates.ts';

/** No CA file of the estate holds more. */
const mostAnchors = 100;

/** The agent of Keylime serves its leaf alone, and only the verifier, which has the issuing CA as well, comes to it. */
const clientsOf = (kind: EndpointKind): readonly TlsClient[] =>
  kind === 'keylime-agent' ? ['strict'] : ['strict', 'go', 'firstPem'];

/** Judges what an endpoint served by what its clients trust. Never rejects. */
export const judgeChain =
  (authorities: Pick<Authorities, 'rows' | 'active'>) =>
  async (endpoint: Endpoint, chain: readonly Uint8Array[], now: Date): Promise<ChainJudgement> => {
    const leaf = leafOf(chain);
    const anchors = await anchorsOf(authorities, endpoint);
    if (typeof anchors === 'string') {
      return { leaf, faults: [{ client: 'the CA file of the configuration', isForAll: false, detail: anchors }] };
    }
    const { serverName, kind } = endpoint;
    const faults = judged({ chain, anchors, serverName, clients: clientsOf(kind), now });
    return {
      leaf,
      faults: faults.map(({ client, detail }) => ({
        client: client === 'every' ? 'every client' : tlsClients[client],
        isForAll: client === 'every' || client === 'strict',
        detail,
      })),
    };
  };

/** A stranger made what is judged: whatever two readers disagree on, the others' turns go on. */
function judged(served: Served): readonly ClientFault[] {
  try {
    return clientFaults(served);
  } catch (error) {
    return [{ client: 'every', detail: printable(messageOf(error), 200) }];
  }
}

/** Dates as OpenSSL reads them, so that also a certificate which we refuse to read has an end; null where it has none. */
function leafOf([der]: readonly Uint8Array[]): ChainJudgement['leaf'] {
  if (der === undefined) return null;
  try {
    const { validFrom, validTo } = new X509Certificate(Buffer.from(der));
    const [notBefore, notAfter] = [new Date(validFrom), new Date(validTo)];
    const isDated = !Number.isNaN(notBefore.getTime()) && !Number.isNaN(notAfter.getTime());
    return isDated ? { sha256: sha256Hex(der), notBefore, notAfter } : null;
  } catch {
    return null;
  }
}

/** In the order of the file; of our own, the root of the CA that issues now comes first. A text says why there are none. */
async function anchorsOf(
  authorities: Pick<Authorities, 'rows' | 'active'>,
  { trust, kind }: Endpoint,
): Promise<readonly Certificate[] | string> {
  if (trust.kind === 'domain') return ownAnchors(authorities, trust, kind === 'keylime-agent');
  try {
    return readCertificates(await readFile(trust.path, 'utf8'), mostAnchors) ?? `${trust.path} holds no certificates`;
  } catch (error) {
    return messageOf(error);
  }
}

function ownAnchors(
  { rows, active }: Pick<Authorities, 'rows' | 'active'>,
  { domain }: Extract<EndpointTrust, { readonly kind: 'domain' }>,
  withIssuing: boolean,
): readonly Certificate[] {
  const current = rows.find(({ id }) => id === active.get(domain)?.id)?.parentId;
  return rows
    .filter((row) => row.domain === domain && (withIssuing || row.role === 'root'))
    .toSorted((a, b) => Number(b.id === current) - Number(a.id === current))
    .map(({ der }) => readCertificate(der))
    .flatMap((read) => (read.ok ? [read.value] : []));
}
