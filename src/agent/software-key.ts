// Keys that live in a file of this host: made here, never sent. Writes the PKCS #10 request (RFC 2986) that proves
// possession; not a general CSR builder, since the server takes nothing from a request but its key.
import { createPublicKey, generateKeyPair, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { bitString, sequence, smallInteger, tagged } from '../x509/der-writer.ts';
import { algorithmIdentifierDer } from '../x509/signature-algorithm.ts';

const generate = promisify(generateKeyPair);

/** What a software key can be. */
export type SoftwareKeyType = 'ec-p256' | 'rsa-2048';

/** A private key (PKCS #8, PEM) and the DER of its SubjectPublicKeyInfo. */
export type SoftwareKey = { readonly privateKeyPem: string; readonly subjectPublicKeyInfo: Uint8Array };

/** Profiles whose relying parties know only RSA; every other one takes P-256. The server checks it again. */
const rsaProfiles: readonly string[] = ['tower-infrastructure', 'openbao-server'];

/** The key type that a profile takes. */
export const softwareKeyTypeOf = (profile: string): SoftwareKeyType =>
  rsaProfiles.includes(profile) ? 'rsa-2048' : 'ec-p256';

/** Makes a key. The PEM begins with `-----BEGIN PRIVATE KEY-----`: some consumers look at exactly these octets. */
export async function makeSoftwareKey(type: SoftwareKeyType): Promise<SoftwareKey> {
  const { privateKey, publicKey } =
    type === 'rsa-2048'
      ? await generate('rsa', { modulusLength: 2048, publicExponent: 65537 })
      : await generate('ec', { namedCurve: 'prime256v1' });
  return { privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), ...publicPart(publicKey) };
}

/** The DER of the SubjectPublicKeyInfo of a private or public key. */
const publicPart = (key: KeyObject): Pick<SoftwareKey, 'subjectPublicKeyInfo'> => ({
  subjectPublicKeyInfo: new Uint8Array(key.export({ type: 'spki', format: 'der' })),
});

/** The SubjectPublicKeyInfo (DER) of a private key in PEM. */
export const publicKeyInfoOf = (privateKeyPem: string): Uint8Array =>
  publicPart(createPublicKey(privateKeyPem)).subjectPublicKeyInfo;

/**
 * A request for this key in DER, signed by it: empty subject, no attributes. Names come from the grant, and an empty
 * request can contradict none.
 */
export function certificationRequest(privateKeyPem: string): Uint8Array {
  const publicKey = createPublicKey(privateKeyPem);
  const { subjectPublicKeyInfo } = publicPart(publicKey);
  const info = sequence(smallInteger(0), sequence(), subjectPublicKeyInfo, tagged(0));
  const algorithm = publicKey.asymmetricKeyType === 'rsa' ? 'sha256WithRSAEncryption' : 'ecdsaWithSHA256';
  const signature = sign('sha256', info, privateKeyPem);
  return sequence(info, algorithmIdentifierDer(algorithm), bitString(new Uint8Array(signature)));
}
