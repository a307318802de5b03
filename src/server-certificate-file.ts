// The server's own key and chain at rest: one file, so that the pair is never torn. Part of the composition root.
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sameOctets } from './domain/octets.ts';
import type { ServerCertificate } from './lifecycle/server-certificate.ts';
import { type Certificate, readCertificate } from './x509/certificate.ts';
import { decodePem } from './x509/pem.ts';

/** Reads key and chain; null when the file is missing, torn, or does not hold a pair: a new one is then issued. */
export async function loadServerCertificate(path: string): Promise<ServerCertificate | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  const blocks = decodePem(text, { labels: ['PRIVATE KEY', 'CERTIFICATE'], maxCharacters: 65_536, maxBlocks: 8 });
  const end = text.indexOf('-----BEGIN CERTIFICATE-----');
  const leaf = blocks.ok ? blocks.value.find((block) => block.label === 'CERTIFICATE') : undefined;
  const certificate = leaf === undefined ? null : readCertificate(leaf.der);
  if (certificate === null || !certificate.ok || end < 0) return null;
  const keyPem = text.slice(0, end);
  if (!isPair(certificate.value, keyPem)) return null;
  const { notBefore, notAfter } = certificate.value;
  return { chainPem: text.slice(end), keyPem, names: namesOf(certificate.value), notBefore, notAfter };
}

function isPair(certificate: Certificate, keyPem: string): boolean {
  try {
    const spki = createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' });
    return sameOctets(spki, certificate.subjectPublicKeyInfo);
  } catch {
    return false;
  }
}

const namesOf = (certificate: Certificate): readonly string[] =>
  (certificate.subjectAltName ?? []).flatMap((name) =>
    name.kind === 'dNSName' || name.kind === 'iPAddress' ? [name.value] : [],
  );

/** Writes key and chain, durable and whole: mode 0600, then renamed over the old ones. */
export async function storeServerCertificate(path: string, certificate: ServerCertificate): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(certificate.keyPem + certificate.chainPem);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
