// SHA-256 of octets as the lower-case hex by which certificates and keys are named (protocol: `{cert}`, spkiSha256).
import { createHash } from 'node:crypto';

/** SHA-256 in 64 lower-case hex characters. */
export const sha256Hex = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
