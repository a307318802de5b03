// The word of an admin who saw a new agent ID at a SPIRE server that this service may not ask. The ID has to be the one of
// the certificate: who did not look cannot guess it from the old one.
import { type Principal, principalText } from '../domain/principal.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { devidAgentId, type SpireSettings } from '../domain/spire.ts';
import type { ConfirmAs, FindCertificate } from './spire-records.ts';

export type SpireConfirmReason = 'notFound' | 'notADevid' | 'spireNotConfigured' | 'spiffeIdDiffers';

export type SpireConfirmPorts = {
  readonly settings: SpireSettings | null;
  readonly findCertificate: FindCertificate;
  readonly confirmAs: ConfirmAs;
};

/** Confirms by `operator`; resolves to the device that the certificate belongs to. */
export const confirmBySpireId =
  (ports: SpireConfirmPorts) =>
  async (
    input: {
      readonly cert: string;
      readonly spiffeId: string;
      readonly principal: Extract<Principal, { readonly kind: 'operator' }>;
    },
    { now }: { readonly now: Date },
  ): Promise<Result<{ readonly deviceId: string }, Refusal>> => {
    const record = await ports.findCertificate(input.cert);
    if (record === null) return err(notFound);
    if (record.profile !== 'devid' || record.deviceId === null) return err(notADevid);
    if (ports.settings === null) return err(notConfigured);
    if (input.spiffeId !== devidAgentId(ports.settings.trustDomain, record.der)) return err(spiffeIdDiffers);
    const confirmed = await ports.confirmAs('operator', {
      cert: record.fingerprint,
      principal: principalText(input.principal),
      evidence: { version: 1, spiffeId: input.spiffeId },
      now,
    });
    return confirmed.ok ? ok({ deviceId: record.deviceId }) : confirmed;
  };

const notFound: Refusal<SpireConfirmReason> = {
  reason: 'notFound',
  detail: 'there is no certificate of this name',
  field: 'cert',
  accepted: 'its SHA-256, or its CertID (RFC 9773)',
};

const notADevid: Refusal<SpireConfirmReason> = {
  reason: 'notADevid',
  detail: 'the certificate is no DevID of a device: no SPIRE agent attests by it',
  field: 'cert',
  accepted: 'the newest DevID of a device',
};

const notConfigured: Refusal<SpireConfirmReason> = {
  reason: 'spireNotConfigured',
  detail: 'the trust domain of the SPIRE server is not known',
  field: 'spire.trustDomain',
  accepted: 'spire.trustDomain in omens.yaml',
};

/** The right one is not told: it is to be read off the SPIRE server. */
const spiffeIdDiffers: Refusal<SpireConfirmReason> = {
  reason: 'spiffeIdDiffers',
  detail: 'this is not the agent ID that SPIRE gives to this certificate',
  field: 'spiffeId',
  accepted: 'the ID that `spire-server agent list` shows once the agent has attested with exactly this certificate',
};
