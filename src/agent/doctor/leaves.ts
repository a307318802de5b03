// The certificates that stand in files for the programs that use them: the first of each file that is no CA. Certificates
// above it are its chain; a file of CAs alone is a trust file.
import { posix } from 'node:path';
import { oids } from '../../x509/oids.ts';
import { printable } from '../../domain/printable.ts';
import type { DistinguishedName } from '../../x509/distinguished-name.ts';
import type { Certificate } from '../../x509/certificate.ts';
import type { FoundCertificate, PkiFile } from './pki-file.ts';
import type { FileScene } from './scene.ts';

/** A file whose first certificate is a leaf; `above` are the others in it, in order. */
export type LeafFile = FoundCertificate & {
  readonly path: string;
  readonly file: PkiFile;
  readonly above: readonly Certificate[];
};

/** One leaf for each file; of several names of one file, the one where the links end. */
export function leafFiles({ pki }: Pick<FileScene, 'pki'>): readonly LeafFile[] {
  const seen = new Set<string>();
  return pki.flatMap((file) => {
    const [first, ...above] = file.certificates;
    if (first === undefined || isAuthority(first.certificate) || seen.has(file.realPath)) return [];
    seen.add(file.realPath);
    return [{ ...first, path: file.path, file, above: above.map(({ certificate }) => certificate) }];
  });
}

/** Files that hold CA certificates and nothing else. */
export const trustFiles = ({ pki }: Pick<FileScene, 'pki'>): readonly PkiFile[] =>
  pki.filter(({ certificates, key }) => {
    const [first] = certificates;
    return key === null && first !== undefined && isAuthority(first.certificate);
  });

/** Whether it may sign certificates, by its own word. */
const isAuthority = ({ basicConstraints }: Certificate): boolean => basicConstraints?.isCa === true;

/** Every CA certificate that stands anywhere in the known places, and in the chains. */
export const authoritiesIn = ({ pki }: Pick<FileScene, 'pki'>): readonly Certificate[] =>
  pki.flatMap(({ certificates }) =>
    certificates.flatMap(({ certificate }) => (isAuthority(certificate) ? [certificate] : [])),
  );

/** Whether a certificate stands where DevIDs stand. */
export const isInDevIdPlace = ({ path }: Pick<LeafFile, 'path'>): boolean =>
  posix.dirname(path) === '/var/lib/tpm2-devid';

const shortNames: Readonly<Record<string, string>> = {
  [oids.commonName]: 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
};

/** A name for people, bounded and printable: `CN=tower.example.org, O=Example`. */
export const nameText = ({ attributes }: DistinguishedName): string =>
  printable(
    attributes.map(({ type, value }) => `${shortNames[type] ?? type}=${value ?? '?'}`).join(', ') || 'no name',
    200,
  );
