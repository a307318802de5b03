// The one word for what is wrong with a certificate that this agent does not keep, the worst first. The findings say it in
// full; this is what the inventory and the expiry report show.
import { sameOctets } from '../../domain/octets.ts';
import { oids } from '../../x509/oids.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { commonNamesOf } from '../../x509/distinguished-name.ts';
import { isInDevIdPlace, type LeafFile } from './leaves.ts';
import type { FileScene } from './scene.ts';

/** A DevID that certifies another key than the TPM's, or of which no TPM key is known. */
export const isSoftwareKeyDevId = ({ devIdKey }: Pick<FileScene, 'devIdKey'>, leaf: LeafFile): boolean =>
  isInDevIdPlace(leaf) && (devIdKey === null || !sameOctets(devIdKey, leaf.certificate.subjectPublicKeyInfo));

/** Whether OpenSSL takes it for a TLS client's: no purposes at all, clientAuth, or any (RFC 5280 §4.2.1.12). */
export const mayBeClient = ({ extendedKeyUsage }: Certificate): boolean =>
  extendedKeyUsage === null ||
  extendedKeyUsage.includes(oids.clientAuth) ||
  extendedKeyUsage.includes(oids.anyExtendedKeyUsage);

/** `softwareKeyDevId`, `anotherHost`, `expired`, `clientPurpose`, or null. */
export function leafFault(scene: FileScene, leaf: LeafFile): string | null {
  if (isSoftwareKeyDevId(scene, leaf)) return 'softwareKeyDevId';
  if (isOfAnotherHost(scene, leaf)) return 'anotherHost';
  if (scene.now > leaf.certificate.notAfter) return 'expired';
  return mayBeClient(leaf.certificate) ? 'clientPurpose' : null;
}

/**
 * Whether a DevID or a Keylime agent certificate names another host of this domain and not this one. Other certificates
 * are for services, whose names are not their host's.
 */
export function isOfAnotherHost({ state }: Pick<FileScene, 'state'>, leaf: LeafFile): boolean {
  const isHostBound = isInDevIdPlace(leaf) || /^\/etc\/keylime\/certs\/agent[^/]*$/.test(leaf.path);
  if (state === null || !isHostBound) return false;
  const own = state.hostName;
  const domain = own.slice(own.indexOf('.') + 1);
  const named = [...namesOf(leaf.certificate)].map((name) => name.toLowerCase().replace(/^agent\.keylime\./, ''));
  const hosts = named.filter((name) => name.endsWith(`.${domain}`));
  return hosts.length > 0 && !hosts.includes(own);
}

/** The commonNames and DNS names of a certificate. */
export const namesOf = ({
  subject,
  subjectAltName,
}: Pick<Certificate, 'subject' | 'subjectAltName'>): readonly string[] => [
  ...commonNamesOf(subject),
  ...(subjectAltName ?? []).flatMap((name) => (name.kind === 'dNSName' ? [name.value] : [])),
];
