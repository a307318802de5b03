// A TPM key as other programs want it on disk: tpm2-tools (with sizes), SPIRE (without), and the PEM of tpm2-openssl
// ("TSS2 PRIVATE KEY", draft-bottomley-tpm2-keys). Octets and text only; who writes which file is the agent's matter.

import { sameOctets } from '../domain/octets.ts';
import { MalformedTpmStructure, parseWhole, TpmReader, TpmWriter } from './cursor.ts';
import { derElement, derUnsigned, readDer } from './der.ts';
import { TPM_RH } from './name.ts';
import { parseTpm2bPublic } from './public-area.ts';

/** A key as the TPM gave it out: TPM2B_PUBLIC and TPM2B_PRIVATE, both with their size fields (tpm2-tools' form). */
export type TpmKeyBlobs = { readonly public: Uint8Array; readonly private: Uint8Array };

/** A key with what tpm2-openssl must know to load it. */
export type Tss2PrivateKey = TpmKeyBlobs & {
  /** A persistent handle, or a hierarchy: then the parent is that hierarchy's ECC P-256 primary with empty unique. */
  readonly parent: number;
  /** Whether the key's password is empty. Always written: without it tpm2-openssl guesses, and may raise the DA count. */
  readonly emptyAuth: boolean;
};

const PRIVATE_LIMIT = 2048;
const LABEL = 'TSS2 PRIVATE KEY';

/** Refuses blobs that are no TPM2B_PUBLIC and TPM2B_PRIVATE; throws `MalformedTpmStructure`. */
function checkedKeyBlobs(blobs: TpmKeyBlobs): TpmKeyBlobs {
  parseTpm2bPublic(blobs.public);
  if (unsized(blobs.private).length === 0) throw new MalformedTpmStructure('the private part is empty', 0);
  return { public: new Uint8Array(blobs.public), private: new Uint8Array(blobs.private) };
}

/** For SPIRE's `devid_pub_path` and `devid_priv_path`: TPMT_PUBLIC and the private part, without size fields. */
export const toSpireBlobs = (blobs: TpmKeyBlobs): TpmKeyBlobs => ({
  public: unsized(blobs.public),
  private: unsized(blobs.private),
});

/** The reverse of `toSpireBlobs`; throws `MalformedTpmStructure`. */
export const fromSpireBlobs = (blobs: TpmKeyBlobs): TpmKeyBlobs =>
  checkedKeyBlobs({
    public: new TpmWriter().sized(blobs.public).finish(),
    private: new TpmWriter().sized(blobs.private).finish(),
  });

const unsized = (octets: Uint8Array): Uint8Array =>
  parseWhole(octets, (reader) => reader.sized(PRIVATE_LIMIT), PRIVATE_LIMIT + 2);

const OBJECT_IDENTIFIER = 0x06;
const BOOLEAN = 0x01;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const SEQUENCE = 0x30;
const EMPTY_AUTH = 0xa0;

/** id-loadablekey, 2.23.133.10.1.3. */
const loadableKey = Uint8Array.of(0x67, 0x81, 0x05, 0x0a, 0x01, 0x03);

/** The PEM that tpm2-openssl loads. The parent is the owner hierarchy's ECC SRK unless said otherwise. */
export function toTss2Pem(key: TpmKeyBlobs & Partial<Pick<Tss2PrivateKey, 'parent' | 'emptyAuth'>>): string {
  const blobs = checkedKeyBlobs(key);
  const der = derElement(
    SEQUENCE,
    derElement(OBJECT_IDENTIFIER, loadableKey),
    derElement(EMPTY_AUTH, derElement(BOOLEAN, Uint8Array.of((key.emptyAuth ?? true) ? 0xff : 0x00))),
    derUnsigned(new TpmWriter().uint32(key.parent ?? TPM_RH.owner).finish()),
    derElement(OCTET_STRING, blobs.public),
    derElement(OCTET_STRING, blobs.private),
  );
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${LABEL}-----\n${lines.join('\n')}\n-----END ${LABEL}-----\n`;
}

/**
 * Reads one TSS2 PRIVATE KEY PEM, strictly: one block, DER, a loadable key, no policy, nothing after it; an absent
 * emptyAuth means that there is a password. Throws `MalformedTpmStructure` with offsets into the DER.
 */
export function parseTss2Pem(pem: string): Tss2PrivateKey {
  const block =
    /^-----BEGIN TSS2 PRIVATE KEY-----\r?\n((?:[A-Za-z0-9+/]+={0,2}\r?\n)+)-----END TSS2 PRIVATE KEY-----\s*$/.exec(
      pem.slice(0, 8192),
    );
  if (block?.[1] === undefined || pem.length > 8192)
    throw new MalformedTpmStructure(`not exactly one ${LABEL} block`, 0);
  const base64 = block[1].replace(/\s/g, '');
  const der = Buffer.from(base64, 'base64');
  if (der.toString('base64') !== base64) throw new MalformedTpmStructure('base64 is not canonical', 0);
  const content = parseWhole(der, (reader) => readDer(reader, SEQUENCE), 4096);
  // Offsets count from the content; the header before it has this length.
  return readLoadableKey(new TpmReader(content, der.length - content.length));
}

function readLoadableKey(reader: TpmReader): Tss2PrivateKey {
  if (!sameOctets(readDer(reader, OBJECT_IDENTIFIER), loadableKey)) reader.refuse('not a loadable key');
  const emptyAuth =
    reader.peek() === EMPTY_AUTH && readBoolean(new TpmReader(readDer(reader, EMPTY_AUTH), reader.offset));
  const parent = readParent(reader);
  const blobs = { public: readDer(reader, OCTET_STRING), private: readDer(reader, OCTET_STRING) };
  reader.end();
  return { ...checkedKeyBlobs(blobs), parent, emptyAuth };
}

function readBoolean(reader: TpmReader): boolean {
  const value = readDer(reader, BOOLEAN);
  reader.end();
  // DER has FF for true; tpm2-openssl and tpm2_encodeobject write 01.
  if (value.length !== 1 || (value[0] !== 0 && value[0] !== 0xff && value[0] !== 1)) reader.refuse('not a boolean');
  return value[0] !== 0;
}

/** A positive INTEGER of 32 bits. */
function readParent(reader: TpmReader): number {
  const octets = readDer(reader, INTEGER);
  const canonical = derUnsigned(octets);
  if (octets.length > 5 || !sameOctets(canonical, derElement(INTEGER, octets)))
    reader.refuse('the parent is no handle');
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  if (value > 0xffffffff) reader.refuse('the parent is no handle');
  return value;
}
