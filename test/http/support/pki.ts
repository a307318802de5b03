// A throw-away root and a server certificate under it, for TLS in tests. Never trusted by anything else.
import 'reflect-metadata';
import { createHash, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export type TestPki = {
  readonly rootPem: string;
  readonly rootSha256: string;
  /** Leaf and root: the chain that a server presents. */
  readonly chainPem: string;
  readonly leafPem: string;
  readonly keyPem: string;
};

/** Times of the leaf are those given; its names localhost and 127.0.0.1 unless others are. */
export async function makePki(
  over: {
    readonly notBefore?: Date;
    readonly notAfter?: Date;
    readonly host?: string;
    readonly rootNotBefore?: Date;
  } = {},
): Promise<TestPki> {
  x509.cryptoProvider.set(webcrypto as never);
  const rootKeys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as never;
  const leafKeys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const day = 86_400_000;
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Test Root',
    notBefore: over.rootNotBefore ?? new Date(Date.now() - 3650 * day),
    notAfter: new Date(Date.now() + 3650 * day),
    signingAlgorithm: algorithm,
    keys: rootKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: '02',
    subject: `CN=${over.host ?? 'localhost'}`,
    issuer: root.subject,
    notBefore: over.notBefore ?? new Date(Date.now() - day),
    notAfter: over.notAfter ?? new Date(Date.now() + day),
    signingAlgorithm: algorithm,
    publicKey: leafKeys.publicKey as never,
    signingKey: (rootKeys as { privateKey: never }).privateKey,
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        over.host === undefined
          ? [
              { type: 'dns', value: 'localhost' },
              { type: 'ip', value: '127.0.0.1' },
            ]
          : [{ type: 'dns', value: over.host }],
      ),
      new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey));
  const [rootPem, leafPem] = [root.toString('pem'), leaf.toString('pem')];
  return {
    rootPem,
    rootSha256: createHash('sha256').update(Buffer.from(root.rawData)).digest('hex'),
    chainPem: `${leafPem}\n${rootPem}\n`,
    leafPem,
    keyPem: `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`,
  };
}
