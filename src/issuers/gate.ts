// The signing gate: only `LintedTbs.lint` can make what `sign` spends, once, and it signs the very octets that were
// linted. There is no other way to an issuer's private key.
import { generateKeyPairSync } from 'node:crypto';
import type { Refusal } from '../domain/result.ts';
import type { SignatureAlgorithm } from '../domain/signature-algorithm.ts';
import { type Signer, signerFor } from './signer.ts';

/** What a lint found; an empty list is the permission to sign. */
export type LintFinding = Refusal;

/** How to look at a to-be-signed structure: put a signature on it, read the whole, and say what is wrong with it. */
export type Lint = {
  readonly algorithm: SignatureAlgorithm;
  readonly assemble: (tbs: Uint8Array, signature: Uint8Array) => Uint8Array;
  readonly findings: (assembled: Uint8Array) => readonly LintFinding[];
};

/** Octets that passed every lint and may be signed once. A `#` field makes the class nominal: no literal can pose as one. */
export class LintedTbs {
  #spent = false;
  readonly #tbs: Uint8Array;

  private constructor(tbs: Uint8Array) {
    this.#tbs = tbs;
  }

  /**
   * Signs the octets with a throw-away key that nobody trusts, reads the result as a relying party would, and either
   * says what is wrong or hands out the permission. The octets are copied: what was linted cannot change afterwards.
   */
  static async lint(tbs: Uint8Array, lint: Lint): Promise<LintedTbs | readonly LintFinding[]> {
    const octets = Uint8Array.from(tbs);
    const signature = await throwAwaySigner(lint.algorithm).sign(octets);
    const findings = lint.findings(lint.assemble(octets, signature));
    return findings.length === 0 ? new LintedTbs(octets) : findings;
  }

  /** The octets, once. A second call is a fault in this program. */
  spend(): Uint8Array {
    if (this.#spent) throw new Error('this linted structure was already signed');
    this.#spent = true;
    return this.#tbs;
  }
}

/** The only function in the service that reaches an issuer's private key. Resolves to the signature's octets. */
export const sign = async (signer: Signer, linted: LintedTbs): Promise<Uint8Array> => signer.sign(linted.spend());

const throwAwaySigners = new Map<SignatureAlgorithm, Signer>();

/** One key per algorithm and process, made when first needed; RSA has 2048 bits here, since only its encoding matters. */
function throwAwaySigner(algorithm: SignatureAlgorithm): Signer {
  const known = throwAwaySigners.get(algorithm);
  if (known !== undefined) return known;
  const { privateKey } =
    algorithm === 'ecdsaWithSHA256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signer = signerFor(privateKey);
  throwAwaySigners.set(algorithm, signer);
  return signer;
}
