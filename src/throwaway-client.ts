// A client certificate that nobody can know: self-signed, of a key made at this moment and kept nowhere. Part of the
// composition root: probes show it where it must be refused.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { serialNumberFrom } from './domain/serial.ts';
import { encodePem } from './x509/pem.ts';
import { buildSelfSignedClientTbs } from './x509/self-signed-client.ts';
import { assembleCertificate } from './x509/tbs-certificate.ts';

/** A day from five minutes ago; PEM of certificate and key. */
export function throwawayClient(now: Date): { readonly cert: string; readonly key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000 - 300_000);
  const signatureAlgorithm = 'ecdsaWithSHA256' as const;
  const tbs = buildSelfSignedClientTbs({
    commonName: 'omens probe: refuse me',
    serialNumber: serialNumberFrom(randomBytes(16)),
    notBefore,
    notAfter: new Date(notBefore.getTime() + 86_400_000),
    subjectPublicKeyInfo: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    signatureAlgorithm,
  });
  const der = assembleCertificate(tbs, signatureAlgorithm, new Uint8Array(sign('sha256', tbs, privateKey)));
  return {
    cert: encodePem('CERTIFICATE', der),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
