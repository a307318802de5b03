// Cursors over the TPM 2.0 wire format: big-endian integers and buffers with a 16-bit size (TPM2B).
// Bounded reads, no leftovers. Not a description of any structure.

import { err, ok, type Result } from '../domain/result.ts';

/** Octets that are not the structure they claim to be: `reason` says why, `offset` where (octets from the start). */
export class MalformedTpmStructure extends Error {
  override readonly name = 'MalformedTpmStructure';
  readonly reason: string;
  readonly offset: number;

  constructor(reason: string, offset: number) {
    super(`${reason} (at octet ${offset})`);
    this.reason = reason;
    this.offset = offset;
  }
}

/** Reads one structure from its first octet to its last; every read that would leave the octets is refused. */
export class TpmReader {
  readonly #octets: Uint8Array;
  readonly #base: number;
  #at = 0;

  /** `base` is where `octets` begin in the outermost structure, so that errors name an offset one can look up. */
  constructor(octets: Uint8Array, base = 0) {
    // A plain view: `slice` of a Buffer would alias the caller's memory.
    this.#octets = new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength);
    this.#base = base;
  }

  /** Throws: these octets are not acceptable, for this reason, here. */
  refuse(reason: string): never {
    throw new MalformedTpmStructure(reason, this.#base + this.#at);
  }

  /** A copy of the next `length` octets. */
  take(length: number): Uint8Array {
    if (this.#at + length > this.#octets.length)
      this.refuse(`needed ${length} octets, ${this.#octets.length - this.#at} are left`);
    const taken = this.#octets.slice(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  uint8(): number {
    return this.take(1)[0] ?? 0;
  }

  uint16(): number {
    return this.uint8() * 0x100 + this.uint8();
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16();
  }

  uint64(): bigint {
    return (BigInt(this.uint32()) << 32n) | BigInt(this.uint32());
  }

  /** The content of a TPM2B of at most `limit` octets. */
  sized(limit = 0xffff): Uint8Array {
    return this.take(this.#size(limit));
  }

  /** A reader over the content of a TPM2B of at most `limit` octets; the caller must `end()` it. */
  nested(limit = 0xffff): TpmReader {
    const size = this.#size(limit);
    const base = this.#base + this.#at;
    return new TpmReader(this.take(size), base);
  }

  /** Where the next read begins, from the start of the outermost structure. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** The next octet, unread; `undefined` at the end. */
  peek(): number | undefined {
    return this.#octets[this.#at];
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.take(this.#octets.length - this.#at);
  }

  /** Refuses trailing octets. */
  end(): void {
    const left = this.#octets.length - this.#at;
    if (left !== 0) this.refuse(`${left} trailing octets`);
  }

  #size(limit: number): number {
    const size = this.uint16();
    if (size > limit) this.refuse(`size ${size} is above the limit of ${limit}`);
    return size;
  }
}

/** Writes a structure; each method returns the writer. A value that does not fit its field is our own mistake. */
export class TpmWriter {
  readonly #parts: Uint8Array[] = [];

  uint8(value: number): this {
    return this.#uint(value, 1);
  }

  uint16(value: number): this {
    return this.#uint(value, 2);
  }

  uint32(value: number): this {
    return this.#uint(value, 4);
  }

  uint64(value: bigint): this {
    return this.uint32(Number(value >> 32n)).uint32(Number(value & 0xffffffffn));
  }

  octets(value: Uint8Array): this {
    this.#parts.push(value);
    return this;
  }

  /** A TPM2B: 16-bit size, then the content. */
  sized(value: Uint8Array): this {
    return this.uint16(value.length).octets(value);
  }

  /** All that was written. */
  finish(): Uint8Array {
    return concatOctets(this.#parts);
  }

  #uint(value: number, length: number): this {
    if (!Number.isInteger(value) || value < 0 || value >= 256 ** length)
      throw new RangeError(`${value} does not fit ${length} octets`);
    const octets = new Uint8Array(length);
    for (let i = length - 1, left = value; i >= 0; i -= 1, left = Math.floor(left / 256)) octets[i] = left % 256;
    return this.octets(octets);
  }
}

/** The parts, one after the other. */
export function concatOctets(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Octets with leading zeros up to `length`; leading zeros beyond it are dropped; `null` when the number is longer. */
export function leftPad(octets: Uint8Array, length: number): Uint8Array | null {
  const excess = octets.length - length;
  if (excess > 0) return octets.subarray(0, excess).every((octet) => octet === 0) ? octets.slice(excess) : null;
  return concatOctets([new Uint8Array(-excess), octets]);
}

/** Reads one whole structure of at most `limit` octets; throws `MalformedTpmStructure`. */
export function parseWhole<T>(octets: Uint8Array, read: (reader: TpmReader) => T, limit = 2048): T {
  const reader = new TpmReader(octets);
  if (octets.length > limit) reader.refuse(`${octets.length} octets are above the limit of ${limit}`);
  const value = read(reader);
  reader.end();
  return value;
}

/** Turns the refusal of a parser into a value; every other error is a fault and goes on. */
export function parsed<T>(parse: () => T): Result<T, MalformedTpmStructure> {
  try {
    return ok(parse());
  } catch (error) {
    if (error instanceof MalformedTpmStructure) return err(error);
    throw error;
  }
}
