// A host whose TPM is software: EK with a certificate, AK, keys, and the honest answers that a TPM would give. A test
// changes one thing and sees it refused.
import {
  constants,
  createDecipheriv,
  createECDH,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  sign,
} from 'node:crypto';
import type {
  ActivationBody,
  ChallengeResource,
  EnrollmentBody,
  EnrollmentRequestDocument,
} from '../../src/domain/wire.ts';
import { curves, hashes } from '../../src/tpm2/algorithms.ts';
import { encodeTpmsAttest, type TpmsAttest } from '../../src/tpm2/attest.ts';
import { leftPad, parseWhole, TpmWriter } from '../../src/tpm2/cursor.ts';
import { kdfA, kdfE } from '../../src/tpm2/kdf.ts';
import { parseIdObject } from '../../src/tpm2/make-credential.ts';
import { nameOf } from '../../src/tpm2/name.ts';
import { encodeTpm2bPublic, type TpmtPublic } from '../../src/tpm2/public-area.ts';
import { encodeTpmtSignature } from '../../src/tpm2/signature.ts';
import { publicKeyOf } from '../../src/tpm2/subject-public-key-info.ts';
import { ekTemplates } from '../../src/tpm2/templates.ts';
import * as der from '../../src/x509/der-writer.ts';
import { commonNameDer } from '../../src/x509/distinguished-name.ts';
import { type EndorsementPolicy, loadEndorsementPolicy } from '../../src/x509/endorsement-chain.ts';
import * as extensions from '../../src/x509/extensions.ts';
import { generalNamesDer } from '../../src/x509/general-names.ts';
import { oids } from '../../src/x509/oids.ts';
import { algorithmIdentifierDer } from '../../src/x509/signature-algorithm.ts';
import { ak, certifyAttest, devid, eccKey, ecdsa, rsaKey } from '../unit/tpm2/samples.ts';
import { ca, type Ca, handmade, nextSerial } from '../unit/x509/authority.ts';

export type SoftwareKey = { readonly area: TpmtPublic; readonly privateKey: KeyObject };

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');
const octetsOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));

/** A maker of TPMs, and a policy that trusts it. */
export type Vendor = { readonly authority: Ca; readonly policy: EndorsementPolicy };

export function makeVendor(): Vendor {
  const authority = ca('TPM Vendor Root', { pathLength: null });
  const policy = loadEndorsementPolicy({ roots: [{ file: 'root.pem', der: authority.der }], intermediates: [] });
  if (!policy.ok) throw new Error(JSON.stringify(policy.error));
  return { authority, policy: policy.value };
}

const pair = (type: string, value: string): Uint8Array =>
  der.setOf(der.sequence(der.objectIdentifier(type), der.utf8String(value)));

/** SubjectPublicKeyInfo of a TPM key. */
export function spkiOfArea(area: TpmtPublic): Uint8Array {
  const key = publicKeyOf(area);
  if (!key.ok) throw new Error(key.error.detail);
  return key.value.spkiDer;
}

/** A certificate of the vendor for an EK; `validity` and `purposes` are the ordinary ones unless a test says otherwise. */
export function ekCertificate(
  vendor: Vendor,
  area: TpmtPublic,
  over: { readonly notAfter?: Date; readonly purposes?: readonly string[] } = {},
): Uint8Array {
  const name = der.sequence(
    pair(oids.tpmManufacturer, 'id:49465800'),
    pair(oids.tpmModel, 'SLB9670'),
    pair(oids.tpmVersion, 'id:00070055'),
  );
  const validity =
    over.notAfter === undefined
      ? {}
      : { validity: der.sequence(der.time(vendor.authority.notBefore), der.time(over.notAfter)) };
  return handmade({
    issuer: vendor.authority,
    spki: spkiOfArea(area),
    subject: der.sequence(),
    serialNumber: der.unsignedInteger(Buffer.from(nextSerial(), 'hex')),
    ...validity,
    extensions: [
      extensions.authorityKeyIdentifier(vendor.authority.keyIdentifier),
      extensions.endEntityConstraints,
      extensions.keyUsage([area.type === 'rsa' ? 'keyEncipherment' : 'keyAgreement']),
      extensions.extendedKeyUsage(over.purposes ?? [oids.ekCertificate]),
      extensions.extension(oids.subjectAltName, 'critical', der.sequence(der.tagged(4, name))),
    ],
  });
}

