// Reads a certificate back and holds it against its plan and its issuer: nothing is signed, and nothing is handed out,
// with a finding. The rules share no code with the template that wrote the octets, only the names of things.
import type { Plan } from '../domain/plan.ts';
import type { TrustDomain } from '../domain/profile.ts';
import type { Refusal } from '../domain/result.ts';
import type { SignatureAlgorithm } from '../domain/signature-algorithm.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import { rules, type LintRule } from './lint-rules.ts';

/** What lint must know about the issuer; times are the validity of its own certificate. */
export type LintIssuer = {
  readonly domain: TrustDomain;
  readonly nameDer: Uint8Array;
  readonly keyIdentifier: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly signer: { readonly algorithm: SignatureAlgorithm };
};

export type LintExpectation = { readonly plan: Plan; readonly issuer: LintIssuer };

/** `reason` is the rule's name. */
export type LintFinding = Refusal<LintRule | 'unreadable'>;

/** Everything that is wrong with a certificate; empty when it says exactly what was planned. */
export function lintCertificate(der: Uint8Array, expected: LintExpectation): readonly LintFinding[] {
  const certificate = readCertificate(der);
  if (!certificate.ok) return [{ reason: 'unreadable', detail: certificate.error.detail }];
  return lintReading(certificate.value, expected);
}

/** The same for a certificate that was read already. */
function lintReading(certificate: Certificate, expected: LintExpectation): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  for (const [reason, rule] of rules) {
    const detail = rule(certificate, expected);
    if (detail !== null) findings.push({ reason, detail });
  }
  return findings;
}
