// Trust bundles signed with a root's key in reach: the first one in `omens init`, and `omens trust sign`, which needs no
// server and no database. Part of the composition root.
import type { KeyObject } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import type { TrustDomain } from './domain/profile.ts';
import { err, ok, type Refusal, type Result } from './domain/result.ts';
import { messageOf } from './domain/thrown.ts';
import type { CaRecord } from './issuance/ceremony.ts';
import { signTrustBundle } from './issuance/sign-trust-bundle.ts';
import { readKeyFile } from './issuers/key-file.ts';
import { readPassphrase } from './passphrase.ts';
import type { PublishedBundle } from './storage/trust-bundles.ts';
import { encodePem } from './x509/pem.ts';
import { readAnchor, type ReadAnchor } from './x509/signed-trust-bundle.ts';

/** A trust domain as `omens init` made or imported it, root first; the key of an imported root is not here. */
type RootedDomain = { readonly records: readonly CaRecord[]; readonly rootKey: KeyObject | null };

/** Generation 1 with the roots of all domains, signed by the estate's; null when its key is not here. */
export async function firstTrustBundle(domains: readonly RootedDomain[], now: Date): Promise<PublishedBundle | null> {
  const estate = domains.find(({ records: [root] }) => root?.domain === 'estate');
  const rootKey = estate?.rootKey ?? null;
  if (rootKey === null) return null;
  const anchors = domains.flatMap(({ records: [root] }) => (root === undefined ? [] : [anchorOf(root)]));
  const root = anchors.find(({ domain }) => domain === 'estate');
  if (root === undefined) return null;
  const signed = await signTrustBundle({ generation: 1, anchors, root, rootKey, now });
  if (!signed.ok) throw new Error(signed.error.map(({ detail }) => detail).join('; '));
  const facts = { signedBy: root.sha256, anchors: anchors.map(({ sha256 }) => sha256) };
  return { generation: 1, follows: 0, cms: signed.value, publishedBy: 'init', publishedAt: now, facts };
}

/** Only roots that were made here come this way, and those read back. */
function anchorOf({ domain, der }: CaRecord): ReadAnchor {
  const anchor = readAnchor(domain, encodePem('CERTIFICATE', der));
  if (anchor.ok) return anchor.value;
  throw new Error(`the root of ${domain}: ${anchor.error.detail}`);
}

/** Files of `omens trust sign`. */
export type SignBundleOptions = {
  readonly rootCertificateFile: string;
  readonly rootKeyFile: string;
  readonly passphraseFile: string;
  readonly generation: number;
  readonly anchors: readonly { readonly domain: TrustDomain; readonly file: string }[];
  readonly outFile: string;
  readonly now: Date;
};

/** Signs a bundle and writes it as PEM of label CMS, which must not be there yet; resolves to what it names. */
export async function signTrustBundleFile(
  options: SignBundleOptions,
): Promise<Result<{ readonly anchors: readonly ReadAnchor[] }, readonly Refusal[]>> {
  const root = await readAnchorFile('estate', options.rootCertificateFile);
  if (!root.ok) return err([root.error]);
  const passphrase = readPassphrase({ passphraseFile: options.passphraseFile });
  if (!passphrase.ok) return err([passphrase.error]);
  const rootKey = await readKeyFile(options.rootKeyFile, passphrase.value);
  if (!rootKey.ok) return err([rootKey.error]);
  const anchors: ReadAnchor[] = [];
  for (const { domain, file } of options.anchors) {
    const anchor = await readAnchorFile(domain, file);
    if (!anchor.ok) return err([anchor.error]);
    anchors.push(anchor.value);
  }
  const { generation, now } = options;
  const cms = await signTrustBundle({ generation, anchors, root: root.value, rootKey: rootKey.value, now });
  if (!cms.ok) return cms;
  const written = await writeNew(options.outFile, encodePem('CMS', cms.value));
  return written.ok ? ok({ anchors }) : err([written.error]);
}

async function readAnchorFile(domain: TrustDomain, path: string): Promise<Result<ReadAnchor, Refusal>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return err({ reason: 'fileUnreadable', detail: `cannot be read: ${messageOf(error)}`, field: path });
  }
  const anchor = readAnchor(domain, text);
  return anchor.ok ? anchor : err({ ...anchor.error, field: path });
}

async function writeNew(path: string, text: string): Promise<Result<null, Refusal>> {
  try {
    const file = await open(path, 'wx', 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    return ok(null);
  } catch (error) {
    return err({ reason: 'fileNotWritten', detail: messageOf(error), field: path, accepted: 'a new file' });
  }
}