/** Everything of one host. */
export type SoftwareHost = {
  readonly hostName: string;
  readonly ek: SoftwareKey;
  readonly ekCertificates: readonly Uint8Array[];
  readonly ak: SoftwareKey;
  readonly requestKey: SoftwareKey;
  readonly devid: SoftwareKey;
  readonly serviceKey: KeyObject;
};

/** A fresh host; P-256 unless `ek` asks for RSA-2048. */
export function makeHost(
  vendor: Vendor,
  over: Partial<SoftwareHost> & { readonly ekType?: 'L-1' | 'L-2' } = {},
): SoftwareHost {
  const { ekType = 'L-2', ...rest } = over;
  const ek = over.ek ?? (ekType === 'L-1' ? rsaKey(ekTemplates['L-1']) : eccKey(ekTemplates['L-2']));
  return {
    hostName: 'tower.example.org',
    ek,
    ekCertificates: [ekCertificate(vendor, ek.area)],
    ak: ak(),
    requestKey: devid(),
    devid: devid(),
    serviceKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    ...rest,
  };
}

/** POST /v1/enrollments as this host sends it. */
export const beginBody = (host: SoftwareHost, token?: string): EnrollmentBody => ({
  ekPublic: base64url(encodeTpm2bPublic(host.ek.area)),
  ekCertificates: host.ekCertificates.map(base64url),
  akPublic: base64url(encodeTpm2bPublic(host.ak.area)),
  hostName: host.hostName,
  ...(token === undefined ? {} : { token }),
});

/** A CSR by a software key, with names or without. */
export function csrFor(
  privateKey: KeyObject,
  over: {
    readonly commonName?: string;
    readonly dnsNames?: readonly string[];
    readonly publicKey?: Uint8Array;
    readonly emails?: readonly string[];
  } = {},
): Uint8Array {
  const spki = over.publicKey ?? new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
  const names = generalNamesDer({ dnsNames: over.dnsNames ?? [], ipAddresses: [], uris: [] }, null);
  const email = (over.emails ?? []).map((text) => der.taggedPrimitive(1, der.ascii(text)));
  const san = email.length > 0 ? der.sequence(...email) : names;
  const attributes =
    san === null
      ? []
      : [
          der.sequence(
            der.objectIdentifier(oids.extensionRequest),
            der.setOf(der.sequence(extensions.extension(oids.subjectAltName, 'nonCritical', san))),
          ),
        ];
  const subject = over.commonName === undefined ? der.sequence() : commonNameDer(over.commonName);
  const info = der.sequence(der.smallInteger(0), subject, spki, der.tagged(0, ...attributes));
  const signature = new Uint8Array(sign('sha256', info, privateKey));
  return der.sequence(info, algorithmIdentifierDer('ecdsaWithSHA256'), der.bitString(signature));
}

/** What a host asks for unless a test says otherwise: the default grant. */
export const requestDocument = (
  host: SoftwareHost,
  over: Readonly<Record<string, unknown>> = {},
): EnrollmentRequestDocument => ({
  version: 1,
  hostName: host.hostName,
  keys: [
    { role: 'request', public: base64url(encodeTpm2bPublic(host.requestKey.area)) },
    { role: 'devid', public: base64url(encodeTpm2bPublic(host.devid.area)) },
  ],
  certificates: [
    { profile: 'devid', key: 'devid' },
    { profile: 'keylime-agent', key: { csr: base64url(csrFor(host.serviceKey)) } },
  ],
  ...over,
});

