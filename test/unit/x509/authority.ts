// A throw-away authority for the tests of src/x509/: keys, CAs and plans of the ordinary case. Never trusted.
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { Plan } from '../../../src/domain/plan.ts';
import { serialNumberFrom, type SerialNumber } from '../../../src/domain/serial.ts';
import type { SignatureAlgorithm } from '../../../src/domain/signature-algorithm.ts';
import { buildCaTbsCertificate, issuingPurposes, type CaPlan } from '../../../src/x509/ca-certificate.ts';
import { bitString, sequence, smallInteger, tagged, time, unsignedInteger } from '../../../src/x509/der-writer.ts';
import { commonNameDer } from '../../../src/x509/distinguished-name.ts';
import { algorithmIdentifierDer } from '../../../src/x509/signature-algorithm.ts';
import { keyIdentifierOf } from '../../../src/x509/subject-public-key.ts';
import { assembleCertificate, buildTbsCertificate } from '../../../src/x509/tbs-certificate.ts';

export type KeyPair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

export const p256 = (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const p384 = (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-384' });
export const rsa = (modulusLength = 2048): KeyPair => generateKeyPairSync('rsa', { modulusLength });

export const spkiOf = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: 'spki', format: 'der' }));

const algorithmOf = (key: KeyObject): SignatureAlgorithm =>
  key.asymmetricKeyType === 'ec' ? 'ecdsaWithSHA256' : 'sha256WithRSAEncryption';

let count = 0;
/** Serial numbers of 128 bits that differ from call to call and are the same in each run. */
export const nextSerial = (): SerialNumber => {
  const octets = new Uint8Array(16).fill(0x5a);
  octets.set([++count >> 8, count], 14);
  return serialNumberFrom(octets);
};

export const signed = (tbs: Uint8Array, key: KeyObject): Uint8Array =>
  assembleCertificate(tbs, algorithmOf(key), new Uint8Array(sign('sha256', tbs, key)));

export const day = 86_400_000;
export const start = Date.UTC(2026, 10, 1);

export type Ca = {
  readonly der: Uint8Array;
  readonly nameDer: Uint8Array;
  readonly keyIdentifier: Uint8Array;
  readonly keys: KeyPair;
  readonly domain: Plan['domain'];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  readonly signer: { readonly algorithm: SignatureAlgorithm };
};

type CaOptions = Partial<CaPlan> & {
  readonly keys?: KeyPair;
  readonly issuer?: Ca;
  readonly domain?: Plan['domain'];
};

/** A root of ten years, or with `issuer` an issuing CA of the estate. */
export function ca(commonName: string, over: CaOptions = {}): Ca {
  const keys = over.keys ?? p256();
  const { issuer, domain = 'estate' } = over;
  const plan: CaPlan = {
    commonName,
    serialNumber: nextSerial(),
    notBefore: new Date(start - day),
    notAfter: new Date(start + 3650 * day),
    subjectPublicKeyInfo: spkiOf(keys.publicKey),
    pathLength: issuer === undefined ? 1 : 0,
    extendedKeyUsage: issuer === undefined ? [] : issuingPurposes[domain],
    issuerUrl: null,
    crlUrl: null,
    ...over,
  };
  const tbs =
    issuer === undefined
      ? buildCaTbsCertificate(plan, { selfSignedWith: algorithmOf(keys.publicKey) })
      : buildCaTbsCertificate(plan, {
          nameDer: issuer.nameDer,
          keyIdentifier: issuer.keyIdentifier,
          signatureAlgorithm: issuer.signer.algorithm,
        });
  return {
    der: signed(tbs, (issuer?.keys ?? keys).privateKey),
    nameDer: commonNameDer(commonName),
    keyIdentifier: keyIdentifierOf(plan.subjectPublicKeyInfo),
    keys,
    domain,
    notBefore: plan.notBefore,
    notAfter: plan.notAfter,
    publicKey: keys.publicKey,
    signer: { algorithm: algorithmOf(keys.publicKey) },
  };
}

const subjectKeys = p256();

/** The plan of a DevID; override only what a test is about. */
export const devidPlan = (over: Partial<Plan> = {}): Plan => ({
  profile: 'devid',
  profileDigest: '00'.repeat(32),
  domain: 'estate',
  notBefore: new Date(start),
  notAfter: new Date(start + 90 * day - 1000),
  commonName: 'tower.example.lan',
  names: { dnsNames: ['tower.example.lan'], ipAddresses: [], uris: [] },
  hardwareSerial: '49465800:AA:01',
  subjectPublicKeyInfo: spkiOf(subjectKeys.publicKey),
  keyType: 'ec-p256',
  keyUsage: ['digitalSignature'],
  extendedKeyUsage: ['tpmFixed'],
  certificatePolicies: ['verifiedTpmResidency', 'verifiedTpmFixed'],
  issuerUrl: 'http://ca.example.lan:8080/issuers/aa.cer',
  crlUrl: 'http://ca.example.lan:8080/crl/bb.crl',
  maxPemCharacters: null,
  ...over,
});

/** The plan of a Keylime agent's server certificate. */
export const serverPlan = (over: Partial<Plan> = {}): Plan =>
  devidPlan({
    profile: 'keylime-agent',
    names: {
      dnsNames: ['tower.example.lan', 'agent.keylime.tower.example.lan'],
      ipAddresses: ['10.10.2.62', '127.0.0.1', '::1'],
      uris: ['spiffe://example.lan/agent'],
    },
    hardwareSerial: null,
    extendedKeyUsage: ['serverAuth'],
    certificatePolicies: [],
    maxPemCharacters: 2047,
    ...over,
  });

/** The certificate for a plan. */
export const issued = (plan: Plan, issuer: Ca, serialNumber = nextSerial()): Uint8Array =>
  signed(
    buildTbsCertificate(plan, {
      serialNumber,
      issuer: {
        nameDer: issuer.nameDer,
        keyIdentifier: issuer.keyIdentifier,
        signatureAlgorithm: issuer.signer.algorithm,
      },
    }),
    issuer.keys.privateKey,
  );

/** A certificate put together by hand, for what no plan can say. */
export function handmade(parts: {
  readonly issuer: Ca;
  readonly extensions: readonly Uint8Array[];
  readonly version?: Uint8Array;
  readonly serialNumber?: Uint8Array;
  readonly algorithm?: Uint8Array;
  readonly outerAlgorithm?: Uint8Array;
  readonly issuerName?: Uint8Array;
  readonly validity?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  readonly afterKey?: readonly Uint8Array[];
  readonly hash?: string;
}): Uint8Array {
  const { issuer, extensions } = parts;
  const algorithm = parts.algorithm ?? algorithmIdentifierDer(issuer.signer.algorithm);
  const tbs = sequence(
    parts.version ?? tagged(0, smallInteger(2)),
    parts.serialNumber ?? unsignedInteger(Buffer.from(nextSerial(), 'hex')),
    algorithm,
    parts.issuerName ?? issuer.nameDer,
    parts.validity ?? sequence(time(new Date(start)), time(new Date(start + 90 * day - 1000))),
    parts.subject ?? commonNameDer('tower.example.lan'),
    parts.spki ?? spkiOf(subjectKeys.publicKey),
    ...(parts.afterKey ?? []),
    ...(extensions.length === 0 ? [] : [tagged(3, sequence(...extensions))]),
  );
  const signature = new Uint8Array(sign(parts.hash ?? 'sha256', tbs, issuer.keys.privateKey));
  return sequence(tbs, parts.outerAlgorithm ?? algorithm, bitString(signature));
}
