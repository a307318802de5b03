// Octets as text, and compared. For what is no secret: nothing here takes constant time. Not the strict reading of members
// of requests (enrollment/octets.ts).

/** base64url without padding (RFC 4648 §5). */
export const base64url = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('base64url');

/** The octets of base64url that was checked before, or that is our own: other characters are passed over. */
export const octetsOfBase64url = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));

/** Lower-case hex. */
export const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** Whether both are the same octets. */
export const sameOctets = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
