// The JSON resources of revocation, and of what relying parties are told when a host is suspended or retired. openapi.yaml
// is the contract.
import type { ReasonCode } from './certificate.ts';
import type { CertificateResource, DeviceResource } from './wire.ts';

/** POST /v1/certificates/{cert}/revocation */
export type RevocationBody = { readonly reasonCode: ReasonCode };

/** 200 of it: the certificate as it is now. */
export type RevocationResource = CertificateResource & {
  /** False: it was revoked before, and nothing has changed. */
  readonly changed: boolean;
  /** Serial numbers that were revoked now: with a compromised key goes everything of that key. */
  readonly revokedSerials: number;
};

/** What somebody has to do at a relying party, since none of them reads our CRL. */
export type RelyingPartyStep = {
  readonly relyingParty: 'spire' | 'keylimeVerifier' | 'keylimeRegistrar';
  readonly action: string;
  /** `notYet`: only from `notBefore` on, and `because` says why. */
  readonly state: 'due' | 'notYet' | 'done';
  readonly notBefore: string | null;
  /** The exact command line. */
  readonly command: string;
  readonly because: string;
};

/** 200 of suspension, resumption and retirement. */
export type DeviceStateResource = DeviceResource & { readonly steps: readonly RelyingPartyStep[] };
