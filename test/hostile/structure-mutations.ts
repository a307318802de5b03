// Mutations that know the structure: signatures, certificates in their NV indices, public areas. Some of them leave the
// meaning as it was; the suite finds out which.
import { parsed, TpmWriter } from '../../src/tpm2/cursor.ts';
import { encodeTpm2bPublic, parseTpm2bPublic, TPMA_OBJECT } from '../../src/tpm2/public-area.ts';
import { encodeTpmtSignature, parseTpmtSignature, type TpmtSignature } from '../../src/tpm2/signature.ts';
import { bitString, sequence, unsignedInteger } from '../../src/x509/der-writer.ts';
import type { Dice } from './dice.ts';

export type MutatedOctets = { readonly kind: string; readonly octets: Uint8Array };

/** The order of P-256. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const numberOf = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString('hex') || '0'}`);

const octetsOf = (value: bigint, length = 32): Uint8Array =>
  new Uint8Array(Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex'));

/** Changes r and s of an ECDSA signature over P-256. `negated` is another signature that is just as good. */
function changedNumbers(r: Uint8Array, s: Uint8Array) {
  const zero = new Uint8Array(32);
  const n = octetsOf(order);
  return {
    exchanged: [s, r],
    rZero: [zero, s],
    sZero: [r, zero],
    bothZero: [zero, zero],
    rOrder: [n, s],
    sOrder: [r, n],
    sAboveOrder: [r, octetsOf(numberOf(s) + order, 33)],
    sNegated: [r, octetsOf(order - numberOf(s))],
    leadingZero: [octetsOf(numberOf(r), 33), s],
    empty: [new Uint8Array(), new Uint8Array()],
    one: [octetsOf(1n), octetsOf(1n)],
    rAndROne: [r, octetsOf(1n)],
  } as const satisfies Readonly<Record<string, readonly [Uint8Array, Uint8Array]>>;
}

type Numbers = ReturnType<typeof changedNumbers>;

function mutateRsa(octets: Uint8Array, dice: Dice) {
  const changes: Readonly<Record<string, Uint8Array>> = {
    zero: new Uint8Array(octets.length),
    ones: new Uint8Array(octets.length).fill(0xff),
    one: octetsOf(1n, octets.length),
    shorter: octets.slice(1),
    leadingZero: Uint8Array.of(0, ...octets),
  };
  const kind = dice.pick(Object.keys(changes));
  return { kind, octets: changes[kind]! };
}

/** A TPMT_SIGNATURE with other numbers, another hash or another scheme. */
export function mutateTpmSignature(octets: Uint8Array, dice: Dice): MutatedOctets {
  const signature = parseTpmtSignature(octets);
  if (dice.roll(5) === 0) {
    const other: TpmtSignature = { ...signature, hash: dice.pick(['sha1', 'sha384', 'sha512']) };
    return { kind: 'otherHash', octets: encodeTpmtSignature(other) };
  }
  if (signature.scheme !== 'ecdsa') {
    const changed = mutateRsa(signature.octets, dice);
    const scheme = dice.roll(3) === 0 ? 'rsapss' : signature.scheme;
    return { kind: changed.kind, octets: encodeTpmtSignature({ ...signature, scheme, octets: changed.octets }) };
  }
  if (dice.roll(8) === 0) {
    const rsa: TpmtSignature = { scheme: 'rsassa', hash: 'sha256', octets: new Uint8Array(256).fill(1) };
    return { kind: 'otherScheme', octets: encodeTpmtSignature(rsa) };
  }
  const numbers = changedNumbers(signature.r, signature.s);
  const kind = dice.pick(Object.keys(numbers) as (keyof Numbers)[]);
  const [r, s] = numbers[kind];
  return { kind, octets: encodeTpmtSignature({ ...signature, r, s }) };
}

/** The two outer parts of a signed structure of ASN.1 and its signature, by the lengths that good DER has. */
function partsOf(der: Uint8Array) {
  const end = (at: number): number => {
    const first = der[at + 1]!;
    const count = first & 0x7f;
    if (first < 0x80) return at + 2 + first;
    return at + 2 + count + Number(numberOf(der.subarray(at + 2, at + 2 + count)));
  };
  const start = der[1]! < 0x80 ? 2 : 2 + (der[1]! & 0x7f);
  const [info, algorithm] = [end(start), end(end(start))];
  const value = der.subarray(algorithm);
  const content = value.subarray(value[1]! < 0x80 ? 3 : 3 + (value[1]! & 0x7f));
  return { info: der.slice(start, info), algorithm: der.slice(info, algorithm), signature: content };
}

