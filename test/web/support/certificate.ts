// Certificates that look like those of the estate, signed by a key that is thrown away: for pages, which show and do not
// verify.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export type Shown = {
  readonly serialNumber: string;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
};

/** A maker of certificates under one issuer (DER of its certificate). */
export async function certificateMaker(issuerDer: Uint8Array): Promise<(shown: Shown) => Promise<Uint8Array>> {
  x509.cryptoProvider.set(webcrypto as never);
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as never as {
    readonly privateKey: never;
    readonly publicKey: never;
  };
  const issuer = new x509.X509Certificate(Uint8Array.from(issuerDer));
  return async ({ serialNumber, commonName, dnsNames, notBefore, notAfter }) => {
    const made = await x509.X509CertificateGenerator.create({
      ...{ serialNumber, notBefore, notAfter },
      subject: `CN=${commonName}`,
      issuer: issuer.subject,
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value }))),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']),
        await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ],
    });
    return new Uint8Array(made.rawData);
  };
}
