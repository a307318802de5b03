// The issuing CAs of this server, in working order: certificates from the inventory, keys from the data directory. Part
// of the composition root.
import { createPublicKey } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';
import type { TrustDomain } from './domain/profile.ts';
import { err, ok, type Refusal, type Result } from './domain/result.ts';
import type { ActiveIssuer } from './issuance/active-issuer.ts';
import { readKeyFile } from './issuers/key-file.ts';
import { signerFor } from './issuers/signer.ts';
import type { IssuerRow } from './storage/issuers.ts';
import { readCertificate } from './x509/certificate.ts';
import { encodePem } from './x509/pem.ts';

/** Where the encrypted key of an issuing CA lies. */
export const issuerKeyPath = (dataDirectory: string, issuerId: string): string =>
  join(dataDirectory, 'issuers', `${issuerId}.key.pem`);

/** URLs that stand in every certificate of an issuer. */
const issuerUrls = (plainUrl: string, issuer: Pick<IssuerRow, 'id' | 'subjectKeyIdentifier'>) => ({
  issuerUrl: `${plainUrl}/issuers/${issuer.id}.cer`,
  crlUrl: `${plainUrl}/crl/${issuer.subjectKeyIdentifier}.crl`,
});

export type Authorities = {
  readonly rows: readonly IssuerRow[];
  readonly active: ReadonlyMap<TrustDomain, ActiveIssuer>;
  /** PEM of what accompanies a certificate of this issuer; empty text when the issuer is unknown. */
  readonly chainPemOf: (issuerId: string) => string;
  /** PEM of the root above an issuer, or null when the issuer is unknown. */
  readonly rootPemOf: (issuerId: string) => string | null;
};

/** Opens the key of every active issuing CA; a fault of any is told, since a server with half its CAs helps nobody. */
export async function loadAuthorities(
  rows: readonly IssuerRow[],
  config: Pick<Config, 'dataDirectory' | 'plainUrl'>,
  passphrase: string,
): Promise<Result<Authorities, readonly Refusal[]>> {
  const active = new Map<TrustDomain, ActiveIssuer>();
  const faults: Refusal[] = [];
  const chains = chainsOf(rows);
  for (const row of rows.filter((candidate) => candidate.role === 'issuing' && candidate.isActive)) {
    const loaded = await activeIssuer(row, config, passphrase);
    if (loaded.ok) active.set(row.domain, loaded.value);
    else faults.push(loaded.error);
  }
  return faults.length > 0 ? err(faults) : ok({ rows, active, ...chains });
}

async function activeIssuer(
  row: IssuerRow,
  config: Pick<Config, 'dataDirectory' | 'plainUrl'>,
  passphrase: string,
): Promise<Result<ActiveIssuer, Refusal>> {
  const path = issuerKeyPath(config.dataDirectory, row.id);
  const key = await readKeyFile(path, passphrase);
  if (!key.ok) return key;
  const certificate = readCertificate(row.der);
  if (!certificate.ok) return certificate;
  const { subject, subjectPublicKeyInfo, subjectKeyIdentifier, notBefore, notAfter } = certificate.value;
  const publicKey = createPublicKey({ key: Buffer.from(subjectPublicKeyInfo), format: 'der', type: 'spki' });
  const signer = signerFor(key.value);
  if (!signer.publicKey.equals(publicKey) || subjectKeyIdentifier === null) {
    return err({ reason: 'keyDoesNotMatch', detail: `${path} is not the key of issuer ${row.id}` });
  }
  return ok({
    id: row.id,
    domain: row.domain,
    der: row.der,
    nameDer: subject.der,
    keyIdentifier: subjectKeyIdentifier,
    notBefore,
    notAfter,
    publicKey,
    signer,
    ...issuerUrls(config.plainUrl, row),
  });
}

/** Chains follow the parent links that were made by key identifier when the certificates were added. */
function chainsOf(rows: readonly IssuerRow[]): Pick<Authorities, 'chainPemOf' | 'rootPemOf'> {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const path = (id: string): IssuerRow[] => {
    const found: IssuerRow[] = [];
    for (let at = byId.get(id); at !== undefined; at = at.parentId === null ? undefined : byId.get(at.parentId))
      found.push(at);
    return found;
  };
  const pem = (row: IssuerRow): string => encodePem('CERTIFICATE', row.der);
  return {
    chainPemOf: (id) =>
      path(id)
        .filter((row) => row.parentId !== null)
        .map(pem)
        .join(''),
    rootPemOf: (id) => {
      const root = path(id).find((row) => row.parentId === null);
      return root === undefined ? null : pem(root);
    },
  };
}

/** Root keys that this process could read: they belong offline. */
export async function readableRootKeys(rootKeyDirectory: string): Promise<readonly string[]> {
  const names = await readdir(rootKeyDirectory).catch(() => [] as string[]);
  return names.filter((name) => name.endsWith('.key.pem')).map((name) => join(rootKeyDirectory, name));
}
