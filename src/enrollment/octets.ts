// Binary members of requests: base64url without padding, in its one spelling. Nothing here knows what the octets mean.
import { err, ok, type Refusal, type Result } from '../domain/result.ts';

/** Decodes a member of at most `maxOctets`; padding, other alphabets and stray bits in the last character are refused. */
export function octetsOf(
  text: string,
  field: string,
  maxOctets: number,
): Result<Uint8Array, Refusal<'malformedBinary'>> {
  const isShort = text.length <= Math.ceil((maxOctets * 4) / 3);
  const octets = isShort ? Buffer.from(text, 'base64url') : Buffer.alloc(0);
  if (octets.length > 0 && octets.toString('base64url') === text) return ok(new Uint8Array(octets));
  return err({
    reason: 'malformedBinary',
    detail: isShort ? `${field} is empty or not base64url` : `${field} has ${text.length} characters`,
    field,
    accepted: `base64url without padding of at most ${maxOctets} octets`,
  });
}
