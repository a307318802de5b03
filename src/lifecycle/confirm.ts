// That a certificate is in use: said by its host with a signature of the certificate's own key, or by somebody who saw it.
// Only then is what it replaces superseded. How the signature is verified is handed in.
import { confirmationMessage } from '../domain/attested-statement.ts';
import type { CertificateRecord } from '../domain/certificate.ts';
import type { ConfirmedBy, LineageFacts } from '../domain/lineage.ts';
import { lineageResource } from '../domain/lineage-resource.ts';
import type { ConfirmationBody, LineageResource, ObservedUse } from '../domain/lineage-wire.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { Confirmation, LineageReads, RenewalStore } from './records.ts';

export type ConfirmReason = 'unknownCertificate' | 'placeDiffers' | 'certificateRevoked';

export type ConfirmPorts = Pick<LineageReads, 'lineageFacts'> &
  Pick<RenewalStore, 'recordConfirmation' | 'recordNotice'> & {
    /** By fingerprint or CertID. */
    readonly findCertificate: (cert: string) => Promise<CertificateRecord | null>;
    /** `signature` is base64url. */
    readonly verifyUse: (input: {
      readonly certificateDer: Uint8Array;
      readonly message: Uint8Array;
      readonly signature: string;
    }) => Result<null, Refusal>;
  };

export type ConfirmInput = {
  readonly cert: string;
  readonly deviceId: string;
  readonly body: ConfirmationBody;
  /** Those of the request's nonce, decoded. */
  readonly nonce: Uint8Array;
  readonly now: Date;
};

type Known = { readonly record: CertificateRecord; readonly facts: LineageFacts };

/** A host's own confirmation. Refusals are told to people: somebody speaks of a certificate that is not theirs. */
export const confirm =
  (ports: ConfirmPorts) =>
  async (input: ConfirmInput): Promise<Result<LineageResource, Refusal>> => {
    const { body, deviceId, nonce, now } = input;
    const known = await knownOf(ports, input.cert);
    const refusal = known?.facts.deviceId === deviceId ? useFault(ports, known, { body, nonce }) : unknownCertificate;
    if (known === null || refusal !== null) return refused(ports, input, refusal ?? unknownCertificate);
    const { record, facts } = known;
    const { observed, signature, place } = body;
    await ports.recordConfirmation({
      lineageId: facts.id,
      fingerprint: record.fingerprint,
      at: now,
      by: 'host',
      principal: `device:${deviceId}`,
      evidence: { version: 1, place, nonce: Buffer.from(nonce).toString('base64url'), signature, observed },
      effect: effectOfHost(facts, record, observed),
      hasSpireAgent: observed.hasSpireAgent,
    });
    return ok(await resourceAfter(ports, facts.id, now));
  };

/** Somebody else's word: a probe that was served the certificate, the SPIRE server, or an operator. */
export type OtherConfirmation = {
  readonly cert: string;
  readonly principal: string;
  readonly evidence: object;
  readonly now: Date;
};

/** Confirms as `kind`; it has the last word, also where a SPIRE agent uses the certificate (`probe` has not). */
export const confirmAs =
  (ports: Omit<ConfirmPorts, 'verifyUse'>) =>
  async (
    kind: Exclude<ConfirmedBy, 'host'>,
    { cert, principal, evidence, now }: OtherConfirmation,
  ): Promise<Result<LineageResource, Refusal<ConfirmReason>>> => {
    const known = await knownOf(ports, cert);
    if (known === null) return err(unknownCertificate);
    const { record, facts } = known;
    if (record.status.kind === 'revoked') return err(certificateRevoked);
    await ports.recordConfirmation({
      lineageId: facts.id,
      fingerprint: record.fingerprint,
      at: now,
      by: kind,
      principal,
      evidence,
      effect: kind === 'probe' && facts.hasSpireAgent ? 'installed' : effectOf(facts, record),
      hasSpireAgent: null,
    });
    return ok(await resourceAfter(ports, facts.id, now));
  };

async function knownOf(
  ports: Pick<ConfirmPorts, 'findCertificate' | 'lineageFacts'>,
  cert: string,
): Promise<Known | null> {
  const record = await ports.findCertificate(cert);
  const facts = record?.lineageId == null ? null : await ports.lineageFacts(record.lineageId);
  return record === null || facts === null ? null : { record, facts };
}

function useFault(
  ports: Pick<ConfirmPorts, 'verifyUse'>,
  { record, facts }: Known,
  { body, nonce }: Pick<ConfirmInput, 'body' | 'nonce'>,
): Refusal | null {
  if (record.status.kind === 'revoked') return certificateRevoked;
  if (body.place !== facts.place) return placeDiffers(facts.place);
  const message = confirmationMessage(record.fingerprint, nonce);
  const verified = ports.verifyUse({ certificateDer: record.der, message, signature: body.signature });
  return verified.ok ? null : verified.error;
}

/** What the host saw itself must not speak against it, and a SPIRE server has the last word where there is one. */
function effectOfHost(facts: LineageFacts, record: CertificateRecord, observed: ObservedUse): Confirmation['effect'] {
  const effect = effectOf(facts, record);
  if (effect === 'reopened') return effect;
  const isServed = observed.servedSha256 === null || observed.servedSha256 === record.fingerprint;
  const isSound = isServed && observed.checks.every(({ ok: isGood }) => isGood);
  return isSound && !observed.hasSpireAgent ? 'confirmed' : 'installed';
}

/** An older one in use after the newest was confirmed: the rotation is not finished after all. */
function effectOf({ newest }: LineageFacts, record: CertificateRecord): 'confirmed' | 'reopened' {
  const isOlder = newest !== null && newest.fingerprint !== record.fingerprint && newest.issuedAt >= record.issuedAt;
  return isOlder && newest.confirmed !== null ? 'reopened' : 'confirmed';
}

async function resourceAfter(
  ports: Pick<ConfirmPorts, 'lineageFacts'>,
  lineageId: string,
  now: Date,
): Promise<LineageResource> {
  const facts = await ports.lineageFacts(lineageId);
  if (facts === null) throw new Error(`lineage ${lineageId} is gone`);
  return lineageResource(facts, now);
}

async function refused(ports: ConfirmPorts, input: ConfirmInput, refusal: Refusal): Promise<Result<never, Refusal>> {
  const { cert, deviceId, now } = input;
  await ports.recordNotice({
    at: now,
    event: 'confirmation.refused',
    principal: `device:${deviceId}`,
    facts: { certificate: cert, place: input.body.place, refusals: [refusal] },
    tell: { topic: 'alarm', key: cert },
  });
  return err(refusal);
}

const unknownCertificate: Refusal<ConfirmReason> = {
  reason: 'unknownCertificate',
  detail: 'no such certificate was issued to this device',
  field: 'cert',
  accepted: 'a certificate of one of its lineages',
};

const certificateRevoked: Refusal<ConfirmReason> = {
  reason: 'certificateRevoked',
  detail: 'the certificate is revoked',
  field: 'cert',
  accepted: 'a renewal, and its confirmation',
};

const placeDiffers = (place: string): Refusal<ConfirmReason> => ({
  reason: 'placeDiffers',
  detail: 'the certificate was issued for another place of use',
  field: 'place',
  accepted: `"${place}"`,
});