/** A CSR or certificate whose ECDSA signature has other numbers; other algorithms get a cleared signature. */
export function mutateDerSignature(der: Uint8Array, dice: Dice): MutatedOctets {
  const { info, algorithm, signature } = partsOf(der);
  const isEcdsa = signature[0] === 0x30 && signature.length < 80;
  if (!isEcdsa) {
    const cleared = bitString(new Uint8Array(signature.length).fill(dice.pick([0, 0xff])));
    return { kind: 'signatureCleared', octets: sequence(info, algorithm, cleared) };
  }
  const r = signature.subarray(4, 4 + signature[3]!);
  const s = signature.subarray(6 + signature[3]!);
  const numbers = changedNumbers(octetsOf(numberOf(r)), octetsOf(numberOf(s)));
  const kind = dice.pick(Object.keys(numbers) as (keyof Numbers)[]);
  const [newR, newS] = numbers[kind];
  const changed = bitString(sequence(unsignedInteger(newR), unsignedInteger(newS)));
  return { kind: `signature.${kind}`, octets: sequence(info, algorithm, changed) };
}

/** A certificate as NV indices hold it, and as they do not. */
export function mutateWrapping(der: Uint8Array, dice: Dice): MutatedOctets {
  const size = (octets: Uint8Array): Uint8Array => Uint8Array.of(octets.length >> 8, octets.length & 0xff);
  const filled = (octet: number): Uint8Array => new Uint8Array(1 + dice.roll(300)).fill(octet);
  const wrap = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
  const header = Uint8Array.of(0x10, 0x01, 0x00);
  const full = wrap(Uint8Array.of(0x10, 0x02), der);
  const wrappings: Readonly<Record<string, () => Uint8Array>> = {
    paddedZeros: () => wrap(der, filled(0)),
    paddedOnes: () => wrap(der, filled(0xff)),
    paddedBoth: () => wrap(der, filled(0), filled(0xff)),
    paddedOther: () => wrap(der, filled(0x20)),
    pcClientHeader: () => wrap(header, size(der), der),
    pcClientFull: () => wrap(header, size(full), full),
    pcClientShort: () => wrap(header, size(der.subarray(1)), der),
    pcClientTail: () => wrap(header, size(der), der, dice.octets(8)),
    pcClientPadded: () => wrap(header, size(der), der, filled(0xff)),
    pem: () =>
      Buffer.from(`-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`),
    octetString: () => wrap(Uint8Array.of(0x04, 0x82), size(der), der),
  };
  const kind = dice.pick(Object.keys(wrappings));
  return { kind, octets: new Uint8Array(wrappings[kind]!()) };
}

/** A public area with other attributes, parameters or point, well encoded. */
export function mutatePublicArea(octets: Uint8Array, dice: Dice): MutatedOctets {
  const area = parsed(() => parseTpm2bPublic(octets));
  if (!area.ok) throw new Error('mutations begin with a good public area');
  const { value } = area;
  const attribute = dice.pick(Object.keys(TPMA_OBJECT) as (keyof typeof TPMA_OBJECT)[]);
  const turned = { ...value, attributes: (value.attributes ^ TPMA_OBJECT[attribute]) >>> 0 };
  const changes: Readonly<Record<string, () => Uint8Array>> = {
    [`attribute.${attribute}`]: () => encodeTpm2bPublic(turned),
    nameAlg: () => encodeTpm2bPublic({ ...value, nameAlg: dice.pick(['sha1', 'sha384', 'sha512']) }),
    authPolicy: () => encodeTpm2bPublic({ ...value, authPolicy: dice.pick([new Uint8Array(), dice.octets(32)]) }),
    noScheme: () => encodeTpm2bPublic({ ...value, scheme: null }),
    noSymmetric: () => encodeTpm2bPublic({ ...value, symmetric: null }),
    unique: () =>
      encodeTpm2bPublic(
        value.type === 'rsa'
          ? { ...value, modulus: dice.octets(value.modulus.length) }
          : { ...value, x: dice.pick([value.y, new Uint8Array(), dice.octets(value.x.length)]) },
      ),
    pointNegated: () =>
      encodeTpm2bPublic(
        value.type === 'rsa' ? { ...value, modulus: Uint8Array.of(0, ...value.modulus) } : negated(value),
      ),
    withoutSize: () => octets.slice(2),
    sizedTwice: () => new TpmWriter().sized(octets).finish(),
  };
  const kind = dice.pick(Object.keys(changes));
  return { kind, octets: changes[kind]!() };
}

const fieldPrime = {
  'P-256': 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  'P-384': (1n << 384n) - (1n << 128n) - (1n << 96n) + (1n << 32n) - 1n,
} as const;

function negated<T extends { readonly curve: string; readonly y: Uint8Array }>(area: T): T {
  const prime = fieldPrime[area.curve === 'P-384' ? 'P-384' : 'P-256'];
  return { ...area, y: octetsOf(prime - numberOf(area.y), area.y.length) };
}