/** TPM2_ActivateCredential in software; throws when the HMAC is not right. */
export function openCredential(
  ek: SoftwareKey,
  challenge: Pick<ChallengeResource, 'credentialBlob' | 'encryptedSecret'>,
  name: Uint8Array,
) {
  const hash = ek.area.nameAlg;
  const key = seedOf(ek, octetsOf(challenge.encryptedSecret));
  const { encIdentity } = parseIdObject(octetsOf(challenge.credentialBlob));
  const bits = ek.area.symmetric!.keyBits;
  const contextV = new Uint8Array(0);
  const storageKey = kdfA({ hash, key, label: 'STORAGE', contextU: name, contextV, bits });
  const identity = createDecipheriv(`aes-${bits}-cfb`, storageKey, new Uint8Array(16)).update(encIdentity);
  return parseWhole(identity, (reader) => reader.sized());
}

function seedOf(ek: SoftwareKey, encryptedSecret: Uint8Array): Uint8Array {
  const hash = ek.area.nameAlg;
  if (ek.area.type === 'rsa') {
    const secret = parseWhole(encryptedSecret, (reader) => reader.sized());
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    return privateDecrypt(
      { key: ek.privateKey, padding, oaepHash: hash, oaepLabel: Buffer.from('IDENTITY\0') },
      secret,
    );
  }
  const { size, openssl } = curves[ek.area.curve];
  const { x, y } = parseWhole(
    parseWhole(encryptedSecret, (r) => r.sized()),
    (r) => ({ x: r.sized(), y: r.sized() }),
  );
  const ecdh = createECDH(openssl);
  ecdh.setPrivateKey(octetsOf(ek.privateKey.export({ format: 'jwk' }).d!));
  const z = leftPad(ecdh.computeSecret(Buffer.concat([Uint8Array.of(4), x, y])), size)!;
  const partyV = leftPad(ek.area.x, size)!;
  return kdfE({ hash, z, label: 'IDENTITY', partyU: x, partyV, bits: hashes[hash].size * 8 });
}

/** What a test may change about an activation. */
export type ActivationChange = {
  readonly document?: EnrollmentRequestDocument;
  readonly request?: Uint8Array;
  readonly secret?: Uint8Array;
  /** The AK that certifies, if it is not the host's own. */
  readonly certifier?: SoftwareKey;
  /** What the AK says instead. */
  readonly attest?: Partial<TpmsAttest>;
  /** Who signs the proofs, if it is not each key itself. */
  readonly prover?: SoftwareKey;
  readonly label?: string;
  readonly nonce?: Uint8Array;
  readonly id?: string;
};

/** POST …/activation as an honest host sends it, but for the change. */
export function activationBody(
  host: SoftwareHost,
  challenge: ChallengeResource,
  change: ActivationChange = {},
): ActivationBody {
  const document = change.document ?? requestDocument(host);
  const request = change.request ?? Buffer.from(JSON.stringify(document), 'utf8');
  const statement = Buffer.concat([
    Buffer.from(`${change.label ?? 'omens-enrollment-v1'}\0${change.id ?? challenge.id}`, 'ascii'),
    change.nonce ?? octetsOf(challenge.nonce),
    createHash('sha256').update(request).digest(),
  ]);
  const extraData = new Uint8Array(createHash('sha256').update(statement).digest());
  const certifier = change.certifier ?? host.ak;
  const certifications = document.keys.map(({ role }) => {
    const key = role === 'request' ? host.requestKey : host.devid;
    const octets = encodeTpmsAttest(certifyAttest(nameOf(key.area), { extraData, ...change.attest }));
    return {
      attest: base64url(new TpmWriter().sized(octets).finish()),
      signature: base64url(ecdsa(certifier.privateKey, octets)),
      proof: base64url(signatureBy(change.prover ?? key, statement)),
    };
  });
  const secret = change.secret ?? openCredential(host.ek, challenge, nameOf(host.ak.area));
  return { secret: base64url(secret), request: base64url(request), certifications };
}

function signatureBy({ area, privateKey }: SoftwareKey, message: Uint8Array): Uint8Array {
  if (area.type === 'ecc') return ecdsa(privateKey, message);
  const octets = new Uint8Array(sign('sha256', message, privateKey));
  return encodeTpmtSignature({ scheme: 'rsassa', hash: 'sha256', octets });
}

/** SHA-256 of a body as JSON, hex: what makes the same request the same. */
export const bodyDigest = (body: ActivationBody): string =>
  createHash('sha256').update(JSON.stringify(body)).digest('hex');
