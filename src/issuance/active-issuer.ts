// An issuing CA in working order: its certificate, what the plan and the template need of it, and its signer.
import type { KeyObject } from 'node:crypto';
import type { PlanIssuer } from '../domain/plan.ts';
import type { TrustDomain } from '../domain/profile.ts';
import type { Signer } from '../issuers/signer.ts';

export type ActiveIssuer = {
  /** SHA-256 of the certificate's DER, lower-case hex. */
  readonly id: string;
  readonly domain: TrustDomain;
  readonly der: Uint8Array;
  /** DER of the subject Name, repeated octet for octet as issuer of every certificate. */
  readonly nameDer: Uint8Array;
  readonly keyIdentifier: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  readonly signer: Signer;
  /** Where the certificate and the CRL are found over plain HTTP. */
  readonly issuerUrl: string;
  readonly crlUrl: string;
};

/** The part of an issuer that the plan looks at. */
export const planIssuer = (issuer: ActiveIssuer): PlanIssuer => ({
  domain: issuer.domain,
  notBefore: issuer.notBefore,
  notAfter: issuer.notAfter,
  issuerUrl: issuer.issuerUrl,
  crlUrl: issuer.crlUrl,
});
