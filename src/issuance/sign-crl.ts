// The signing gate as revocation sees it: octets of a TBSCertList in, signature out, with the lint in between.
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { LintedTbs, sign } from '../issuers/gate.ts';
import { assembleCertificate } from '../x509/tbs-certificate.ts';
import type { ActiveIssuer } from './active-issuer.ts';

/** Lints a TBSCertList under a throw-away key and signs exactly those octets with the issuer's. */
export const lintAndSignCrl =
  (issuer: ActiveIssuer) =>
  async (
    tbs: Uint8Array,
    findings: (assembled: Uint8Array) => readonly Refusal[],
  ): Promise<Result<Uint8Array, readonly Refusal[]>> => {
    const { algorithm } = issuer.signer;
    const assemble = (octets: Uint8Array, signature: Uint8Array): Uint8Array =>
      assembleCertificate(octets, algorithm, signature);
    const linted = await LintedTbs.lint(tbs, { algorithm, assemble, findings });
    return linted instanceof LintedTbs ? ok(await sign(issuer.signer, linted)) : err(linted);
  };
