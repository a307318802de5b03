// A key and its certificates in one file under a password (PKCS #12, RFC 7292 §4). Writing only; subset: one shrouded key,
// PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC for key and certificates alike, and a MAC by HMAC-SHA256.
import { createCipheriv, createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { tag } from './der-tags.ts';
import {
  ascii,
  concatenate,
  element,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  smallInteger,
  tagged,
  taggedPrimitive,
} from './der-writer.ts';
import { oids } from './oids.ts';

export type Pkcs12Reason = 'passwordNotAllowed';

export type Pkcs12Parts = {
  /** PrivateKeyInfo (PKCS #8) in DER. */
  readonly privateKey: Uint8Array;
  /** DER, that of the key first. */
  readonly certificates: readonly Uint8Array[];
  /** What key stores call the entry; ASCII. */
  readonly friendlyName: string;
  readonly password: string;
  /** Draws so many random octets. */
  readonly random: (octets: number) => Uint8Array;
};

/**
 * Rounds of PBKDF2, and of the derivation of the MAC's key: who guesses passwords takes the cheaper of the two. What OWASP
 * asks of PBKDF2-HMAC-SHA256; OpenSSL and Java take a second for it.
 */
const iterations = 600_000;

const keyOctets = 32;
const ivOctets = 16;
const saltOctets = 16;

/**
 * DER of a PFX. The password has 8 to 128 printable ASCII characters: for others PBES2 (UTF-8) and the MAC (UTF-16) see
 * different octets, and programs disagree on both.
 */
export function pkcs12(parts: Pkcs12Parts): Result<Uint8Array, Refusal<Pkcs12Reason>> {
  const { password, certificates, privateKey, friendlyName, random } = parts;
  if (!/^[\x20-\x7e]{8,128}$/.test(password)) {
    const detail = 'the password is not made of 8 to 128 printable ASCII characters';
    return err({ reason: 'passwordNotAllowed', detail, accepted: 'one line of 8 to 128 printable ASCII characters' });
  }
  const seal = (content: Uint8Array): Sealed => encrypt(content, password, random);
  const [leaf] = certificates;
  // Key and certificate of one entry bear the same identifier (RFC 7292 §4.2).
  const entry = setOf(
    attribute(oids.friendlyName, bmpString(friendlyName)),
    attribute(oids.localKeyId, octetString(sha256(leaf ?? new Uint8Array()))),
  );
  const keyBag = bag(oids.pkcs8ShroudedKeyBag, shrouded(seal(privateKey)), entry);
  const certificateBags = certificates.map((der, at) =>
    bag(
      oids.certBag,
      sequence(objectIdentifier(oids.x509Certificate), tagged(0, octetString(der))),
      at === 0 ? entry : null,
    ),
  );
  const safe = sequence(data(sequence(keyBag)), encryptedData(seal(sequence(...certificateBags))));
  return ok(sequence(smallInteger(3), data(safe), macData(safe, password, random(saltOctets))));
}

const sha256 = (octets: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(octets).digest());

const attribute = (type: string, value: Uint8Array): Uint8Array => sequence(objectIdentifier(type), setOf(value));

const bag = (type: string, value: Uint8Array, attributes: Uint8Array | null): Uint8Array =>
  sequence(objectIdentifier(type), tagged(0, value), ...(attributes === null ? [] : [attributes]));

/** ContentInfo of type data around octets. */
const data = (content: Uint8Array): Uint8Array =>
  sequence(objectIdentifier(oids.idData), tagged(0, octetString(content)));

/** UTF-16 with the more significant octet first. */
const bmpOctets = (text: string): Uint8Array => concatenate([...ascii(text)].map((octet) => Uint8Array.of(0, octet)));

const bmpString = (text: string): Uint8Array => element(tag.bmpString, bmpOctets(text));

/** Encrypted octets and the AlgorithmIdentifier that says how. */
type Sealed = { readonly algorithm: Uint8Array; readonly octets: Uint8Array };

/** PBES2 (RFC 8018 §6.2). */
function encrypt(content: Uint8Array, password: string, random: Pkcs12Parts['random']): Sealed {
  const salt = random(saltOctets);
  const iv = random(ivOctets);
  const key = pbkdf2Sync(password, salt, iterations, keyOctets, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const octets = new Uint8Array(Buffer.concat([cipher.update(content), cipher.final()]));
  const derivation = sequence(
    octetString(salt),
    smallInteger(iterations),
    sequence(objectIdentifier(oids.hmacWithSHA256), nullValue),
  );
  const algorithm = sequence(
    objectIdentifier(oids.pbes2),
    sequence(
      sequence(objectIdentifier(oids.pbkdf2), derivation),
      sequence(objectIdentifier(oids.aes256Cbc), octetString(iv)),
    ),
  );
  return { algorithm, octets };
}

/** EncryptedPrivateKeyInfo (RFC 5958 §3). */
const shrouded = ({ algorithm, octets }: Sealed): Uint8Array => sequence(algorithm, octetString(octets));

/** ContentInfo of type encryptedData (RFC 5652 §8). */
const encryptedData = ({ algorithm, octets }: Sealed): Uint8Array =>
  sequence(
    objectIdentifier(oids.encryptedData),
    tagged(
      0,
      sequence(smallInteger(0), sequence(objectIdentifier(oids.idData), algorithm, taggedPrimitive(0, octets))),
    ),
  );

/** MacData (RFC 7292 §4): over the content of the authenticated safe. */
function macData(safe: Uint8Array, password: string, salt: Uint8Array): Uint8Array {
  const mac = new Uint8Array(createHmac('sha256', macKey(password, salt)).update(safe).digest());
  const algorithm = sequence(objectIdentifier(oids.sha256), nullValue);
  return sequence(sequence(algorithm, octetString(mac)), octetString(salt), smallInteger(iterations));
}

/** RFC 7292 appendix B.2 with SHA-256 (u = 32, v = 64) and ID 3; one block is enough for the 32 octets of the key. */
function macKey(password: string, salt: Uint8Array): Uint8Array {
  const block = 64;
  const filled = (octets: Uint8Array): Uint8Array => {
    const length = block * Math.ceil(octets.length / block);
    return Uint8Array.from({ length }, (_, at) => octets[at % octets.length] ?? 0);
  };
  const diversifier = new Uint8Array(block).fill(3);
  const terminated = concatenate([bmpOctets(password), Uint8Array.of(0, 0)]);
  let key = sha256(concatenate([diversifier, filled(salt), filled(terminated)]));
  for (let round = 1; round < iterations; round++) key = sha256(key);
  return key;
}
