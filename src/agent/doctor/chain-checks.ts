// What can be wrong with certificates and with the files of those that are trusted: what is missing in a chain, which root
// it ends in, what a certificate may be used for, and what stands in two places.
import { sameOctets } from '../../domain/octets.ts';
import { counted } from '../../domain/words.ts';
import { composeChain } from '../../x509/chain.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { isSelfSigned } from '../../x509/ca-link.ts';
import { sha256Hex } from '../../x509/digest.ts';
import { critical, type Finding, warning } from './finding.ts';
import { isOfAnotherHost, mayBeClient, namesOf } from './leaf-faults.ts';
import { authoritiesIn, type LeafFile, leafFiles, nameText, trustFiles } from './leaves.ts';
import type { PkiFile } from './pki-file.ts';
import type { FileScene } from './scene.ts';

/** The checks. */
export function chainFindings(scene: FileScene): readonly Finding[] {
  const leaves = leafFiles(scene);
  return [
    ...leaves.flatMap((leaf) => [
      ...missingIntermediate(scene, leaf),
      ...otherHost(scene, leaf),
      ...otherAddress(scene, leaf),
      ...ended(scene, leaf),
      ...otherRoot(scene, leaf),
      ...clientPurpose(scene, leaf),
    ]),
    ...inTwoPlaces(leaves),
    ...trustFiles(scene).flatMap((file) => [...firstIsRoot(file), ...oldRoot(scene, file)]),
    ...scene.pki.flatMap(unreadable),
  ];
}

/** Files that hold the leaf alone on purpose, beside one with the chain. */
const leafAlone = /\/(?:certificate|leaf)\.crt$/;

function missingIntermediate(scene: FileScene, { certificate, above, path }: LeafFile): readonly Finding[] {
  if (isSelfSigned(certificate) || leafAlone.test(path)) return [];
  const known = authoritiesIn(scene);
  const chain = composeChain(certificate, [...above, ...known]);
  const [issuer] = chain.ok ? chain.value : [];
  const needsMore = issuer === undefined ? above.length === 0 : !isSelfSigned(issuer) && !above.some(isThe(issuer));
  if (!needsMore) return [];
  const detail = 'holds the leaf alone: a program that trusts only the root cannot build the chain';
  const fix =
    issuer === undefined
      ? `append the certificate of ${nameText(certificate.issuer)} to it`
      : `append ${nameText(issuer.subject)} to it; a target of omens agent has it by construction`;
  return [critical('chain-incomplete', { path, detail, fix })];
}

const isThe =
  (certificate: Certificate) =>
  (other: Certificate): boolean =>
    sameOctets(certificate.der, other.der);

function otherHost(scene: FileScene, leaf: LeafFile): readonly Finding[] {
  if (!isOfAnotherHost(scene, leaf)) return [];
  const detail = `is for ${namesOf(leaf.certificate).join(', ')}, and this host is ${scene.state?.hostName ?? ''}: copied from another host?`;
  return [critical('other-host', { path: leaf.path, detail, fix: 'remove it and its key, then omens agent renew' })];
}

/** A certificate copied from another host has its addresses, and peers compare them. */
function otherAddress({ addresses }: FileScene, { certificate, path }: LeafFile): readonly Finding[] {
  const named = (certificate.subjectAltName ?? []).flatMap((name) => (name.kind === 'iPAddress' ? [name.value] : []));
  const outer = named.filter((address) => !/^(?:127\.|::1$|0:0:0:0:0:0:0:1$)/.test(address));
  if (addresses === null || outer.length === 0 || outer.some((address) => addresses.includes(address))) return [];
  const detail = `is for ${outer.join(', ')}, and this host has none of these addresses`;
  const fix = 'let an admin correct the addresses of the grant, then omens agent renew';
  return [warning('other-address', { path, detail, fix })];
}

function ended({ now }: FileScene, { certificate, path }: LeafFile): readonly Finding[] {
  const { notBefore, notAfter } = certificate;
  const fix = 'omens agent renew; docs/runbooks/renewal-failed.md';
  if (now > notAfter) return [critical('expired', { path, detail: `ended at ${notAfter.toISOString()}`, fix })];
  if (now >= notBefore) return [];
  return [
    critical('not-yet-valid', {
      path,
      detail: `begins at ${notBefore.toISOString()}`,
      fix: 'set the clock: timedatectl set-ntp true',
    }),
  ];
}

