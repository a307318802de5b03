// Keys without cryptography: random octets, and statements that only who has them can make. They bind what the real ones
// bind. Stands for the TPM, for software keys and for the request key; whatever verifies goes through the same registry.
import { createHash } from 'node:crypto';

/** A key pair; `public` is SHA-256 over the private octets, both in base64url. */
export type FakeKey = { readonly public: string; readonly private: string };

export type KeyRegistry = {
  readonly make: () => FakeKey;
  /** Signs like `sign`, by the private octets alone. */
  readonly sign: (privateOctets: string, message: Uint8Array | string) => string;
  readonly verify: (publicOctets: string, message: Uint8Array | string, signature: string) => boolean;
};

export function keyRegistry(seed: number): KeyRegistry {
  const known = new Map<string, string>();
  let made = 0;
  const digest = (...parts: readonly (Uint8Array | string)[]): string => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest('base64url');
  };
  const sign = (privateOctets: string, message: Uint8Array | string): string => digest(privateOctets, '\0', message);
  return {
    make: () => {
      made += 1;
      const privateOctets = digest(`${seed} ${made}`);
      const key = { private: privateOctets, public: digest(privateOctets) };
      known.set(key.public, key.private);
      return key;
    },
    sign,
    verify: (publicOctets, message, signature) => {
      const privateOctets = known.get(publicOctets);
      return privateOctets !== undefined && sign(privateOctets, message) === signature;
    },
  };
}

/** SHA-256 in lower-case hex. */
export const sha256Hex = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
