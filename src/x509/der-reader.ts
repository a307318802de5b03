// A cursor over DER (X.690 §8, §10, §11). Subset: single-octet tags and the types that certificates, requests and CRLs
// use. Not a BER reader: indefinite or non-minimal lengths, non-minimal integers and left-over octets are refused.
import { tag } from './der-tags.ts';
import { decodeOid } from './oids.ts';

/** Nothing that is read here nests deeper; it also bounds the recursion of `any`. */
const maxDepth = 24;

/** Thrown by the cursor, turned into a refusal by `readingDer`; never leaves this folder. */
export class MalformedDer extends Error {
  /** Where in the outermost octets the fault lies. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'MalformedDer';
    this.offset = offset;
  }
}

/** One element: its identifier octet, its content, and all of its octets. */
export type DerElement = {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly octets: Uint8Array;
};

/** A BIT STRING; in DER the unused bits are zero. */
export type BitString = { readonly unusedBits: number; readonly octets: Uint8Array };

/**
 * Departures from DER that TPM vendors are known for. Only the reader of endorsement certificates allows any of them:
 * `nonMinimalSerial` is a serial number with superfluous zero octets, `unsortedSet` a relative distinguished name of
 * several attributes in the wrong order, `paddedKeyUsage` a keyUsage that keeps its trailing zero bits.
 */
export const derQuirks = ['nonMinimalSerial', 'unsortedSet', 'paddedKeyUsage'] as const;

/** One of them. */
export type DerQuirk = (typeof derQuirks)[number];

/** Octets behind, or within, which nothing may be left over: the reading ends with `end()`. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;
  readonly #depth: number;
  readonly #quirks: readonly DerQuirk[];

  constructor(bytes: Uint8Array, quirks: readonly DerQuirk[] = [], range?: { at: number; end: number; depth: number }) {
    this.#bytes = bytes;
    this.#at = range?.at ?? 0;
    this.#end = range?.end ?? bytes.length;
    this.#depth = range?.depth ?? 0;
    this.#quirks = quirks;
    if (this.#depth > maxDepth) throw this.fault('nested too deeply');
  }

  /** Whether a departure from DER is let pass in this reading. */
  allows(quirk: DerQuirk): boolean {
    return this.#quirks.includes(quirk);
  }