/** A root with the name of the pinned one and another key: the estate had two generations of one name. */
function otherRoot(scene: FileScene, { certificate, above, path }: LeafFile): readonly Finding[] {
  const pinned = pinnedRoot(scene);
  if (pinned === null || isSelfSigned(certificate)) return [];
  const chain = composeChain(certificate, [...above, ...authoritiesIn(scene), pinned]);
  if (chain.ok && chain.value.some(isThe(pinned))) return [];
  const top = chain.ok ? chain.value.at(-1) : undefined;
  const detail =
    top === undefined
      ? `was issued by ${nameText(certificate.issuer)}, which does not lead to the root of this service`
      : `ends in another root: ${nameText(top.subject)}, SHA-256 ${sha256Hex(top.der)}`;
  const isOurs = scene.managed.some(({ paths }) => paths.includes(path));
  // A certificate of another trust domain of the service, or of another CA altogether, may be right where it is.
  return isOurs
    ? []
    : [
        warning('other-root', {
          path,
          detail,
          fix: 'let omens agent manage this place: docs/runbooks/take-over-from-the-old-scripts.md',
        }),
      ];
}

/** The pinned root, when a file of this host holds it. */
const pinnedRoot = (scene: FileScene): Certificate | null =>
  authoritiesIn(scene).find(({ der }) => sha256Hex(der) === scene.state?.server.rootSha256) ?? null;

function clientPurpose(scene: FileScene, { certificate, above, path, sha256 }: LeafFile): readonly Finding[] {
  if (!mayBeClient(certificate) || isSelfSigned(certificate)) return [];
  if (scene.managed.some(({ certificateSha256 }) => certificateSha256 === sha256)) return [];
  const anchors = scene.pki.filter((file) => scene.clientAnchors.includes(file.path));
  const roots = anchors.flatMap(({ certificates }) => certificates.map((one) => one.certificate)).filter(isSelfSigned);
  const chain = composeChain(certificate, [...above, ...authoritiesIn(scene)]);
  if (!chain.ok || !chain.value.some((one) => roots.some(isThe(one)))) return [];
  const why = certificate.extendedKeyUsage === null ? 'has no extended key usage' : 'may be a TLS client';
  const detail = `${why}, under a root that Keylime trusts on this host: whoever holds its key is an administrator of the verifier and may run payloads`;
  return [
    critical('client-purpose', {
      path,
      detail,
      fix: 'replace it by a certificate for serverAuth only (omens agent renew), and revoke this one at its CA',
    }),
  ];
}

/** One leaf in two files is one key for two programs, or a certificate served where another belongs. */
function inTwoPlaces(leaves: readonly LeafFile[]): readonly Finding[] {
  return leaves.flatMap((leaf, at) => {
    const first = leaves.slice(0, at).find(({ sha256, path }) => sha256 === leaf.sha256 && !isVariant(path, leaf.path));
    if (first === undefined) return [];
    const detail = `the same certificate stands in ${first.path}: two services with one key, or the wrong certificate in one of them`;
    return [
      warning('same-certificate', {
        path: leaf.path,
        detail,
        fix: 'give each place a target of its own in /etc/omens/agent.yaml',
      }),
    ];
  });
}

/** Files of one certificate in one directory: with and without its chain, or its name in another program's words. */
const isVariant = (a: string, b: string): boolean => stemOf(a) === stemOf(b);
const stemOf = (path: string): string =>
  path.replace(/[-.]?(?:fullchain|chain|certificate|bundle)?\.(?:crt|pem|cer)$/, '');

/** The Rust agent reads the first certificate of its CA file and no other. */
function firstIsRoot({ path, certificates }: PkiFile): readonly Finding[] {
  const [first] = certificates;
  if (!/\/ca-root-only\.crt$/.test(path) || first === undefined || isSelfSigned(first.certificate)) return [];
  const detail = `its first certificate is ${nameText(first.certificate.subject)}, no root; the Keylime agent as a client reads only the first one`;
  return [
    critical('trust-first', {
      path,
      detail,
      fix: 'put the root first and alone into it; omens agent renew writes it so',
    }),
  ];
}

function oldRoot(scene: FileScene, { path, certificates }: PkiFile): readonly Finding[] {
  const pinned = pinnedRoot(scene);
  if (pinned === null) return [];
  const namesake = certificates.find(
    ({ certificate }) =>
      isSelfSigned(certificate) && nameIn(certificate) === nameIn(pinned) && !sameOctets(certificate.der, pinned.der),
  );
  if (namesake === undefined) return [];
  const detail = `holds an older root of the same name, SHA-256 ${namesake.sha256}`;
  return [
    critical('old-root', {
      path,
      detail,
      fix: `replace it by the root ${sha256Hex(pinned.der)}: omens agent renew writes the files of Keylime`,
    }),
  ];
}

const nameIn = ({ subject }: Certificate): string => namesOf({ subject, subjectAltName: null }).join(',');

function unreadable({ path, unreadable: count }: PkiFile): readonly Finding[] {
  if (count === 0) return [];
  return [
    warning('unreadable', {
      path,
      detail: `${counted(count, 'certificate')} in it cannot be read`,
      fix: `openssl storeutl -noout -text -certs ${path}`,
    }),
  ];
}
