// Object identifiers by the names that their standards give them, and their DER content octets. Not a registry: only
// what is read or written here.

export const oids = {
  // Attribute types (X.520, RFC 5280 appendix A.1)
  commonName: '2.5.4.3',
  // Extensions (RFC 5280 §4.2, §5.2)
  subjectDirectoryAttributes: '2.5.29.9',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  cRLNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  issuingDistributionPoint: '2.5.29.28',
  nameConstraints: '2.5.29.30',
  cRLDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInformationAccess: '1.3.6.1.5.5.7.1.1',
  caIssuers: '1.3.6.1.5.5.7.48.2',
  ocsp: '1.3.6.1.5.5.7.48.1',
  // Purposes (RFC 5280 §4.2.1.12; TCG EK Credential Profile)
  anyExtendedKeyUsage: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  ekCertificate: '2.23.133.8.1',
  // otherNames (RFC 4043, RFC 4108) and what stands in them
  permanentIdentifier: '1.3.6.1.5.5.7.8.3',
  hardwareModuleName: '1.3.6.1.5.5.7.8.4',
  tpm20: '2.23.133.1.2',
  // TCG: what an EK certificate says of its TPM, and what our policies say of a key
  tpmManufacturer: '2.23.133.2.1',
  tpmModel: '2.23.133.2.2',
  tpmVersion: '2.23.133.2.3',
  verifiedTpmResidency: '2.23.133.11.1.1',
  verifiedTpmFixed: '2.23.133.11.1.2',
  verifiedTpmRestricted: '2.23.133.11.1.3',
  // Keys and curves (RFC 3279, RFC 5480)
  rsaEncryption: '1.2.840.113549.1.1.1',
  idEcPublicKey: '1.2.840.10045.2.1',
  secp256r1: '1.2.840.10045.3.1.7',
  secp384r1: '1.3.132.0.34',
  secp521r1: '1.3.132.0.35',
  // Signatures (RFC 4055, RFC 5758)
  sha256WithRSAEncryption: '1.2.840.113549.1.1.11',
  sha384WithRSAEncryption: '1.2.840.113549.1.1.12',
  sha512WithRSAEncryption: '1.2.840.113549.1.1.13',
  ecdsaWithSHA256: '1.2.840.10045.4.3.2',
  ecdsaWithSHA384: '1.2.840.10045.4.3.3',
  ecdsaWithSHA512: '1.2.840.10045.4.3.4',
  // PKCS #9 attribute of certification requests (RFC 2985 §5.4.2)
  extensionRequest: '1.2.840.113549.1.9.14',
  // CMS content types, attributes and digest (RFC 5652 §4, §5.1, §11; RFC 5754 §2.2)
  idData: '1.2.840.113549.1.7.1',
  idSignedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  sha256: '2.16.840.1.101.3.4.2.1',
  // PKCS #12 bags and attributes (RFC 7292 §4.2), and password-based encryption (RFC 8018 §5.2, §6.2, appendix B)
  encryptedData: '1.2.840.113549.1.7.6',
  pkcs8ShroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacWithSHA256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
} as const;

/** Content octets of a dotted OBJECT IDENTIFIER (X.690 §8.19). Throws RangeError when the text is none. */
export function encodeOid(dotted: string): Uint8Array {
  const arcs = dotted.split('.').map(Number);
  const [first = -1, second = -1, ...rest] = arcs;
  const wellFormed = /^[0-2](?:\.(?:0|[1-9][0-9]{0,14}))+$/.test(dotted) && (first === 2 || second < 40);
  if (!wellFormed) throw new RangeError(`"${dotted}" is no object identifier`);
  return Uint8Array.from([first * 40 + second, ...rest].flatMap(base128));
}

function base128(arc: number): number[] {
  const septets = [arc % 128];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) septets.unshift((left % 128) | 0x80);
  return septets;
}

/** Dotted text of content octets, or null when they are not DER or an arc exceeds 2^53. */
export function decodeOid(content: Uint8Array): string | null {
  if (content.length === 0 || content.length > 64 || (content[content.length - 1] ?? 0) >= 0x80) return null;
  let text = '';
  let arc = 0;
  let isFresh = true;
  for (const octet of content) {
    if (isFresh && octet === 0x80) return null;
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) return null;
    isFresh = octet < 0x80;
    if (!isFresh) continue;
    text += text === '' ? firstArcs(arc) : `.${arc}`;
    arc = 0;
  }
  return text;
}

const firstArcs = (value: number): string =>
  value < 80 ? `${Math.floor(value / 40)}.${value % 40}` : `2.${value - 80}`;