  /** A fault at the present place, for a caller that finds one in what it read. */
  fault(message: string): MalformedDer {
    return new MalformedDer(message, this.#at);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  /** Whether the next element has this identifier octet. */
  next(expected: number): boolean {
    return this.#at < this.#end && this.#bytes[this.#at] === expected;
  }

  /** Refuses left-over octets. */
  end(): void {
    if (this.#at !== this.#end) throw this.fault(`${this.#end - this.#at} trailing octets`);
  }

  /** Steps over identifier and length and returns where the content ends. */
  #header(expected: number | null): number {
    const start = this.#at;
    if (start + 2 > this.#end) throw this.fault('the octets end before an element is complete');
    const identifier = this.#bytes[start] ?? 0;
    if (expected !== null && identifier !== expected) {
      throw this.fault(`expected tag 0x${hex(expected)}, found 0x${hex(identifier)}`);
    }
    if ((identifier & 0x1f) === 0x1f) throw this.fault('multi-octet tags are not used in certificates');
    const first = this.#bytes[start + 1] ?? 0;
    this.#at = start + 2;
    const length = first < 0x80 ? first : this.#longLength(first);
    if (length > this.#end - this.#at) throw this.fault(`length ${length} runs past the end`);
    return this.#at + length;
  }

  #longLength(first: number): number {
    const count = first & 0x7f;
    if (count === 0) throw this.fault('indefinite length');
    if (count > 4 || this.#at + count > this.#end) throw this.fault('length of a length is out of bounds');
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (this.#bytes[this.#at + i] ?? 0);
    if (length < 0x80 || length < 256 ** (count - 1)) throw this.fault('length is not minimal');
    this.#at += count;
    return length;
  }

  /** The next element, of whatever type unless one is named; its content is not looked at. */
  element(expected: number | null = null): DerElement {
    const start = this.#at;
    const end = this.#header(expected);
    const content = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return { tag: this.#bytes[start] ?? 0, content, octets: this.#bytes.subarray(start, end) };
  }

  /** The content octets of a primitive element. */
  primitive(expected: number): Uint8Array {
    const end = this.#header(expected);
    const content = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return content;
  }

  /** A cursor over the content of a constructed element. The caller reads it to its `end()`. */
  inside(expected: number): DerReader {
    const end = this.#header(expected);
    const inner = new DerReader(this.#bytes, this.#quirks, { at: this.#at, end, depth: this.#depth + 1 });
    this.#at = end;
    return inner;
  }

  /** What `read` reads, together with the octets that it took. */
  recording<T>(read: (reader: DerReader) => T): { readonly value: T; readonly der: Uint8Array } {
    const start = this.#at;
    const value = read(this);
    return { value, der: this.#bytes.subarray(start, this.#at) };
  }

  /** A constructed element whose content `read` takes to the last octet. */
  within<T>(expected: number, read: (inner: DerReader) => T): T {
    const inner = this.inside(expected);
    const value = read(inner);
    inner.end();
    return value;
  }

  /** Every element in a SEQUENCE OF or SET OF; at least one when `atLeast` is 1. */
  each<T>(expected: number, atLeast: 0 | 1, read: (inner: DerReader) => T): T[] {
    const inner = this.inside(expected);
    const values: T[] = [];
    while (!inner.isAtEnd) values.push(read(inner));
    if (values.length < atLeast) throw this.fault('empty where at least one element is needed');
    return values;
  }

  /** The elements of a SET OF, at least one, which DER sorts by their encodings (X.690 §11.6). */
  eachOfSet<T>(read: (inner: DerReader) => T): T[] {
    let before: Uint8Array | null = null;
    return this.each(tag.set, 1, (inner) => {
      const { value, der } = inner.recording(read);
      const isSorted = before === null || Buffer.compare(before, der) <= 0;
      if (!isSorted && !this.#quirks.includes('unsortedSet')) throw inner.fault('SET OF is not sorted');
      before = der;
      return value;
    });
  }

  /** Content octets of an INTEGER in two's complement, minimal. */
  integer(expected: number = tag.integer): Uint8Array {
    const content = this.primitive(expected);
    const [first = 0, second = 0] = content;
    if (content.length === 0) throw this.fault('empty INTEGER');
    const superfluous = content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
    if (superfluous) throw this.fault('INTEGER is not minimal');
    return content;
  }

  /** Magnitude of a positive INTEGER, without leading zero octets. */
  positiveInteger(): Uint8Array {
    return this.#magnitude(this.integer());
  }

  /** A serial number: a positive INTEGER of at most 20 octets (RFC 5280 §4.1.2.2), its magnitude. */
  serialNumber(): Uint8Array {
    const content = this.#quirks.includes('nonMinimalSerial') ? this.primitive(tag.integer) : this.integer();
    if (content.length > 20) throw this.fault('serial number is longer than 20 octets');
    return this.#magnitude(content);
  }

  #magnitude(content: Uint8Array): Uint8Array {
    if ((content[0] ?? 0) >= 0x80) throw this.fault('INTEGER is negative');
    let zeros = 0;
    while (zeros < content.length && content[zeros] === 0) zeros++;
    if (zeros === content.length) throw this.fault('INTEGER is zero');
    return zeros === 0 ? content : content.subarray(zeros);
  }

  /** A non-negative INTEGER (or ENUMERATED) below 2^31. */
  smallInteger(expected: number = tag.integer): number {
    const content = this.integer(expected);
    if (content.length > 4 || (content[0] ?? 0) >= 0x80) throw this.fault('INTEGER is out of range');
    return content.reduce((value, octet) => value * 256 + octet, 0);
  }

  boolean(): boolean {
    const content = this.primitive(tag.boolean);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw this.fault('BOOLEAN is not DER');
    return content[0] === 0xff;
  }

  /** A BOOLEAN DEFAULT FALSE: absent means false, and DER never writes the default (X.690 §11.5). */
  booleanDefaultFalse(): boolean {
    if (!this.next(tag.boolean)) return false;
    if (!this.boolean()) throw this.fault('a default value is written out');
    return true;
  }

  null(): void {
    if (this.primitive(tag.null).length !== 0) throw this.fault('NULL with content');
  }

  /** An OBJECT IDENTIFIER in dotted text. */
  oid(expected: number = tag.oid): string {
    const dotted = decodeOid(this.primitive(expected));
    if (dotted === null) throw this.fault('OBJECT IDENTIFIER is not DER');
    return dotted;
  }

  octetString(): Uint8Array {
    return this.primitive(tag.octetString);
  }

  bitString(expected: number = tag.bitString): BitString {
    const content = this.primitive(expected);
    const unusedBits = content[0] ?? 8;
    const octets = content.subarray(1);
    const last = octets[octets.length - 1] ?? 0;
    const padding = (1 << unusedBits) - 1;
    if (unusedBits > 7 || (octets.length === 0 && unusedBits !== 0) || (last & padding) !== 0) {
      throw this.fault('BIT STRING is not DER');
    }
    return { unusedBits, octets };
  }

  /** A BIT STRING that holds whole octets: a key or a signature. */
  octetBitString(): Uint8Array {
    const { unusedBits, octets } = this.bitString();
    if (unusedBits !== 0) throw this.fault('BIT STRING does not hold whole octets');
    return octets;
  }

  /** Steps over one element of any type and checks that it is DER all the way down; returns all of its octets. */
  any(): Uint8Array {
    const start = this.#at;
    const identifier = this.#bytes[start] ?? 0;
    if ((identifier & 0x20) !== 0) {
      const inner = this.inside(identifier);
      while (!inner.isAtEnd) inner.any();
    } else {
      this.#anyPrimitive(identifier);
    }
    return this.#bytes.subarray(start, this.#at);
  }

  #anyPrimitive(identifier: number): void {
    switch (identifier) {
      case tag.boolean:
        this.boolean();
        break;
      case tag.integer:
      case tag.enumerated:
        this.integer(identifier);
        break;
      case tag.bitString:
        this.bitString();
        break;
      case tag.null:
        this.null();
        break;
      case tag.oid:
        this.oid();
        break;
      default:
        if (identifier === 0x10 || identifier === 0x11) throw this.fault('SEQUENCE or SET is primitive');
        this.element();
    }
  }
}

const hex = (octet: number): string => octet.toString(16).padStart(2, '0');
