// What can be wrong with the files of private keys: their form, who may read them, and whether they fit their certificate.
import { posix } from 'node:path';
import { sameOctets } from '../../domain/octets.ts';
import { critical, type Finding, warning } from './finding.ts';
import { mayRead } from './identities.ts';
import { type LeafFile, leafFiles } from './leaves.ts';
import type { PkiFile } from './pki-file.ts';
import type { FileScene } from './scene.ts';

/** The checks. */
export const keyFindings = (scene: FileScene): readonly Finding[] => [
  ...scene.pki.flatMap(formFindings),
  ...scene.pki.flatMap(openFindings),
  ...leafFiles(scene).flatMap((leaf) => pairFindings(scene, leaf)),
  ...scene.pki.flatMap((file) => readerFindings(scene, file)),
];

/** Where a Keylime agent is the reader, only PKCS #8 from the first octet on will do. */
function formFindings({ key, path }: PkiFile): readonly Finding[] {
  if (key === null || !path.startsWith('/etc/keylime/')) return [];
  const fix = `umask 077; openssl pkcs8 -topk8 -nocrypt -in ${path} -out ${path}.pkcs8 && chown --reference=${path} ${path}.pkcs8 && chmod --reference=${path} ${path}.pkcs8 && mv ${path}.pkcs8 ${path}`;
  if (key.form === 'sec1' || key.form === 'pkcs1') {
    const detail = `begins with BEGIN ${key.form === 'sec1' ? 'EC' : 'RSA'} PRIVATE KEY: the Keylime agent as a client takes PKCS #8 only and says "Failed to add client identity"`;
    return [warning('key-form', { path, detail, fix })];
  }
  if (key.form !== 'pkcs8' || key.startsFile) return [];
  return [
    warning('key-form', {
      path,
      detail: 'text stands before -----BEGIN PRIVATE KEY-----; the first line must be it',
      fix,
    }),
  ];
}

function openFindings({ key, path, mode }: PkiFile): readonly Finding[] {
  if (key === null || key.form === 'tss2' || (mode & 0o007) === 0) return [];
  const shown = mode.toString(8).padStart(4, '0');
  const detail = `every user of this host may read this private key (mode ${shown}); take it as known`;
  return [
    critical('key-open', { path, detail, fix: `chmod o= ${path}, then renew with a new key: omens agent renew` }),
  ];
}

/** Names that a key has beside its certificate, in the order in which consumers' configurations show them. */
function keyNamesOf({ path }: Pick<LeafFile, 'path'>): readonly string[] {
  const base = path.replace(/\.(?:crt|pem|cer)$/, '');
  const stem = base.replace(/[-.]?(?:fullchain|chain|certificate)$/, '');
  return [
    ...new Set([
      `${base}-pkcs8.key`,
      `${base}.key`,
      `${stem}-pkcs8.key`,
      `${stem}.key`,
      posix.join(posix.dirname(path), 'key.pem'),
    ]),
  ];
}

function pairFindings({ pki }: FileScene, leaf: LeafFile): readonly Finding[] {
  const names = keyNamesOf(leaf);
  const beside = pki.find(({ path, key }) => names.includes(path) && key !== null && key.publicKeyInfo !== null);
  const publicKeyInfo = beside?.key?.publicKeyInfo ?? null;
  if (beside === undefined || publicKeyInfo === null) return [];
  if (sameOctets(publicKeyInfo, leaf.certificate.subjectPublicKeyInfo)) return [];
  const detail = `the key in ${beside.path} is not the one that it certifies: no program starts with this pair`;
  return [
    critical('key-pair', { path: leaf.path, detail, fix: 'omens agent rollback, or omens agent renew for a new pair' }),
  ];
}

/** Users who read files by where these stand: path, user. Only users that exist on the host are asked after. */
const readers: readonly (readonly [pattern: RegExp, user: string])[] = [
  [/^\/etc\/keylime\/certs\/(?:agent|verifier|registrar|ca)[^/]*$/, 'keylime'],
  [/^\/etc\/keylime\/certs\/(?:agent\.crt|agent-pkcs8\.key|ca-complete-chain\.crt)$/, 'spire'],
  [/^\/opt\/openbao\/tls\/[^/]+$/, 'openbao'],
  [/^\/var\/lib\/tpm2-devid\/devid\.crt$/, 'spire'],
  [/^\/etc\/spire\/.*bundle[^/]*$/, 'spire'],
];

function readerFindings({ identities, groups, managed }: FileScene, file: PkiFile): readonly Finding[] {
  const named = managed.flatMap(({ paths, readableBy }) => (paths.includes(file.path) ? readableBy : []));
  const wanted = [
    ...new Set([...named, ...readers.flatMap(([pattern, user]) => (pattern.test(file.path) ? [user] : []))]),
  ];
  return wanted.flatMap((user) => {
    const identity = identities.get(user);
    if (identity === undefined || mayRead(identity, file)) return [];
    const owner = [...identities].find(([, { uid }]) => uid === file.uid)?.[0] ?? String(file.uid);
    const group = groups.get(file.gid) ?? String(file.gid);
    const mode = file.mode.toString(8).padStart(4, '0');
    const detail = `user ${user} uses it and may not read it (${mode} ${owner}:${group})`;
    const isManaged = managed.some(({ paths }) => paths.includes(file.path));
    const fix = isManaged
      ? 'omens agent renew sets owner, group and mode anew'
      : `chgrp ${user} ${file.path} && chmod g+r ${file.path}`;
    return [critical('key-reader', { path: file.path, detail, fix })];
  });
}
