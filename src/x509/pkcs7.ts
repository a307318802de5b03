// Certificates and nothing else in a SignedData: no content, no signer (RFC 5652 §5.2, "degenerate"). It proves nothing; it
// is a bag that Windows, Java and OpenSSL open. Writing only.
import { objectIdentifier, sequence, setOf, smallInteger, tagged } from './der-writer.ts';
import { oids } from './oids.ts';

/** ContentInfo in DER (label `PKCS7` in PEM) with these certificates, each DER. Readers may show them in another order. */
export const certificatesOnly = (certificates: readonly Uint8Array[]): Uint8Array =>
  sequence(
    objectIdentifier(oids.idSignedData),
    tagged(
      0,
      sequence(
        smallInteger(1),
        setOf(),
        sequence(objectIdentifier(oids.idData)),
        // [0] IMPLICIT SET OF, which DER sorts.
        tagged(0, ...[...certificates].sort((a, b) => Buffer.compare(a, b))),
        setOf(),
      ),
    ),
  );
