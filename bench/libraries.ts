// A certificate from a request by each of the two libraries, as their documentation shows it: parse, verify, the eight
// extensions of our template, sign. No record, no lint, no second reader. Shared by nobody but the bench.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { oids } from '../src/x509/oids.ts';

/** The issuer that every stand-alone variant signs with. */
export type LibraryIssuer = {
  readonly certificateDer: Buffer;
  readonly privateKeyPkcs8: Buffer;
  /** Of the issuing certificate: neither library would find it there by itself. */
  readonly subjectKeyIdentifier: Buffer;
  readonly issuerUrl: string;
  readonly crlUrl: string;
};

/** DER of the certificate for a request in DER. */
export type LibraryIssue = (request: Buffer) => Promise<Uint8Array>;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const lifetimeMs = 86_400_000;

const importKey = (pkcs8: Buffer): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);

/** 128 random bits, positive. */
function serialNumber(): Buffer {
  const octets = randomBytes(16);
  octets[0] = (octets[0]! & 0x7f) | 0x40;
  return octets;
}

/** @peculiar/x509 with Node's WebCrypto. */
export async function peculiarIssue(issuer: LibraryIssuer): Promise<LibraryIssue> {
  x509.cryptoProvider.set(webcrypto);
  const certificate = new x509.X509Certificate(issuer.certificateDer);
  const signingKey = await importKey(issuer.privateKeyPkcs8);
  const authority = new x509.AuthorityKeyIdentifierExtension(issuer.subjectKeyIdentifier.toString('hex'));
  return async (der) => {
    const request = new x509.Pkcs10CertificateRequest(der);
    if (!(await request.verify())) throw new Error('the request does not verify');
    const names = request.getExtension(oids.subjectAltName);
    if (names === null) throw new Error('the request has no names');
    const now = Date.now();
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber().toString('hex'),
      subject: request.subject,
      issuer: certificate.subject,
      notBefore: new Date(now - 60_000),
      notAfter: new Date(now + lifetimeMs),
      publicKey: request.publicKey,
      signingKey,
      signingAlgorithm: algorithm,
      extensions: [
        authority,
        await x509.SubjectKeyIdentifierExtension.create(request.publicKey),
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([oids.serverAuth]),
        names,
        new x509.AuthorityInfoAccessExtension({ caIssuers: [issuer.issuerUrl] }),
        new x509.CRLDistributionPointsExtension([issuer.crlUrl]),
      ],
    });
    return new Uint8Array(issued.rawData);
  };
}

const pkijsExtension = (extnID: string, critical: boolean, value: { toSchema: () => asn1js.AsnType }) =>
  new pkijs.Extension({ extnID, critical, extnValue: value.toSchema().toBER(false) });

const uriName = (value: string): pkijs.GeneralName => new pkijs.GeneralName({ type: 6, value });

/** SHA-1 of the subjectPublicKey, as RFC 5280 §4.2.1.2 (1). */
const keyIdentifier = async (key: pkijs.PublicKeyInfo): Promise<asn1js.OctetString> => {
  const digest = await webcrypto.subtle.digest('SHA-1', key.subjectPublicKey.valueBlock.valueHexView);
  return new asn1js.OctetString({ valueHex: digest });
};

/** pkijs with Node's WebCrypto. */
export async function pkijsIssue(issuer: LibraryIssuer): Promise<LibraryIssue> {
  pkijs.setEngine('node', new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto }));
  const certificate = pkijs.Certificate.fromBER(issuer.certificateDer);
  const signingKey = await importKey(issuer.privateKeyPkcs8);
  const issuerKeyIdentifier = new asn1js.OctetString({ valueHex: issuer.subjectKeyIdentifier });
  const url = (value: string) => uriName(value);
  const access = new pkijs.InfoAccess({
    accessDescriptions: [
      new pkijs.AccessDescription({ accessMethod: oids.caIssuers, accessLocation: url(issuer.issuerUrl) }),
    ],
  });
  const points = new pkijs.CRLDistributionPoints({
    distributionPoints: [new pkijs.DistributionPoint({ distributionPoint: [url(issuer.crlUrl)] })],
  });
  return async (der) => {
    const request = pkijs.CertificationRequest.fromBER(der);
    if (!(await request.verify())) throw new Error('the request does not verify');
    const wanted = new pkijs.Extensions({ schema: request.attributes?.[0]?.values[0] });
    const names = wanted.extensions.find(({ extnID }) => extnID === oids.subjectAltName)?.parsedValue as pkijs.AltName;
    const issued = new pkijs.Certificate();
    const now = Date.now();
    issued.version = 2;
    issued.serialNumber = new asn1js.Integer({ valueHex: serialNumber() });
    issued.issuer = certificate.subject;
    issued.subject = request.subject;
    issued.notBefore = new pkijs.Time({ type: pkijs.TimeType.UTCTime, value: new Date(now - 60_000) });
    issued.notAfter = new pkijs.Time({ type: pkijs.TimeType.UTCTime, value: new Date(now + lifetimeMs) });
    issued.subjectPublicKeyInfo = request.subjectPublicKeyInfo;
    issued.extensions = [
      pkijsExtension(
        oids.authorityKeyIdentifier,
        false,
        new pkijs.AuthorityKeyIdentifier({ keyIdentifier: issuerKeyIdentifier }),
      ),
      new pkijs.Extension({
        extnID: oids.subjectKeyIdentifier,
        extnValue: (await keyIdentifier(request.subjectPublicKeyInfo)).toBER(false),
      }),
      pkijsExtension(oids.basicConstraints, true, new pkijs.BasicConstraints({ cA: false })),
      new pkijs.Extension({
        extnID: oids.keyUsage,
        critical: true,
        extnValue: new asn1js.BitString({ valueHex: Uint8Array.of(0x80).buffer, unusedBits: 7 }).toBER(false),
      }),
      pkijsExtension(oids.extendedKeyUsage, false, new pkijs.ExtKeyUsage({ keyPurposes: [oids.serverAuth] })),
      pkijsExtension(oids.subjectAltName, false, names),
      pkijsExtension(oids.authorityInformationAccess, false, access),
      pkijsExtension(oids.cRLDistributionPoints, false, points),
    ];
    await issued.sign(signingKey, 'SHA-256');
    return new Uint8Array(issued.toSchema(true).toBER(false));
  };
}
