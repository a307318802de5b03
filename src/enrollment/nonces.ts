// Nonces of signed requests: given out by the thousand at no cost, good once each. Makes no decision about who asks.
import { makeNonce, type NonceFault, nonceRandomOctets, readNonce } from '../domain/nonce.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';

export type NonceReason = NonceFault | 'spentNonce';

export type NoncePorts = {
  /** Shared by all servers of one database. */
  readonly key: Uint8Array;
  readonly random: (octets: number) => Uint8Array;
  /** True for the first who spends it. `sha256` in hex. */
  readonly spendNonce: (sha256: string, expiresAt: Date) => Promise<boolean>;
};

/** A fresh nonce, good for five minutes. */
export const newNonce =
  (ports: Pick<NoncePorts, 'key' | 'random'>) =>
  (now: Date): string =>
    makeNonce(ports.key, now, ports.random(nonceRandomOctets));

/** Spends a nonce: of ours, not expired, and never before. */
export const spendNonce =
  (ports: Pick<NoncePorts, 'key' | 'spendNonce'>) =>
  async (nonce: string, now: Date): Promise<Result<null, Refusal<NonceReason>>> => {
    const read = readNonce(ports.key, nonce, now);
    if (!read.ok) return read;
    const isFirst = await ports.spendNonce(read.value.sha256, read.value.expiresAt);
    return isFirst
      ? ok(null)
      : err({
          reason: 'spentNonce',
          detail: 'the nonce was used already',
          field: 'nonce',
          accepted: 'the Replay-Nonce of a reply of the last five minutes, once',
        });
  };
