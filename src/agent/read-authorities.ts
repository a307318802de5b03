// The issuing CAs below the roots that this host trusts. They need no bundle: each must be signed, by way of CAs beside it,
// by the key of a root of its own domain.
import type { AnchorApi } from '../client/api.ts';
import type { ClientFault } from '../client/connection.ts';
import type { TrustDomain } from '../domain/profile.ts';
import { ok, type Refusal, type Result } from '../domain/result.ts';
import { caFault } from '../x509/ca-link.ts';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import { composeChain } from '../x509/chain.ts';
import { sha256Hex } from '../x509/digest.ts';
import { decodePem, encodePem } from '../x509/pem.ts';
import type { HeldAnchor, HeldCertificate } from './trust.ts';

/** CAs that lead to a trusted root, and what was offered and does not. */
export type ReadAuthorities = {
  readonly authorities: readonly HeldCertificate[];
  readonly refused: readonly Refusal[];
};

/** Asks for the active issuing CAs and what stands between them and their roots; domains without a root are passed over. */
export async function readAuthorities(
  api: AnchorApi,
  anchors: readonly HeldAnchor[],
): Promise<Result<ReadAuthorities, ClientFault>> {
  const issuers = await api.listIssuers();
  if (!issuers.ok) return issuers;
  const authorities = new Map<string, HeldCertificate>();
  const refused: Refusal[] = [];
  for (const { id, trustDomain, role, active } of issuers.value.items) {
    const roots = anchors.filter(({ domain }) => domain === trustDomain);
    const [root] = roots;
    if (role !== 'issuing' || !active || root === undefined) continue;
    const pem = await api.issuerPem(id, 'chain');
    if (!pem.ok) return pem;
    const below = chainBelow(pem.value, roots);
    if (below === null) refused.push(notBelow(id, root.domain));
    else for (const one of below.map((certificate) => held(root.domain, certificate))) authorities.set(one.sha256, one);
  }
  return ok({ authorities: [...authorities.values()], refused });
}

/** The CAs of a chain, issuing CA first, when they lead to one of the roots; else null. Dates are for relying parties. */
function chainBelow(pem: string, roots: readonly HeldAnchor[]): readonly Certificate[] | null {
  const [issuing, ...above] = certificatesOf(pem);
  if (issuing === undefined) return null;
  const anchors = roots.flatMap(({ certificate }) => certificatesOf(certificate));
  const chain = composeChain(issuing, [...above, ...anchors]);
  if (!chain.ok) return null;
  const path = [issuing, ...chain.value];
  if (path.some((authority, below) => caFault(authority, below) !== null)) return null;
  const root = path[path.length - 1];
  const isTrusted = root !== undefined && roots.some(({ sha256 }) => sha256 === sha256Hex(root.der));
  return isTrusted ? path.slice(0, -1) : null;
}

function certificatesOf(pem: string): readonly Certificate[] {
  const blocks = decodePem(pem, { labels: ['CERTIFICATE'], maxCharacters: 131_072, maxBlocks: 8 });
  if (!blocks.ok) return [];
  return blocks.value.flatMap(({ der }) => {
    const certificate = readCertificate(der);
    return certificate.ok ? [certificate.value] : [];
  });
}

const held = (domain: TrustDomain, { der }: Certificate): HeldCertificate => ({
  domain,
  sha256: sha256Hex(der),
  certificate: encodePem('CERTIFICATE', der),
});

const notBelow = (id: string, domain: TrustDomain): Refusal => ({
  reason: 'authorityNotTrusted',
  detail: `the issuing CA ${id} does not lead to a root of the domain ${domain} that this host trusts`,
  accepted: 'a trust bundle that names its root (`omens trust sign`, `omens trust publish`)',
});
