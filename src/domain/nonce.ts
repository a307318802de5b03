// Nonces for signed requests: made by a keyed hash, so that they need no row until they are used. Whether one was used
// already is not known here.
import { createHmac, createHash, timingSafeEqual } from 'node:crypto';
import { err, ok, type Refusal, type Result } from './result.ts';

/** A nonce is good for five minutes. */
const nonceLifetimeSeconds = 300;

/** Random octets in a nonce. */
export const nonceRandomOctets = 16;

export type NonceFault = 'unknownNonce' | 'expiredNonce';

/** What the single use is recorded under, and until when. `sha256` in hex. */
export type ReadNonce = { readonly sha256: string; readonly expiresAt: Date };

/** 6 octets of expiry (ms since 1970), 16 random octets, 16 octets of HMAC-SHA-256 over both; base64url, 51 characters. */
export function makeNonce(key: Uint8Array, now: Date, random: Uint8Array): string {
  if (random.length !== nonceRandomOctets) throw new RangeError(`a nonce takes ${nonceRandomOctets} random octets`);
  const expiry = Buffer.alloc(6);
  expiry.writeUIntBE(now.getTime() + nonceLifetimeSeconds * 1000, 0, 6);
  const told = Buffer.concat([expiry, random]);
  return Buffer.concat([told, mac(key, told)]).toString('base64url');
}

/** Whether a text is a nonce of ours that is still good. Compares in constant time; knows nothing of earlier uses. */
export function readNonce(key: Uint8Array, text: string, now: Date): Result<ReadNonce, Refusal<NonceFault>> {
  const octets = Buffer.from(text, 'base64url');
  const told = octets.subarray(0, 6 + nonceRandomOctets);
  const wellFormed = octets.length === told.length + 16 && octets.toString('base64url') === text;
  if (!wellFormed || !timingSafeEqual(octets.subarray(told.length), mac(key, told))) {
    return err({ reason: 'unknownNonce', detail: 'the nonce was not made by this service', field: 'nonce', accepted });
  }
  const expiresAt = new Date(told.readUIntBE(0, 6));
  if (now.getTime() > expiresAt.getTime()) {
    return err({
      reason: 'expiredNonce',
      detail: `the nonce was good until ${expiresAt.toISOString()}`,
      field: 'nonce',
      accepted,
    });
  }
  return ok({ sha256: createHash('sha256').update(octets).digest('hex'), expiresAt });
}

const accepted = 'the Replay-Nonce of a reply of the last five minutes, once';

const mac = (key: Uint8Array, told: Uint8Array): Uint8Array =>
  createHmac('sha256', key).update('omens-nonce-v1\0').update(told).digest().subarray(0, 16);
