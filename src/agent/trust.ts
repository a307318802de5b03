// Which CAs this host trusts, as its own durable file beside the agent's state, and how targets ask for them. How the
// file comes to say something new is take-trust-bundle.ts.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrustDomain } from '../domain/profile.ts';
import { agentDirectory } from './agent-state.ts';
import { ensureDirectory, placeFile } from './durable-file.ts';
import { AgentFailure } from './failure.ts';

/** A CA certificate by domain; `sha256` over its DER in lower-case hex, `certificate` one PEM block. */
export type HeldCertificate = {
  readonly domain: TrustDomain;
  readonly sha256: string;
  readonly certificate: string;
};

/** A root, and on whose word it is one: the digest that enrollment began with, a signed bundle, or this host's own file. */
export type HeldAnchor = HeldCertificate & { readonly from: 'enrollment' | 'bundle' | 'local' };

/** What this host trusts. */
export type HostTrust = {
  readonly version: 1;
  /** The digest that all of it began with: a host that is enrolled under another root begins anew. */
  readonly enrolledUnder: string;
  /** Of the bundle in force; 0 before the first. */
  readonly generation: number;
  readonly anchors: readonly HeldAnchor[];
  /** CAs whose signatures lead to one of the anchors of their domain. */
  readonly authorities: readonly HeldCertificate[];
  /** Domains that changed since `trustApplied`: files that carry them are to be written again. */
  readonly unapplied: readonly TrustDomain[];
};

/** CA certificates of one domain as PEM; empty texts where this host trusts none. */
export type DomainAnchors = {
  /** The roots alone. */
  readonly rootsPem: string;
  /** Issuing and intermediate CAs, without the roots. */
  readonly authoritiesPem: string;
};

/** What a file of CA certificates for a domain is made of: Keylime's `trusted_client_ca` takes both, CAs first. */
export const anchorsFor = (
  trust: Pick<HostTrust, 'anchors' | 'authorities'> | null,
  domain: TrustDomain,
): DomainAnchors => {
  const pemOf = (certificates: readonly HeldCertificate[]): string =>
    certificates.flatMap((one) => (one.domain === domain ? [one.certificate] : [])).join('');
  return { rootsPem: pemOf(trust?.anchors ?? []), authoritiesPem: pemOf(trust?.authorities ?? []) };
};

const trustFile = (root: string): string => join(agentDirectory(root), 'trust.json');

/** What this host trusts, or null when it was never told. Throws `AgentFailure` when the file cannot be used. */
export async function loadTrust(root: string): Promise<HostTrust | null> {
  const path = trustFile(root);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new AgentFailure(`cannot read ${path}: ${message}`, { cause: error });
  });
  return text === null ? null : parseTrust(text, path);
}

/** Only this agent writes the file, whole; what is checked is whether it is such a file. */
function parseTrust(text: string, path: string): HostTrust {
  const unusable = (why: string): AgentFailure =>
    new AgentFailure(`${path} ${why}`, {
      hints: ['move it away: the agent begins again with the root that it was enrolled under'],
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unusable('is not JSON');
  }
  const members = ['enrolledUnder', 'generation', 'anchors', 'authorities', 'unapplied'];
  if (typeof value !== 'object' || value === null || !('version' in value)) throw unusable('is no list of roots');
  if (value.version !== 1) throw unusable('was written by another version of this program');
  if (!members.every((member) => member in value)) throw unusable(`does not have all of ${members.join(', ')}`);
  return value as HostTrust;
}

/** Writes it durably: 0600 in the agent's directory. */
export async function saveTrust(root: string, trust: HostTrust): Promise<void> {
  await ensureDirectory(agentDirectory(root), 0o700);
  await placeFile({ path: trustFile(root), content: `${JSON.stringify(trust)}\n`, mode: 0o600, owner: null });
}

/** Notes that every file that carries CA certificates of these domains says what is trusted now. */
export async function trustApplied(root: string, domains: readonly TrustDomain[]): Promise<void> {
  const trust = await loadTrust(root);
  if (trust === null) return;
  await saveTrust(root, { ...trust, unapplied: trust.unapplied.filter((domain) => !domains.includes(domain)) });
}
