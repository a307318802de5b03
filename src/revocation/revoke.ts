// Revocation of a certificate by a person: who may, what a compromise takes along, and that a second time changes nothing.
// The CRL follows by itself (crl.ts); relying parties that read none are told of elsewhere.
import type { CertificateRecord, ReasonCode } from '../domain/certificate.ts';
import { type Principal, principalText, roleIncludes } from '../domain/principal.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { RevocationResource } from '../domain/revocation-wire.ts';
import type { CertificateResource } from '../domain/wire.ts';

export type RevokeReason = 'notFound' | 'issuedBySomebodyElse';

type Operator = Extract<Principal, { readonly kind: 'operator' }>;

export type RevokePorts = {
  /** By either of its names. */
  readonly findCertificate: (name: string) => Promise<CertificateRecord | null>;
  readonly resourceOf: (record: CertificateRecord) => CertificateResource;
  /** How many serial numbers changed; 0 when it was revoked before. */
  readonly revokeCertificate: (
    fingerprint: string,
    facts: { readonly reasonCode: ReasonCode; readonly at: Date; readonly by: string },
  ) => Promise<number>;
};

/**
 * Revokes. An admin may revoke anything, an issuer what was issued by the same token. For `keyCompromise` the key is marked
 * too: nothing is issued or renewed for it any more. A revocation stands as it is, but a compromise that becomes known
 * later still takes its place.
 */
export const revokeCertificate =
  (ports: RevokePorts) =>
  async (
    input: { readonly cert: string; readonly reasonCode: ReasonCode; readonly principal: Operator },
    { now }: { readonly now: Date },
  ): Promise<Result<RevocationResource, Refusal<RevokeReason>>> => {
    const { cert, reasonCode, principal } = input;
    const record = await ports.findCertificate(cert);
    if (record === null) return err(notFound);
    const by = principalText(principal);
    if (!roleIncludes(principal.role, 'admin') && record.principal !== by) return err(issuedBySomebodyElse);
    const revokedSerials = await ports.revokeCertificate(record.fingerprint, { reasonCode, at: now, by });
    const after = await ports.findCertificate(record.fingerprint);
    if (after === null) throw new Error(`certificate ${record.fingerprint} is gone`);
    return ok({ ...ports.resourceOf(after), changed: revokedSerials > 0, revokedSerials });
  };

const notFound: Refusal<RevokeReason> = {
  reason: 'notFound',
  detail: 'there is no certificate of this name',
  field: 'cert',
  accepted: 'its SHA-256, or its CertID (RFC 9773)',
};

const issuedBySomebodyElse: Refusal<RevokeReason> = {
  reason: 'issuedBySomebodyElse',
  detail: 'the certificate was not issued to this token',
  field: 'cert',
  accepted: 'a certificate that this token asked for, or a token of role admin',
};
