// First contact, first half: who calls is checked as far as it can be without the TPM, and a challenge is made that only
// the TPM with this EK and this AK can answer. It reserves nothing: neither name, nor keys, nor token.
import { createHash } from 'node:crypto';
import { type ChallengedEnrollment, challengeLifetimeSeconds } from '../domain/enrollment.ts';
import { type EnrollmentTokenRecord, parseEnrollmentCredential } from '../domain/enrollment-token.ts';
import { base64url, hexOf, octetsOfBase64url } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { TpmDenials } from '../domain/tpm-denials.ts';
import { type ChallengeResource, type EnrollmentBody, wireTime } from '../domain/wire.ts';
import type { EndorsementKey } from '../tpm2/endorsement-key.ts';
import { makeCredential } from '../tpm2/make-credential.ts';
import type { EndorsementPolicy } from '../x509/endorsement-chain.ts';
import {
  type AuthorizationReason,
  identityRefusal,
  type KnownDevices,
  preregisteredElsewhere,
  recognizeToken,
} from './authorize.ts';
import { hostNameFaults } from './grants.ts';
import { octetsOf } from './octets.ts';
import {
  checkPresentedTpm,
  type PresentedTpm,
  type PresentedTpmReason,
  type TpmPresentation,
} from './presented-tpm.ts';
import type { Context, DeviceLookups, EnrollmentStore, PreregistrationLookups, TokenLookups } from './records.ts';

export type BeginReason =
  | 'malformedBinary'
  | 'tooManyCertificates'
  | 'malformedHostName'
  | 'placeholderAgentUuid'
  | PresentedTpmReason
  | AuthorizationReason;

export type BeginPorts = Pick<EnrollmentStore, 'insertEnrollment'> &
  Pick<DeviceLookups, 'deviceOfEndorsementKey' | 'deviceOfAttestationKey' | 'deviceOfHostName'> &
  TokenLookups &
  PreregistrationLookups & {
    readonly endorsementPolicy: EndorsementPolicy;
    readonly tpmDenials: TpmDenials;
    readonly random: (octets: number) => Uint8Array;
    readonly newId: () => string;
  };

/** Octets of what a request may bring. */
const limits = { publicOctets: 1026, certificateOctets: 6144, certificates: 8 } as const;

/** Checks, and challenges. Stops at the first fault: nothing that follows would mean anything. */
export const beginEnrollment =
  (ports: BeginPorts) =>
  async (body: EnrollmentBody, context: Context): Promise<Result<ChallengeResource, Refusal<BeginReason>>> => {
    const { now } = context;
    const [nameFault] = hostNameFaults(body.hostName);
    if (nameFault !== undefined) return err(nameFault);
    const presentation = presentationOf(body);
    if (!presentation.ok) return presentation;
    const token = await tokenOf(ports, body, now);
    if (!token.ok) return token;
    const tpm = await checkPresentedTpm(presentation.value, {
      policy: ports.endorsementPolicy,
      denials: ports.tpmDenials,
      exception: async (fingerprint) => (await ports.findPreregistration(fingerprint))?.exception ?? null,
      isProved: async (fingerprint) => (await ports.deviceOfEndorsementKey(fingerprint)) !== null,
      now,
    });
    if (!tpm.ok) return tpm;
    const refusal = await inventoryRefusal(ports, { body, tpm: tpm.value, hasToken: token.value !== null });
    if (refusal !== null) return err(refusal);
    const id = ports.newId();
    const made = makeChallenge(ports.random, { key: tpm.value.key, akName: tpm.value.attestationKey.name, now });
    await ports.insertEnrollment(enrollmentOf({ id, body, tpm: tpm.value, token: token.value, made, now }));
    return ok({ id, ...made.resource });
  };

function presentationOf(body: EnrollmentBody): Result<TpmPresentation, Refusal<BeginReason>> {
  const ekPublic = octetsOf(body.ekPublic, 'ekPublic', limits.publicOctets);
  if (!ekPublic.ok) return ekPublic;
  const akPublic = octetsOf(body.akPublic, 'akPublic', limits.publicOctets);
  if (!akPublic.ok) return akPublic;
  if (body.ekCertificates.length > limits.certificates) {
    const detail = `${body.ekCertificates.length} certificates were sent`;
    const field = 'ekCertificates';
    return err({ reason: 'tooManyCertificates', detail, field, accepted: `at most ${limits.certificates}` });
  }
  const ekCertificates: Uint8Array[] = [];
  for (const [at, text] of body.ekCertificates.entries()) {
    const certificate = octetsOf(text, `ekCertificates.${at}`, limits.certificateOctets);
    if (!certificate.ok) return certificate;
    ekCertificates.push(certificate.value);
  }
  return ok({ ekPublic: ekPublic.value, akPublic: akPublic.value, ekCertificates });
}

/** The token that was presented, null when there was none. One that is no good never falls back to waiting. */
async function tokenOf(
  ports: TokenLookups,
  body: EnrollmentBody,
  now: Date,
): Promise<Result<EnrollmentTokenRecord | null, Refusal<BeginReason>>> {
  if (body.token === undefined) return ok(null);
  const presented = parseEnrollmentCredential(body.token);
  const token = presented === null ? null : await ports.findEnrollmentToken(presented.id);
  return recognizeToken(body.token, token, { hostName: body.hostName, now });
}

/** Devices that know these keys or this name. */
export async function knownDevices(
  ports: Pick<DeviceLookups, 'deviceOfEndorsementKey' | 'deviceOfAttestationKey' | 'deviceOfHostName'>,
  keys: { readonly ekFingerprint: string; readonly akName: string; readonly hostName: string },
): Promise<KnownDevices> {
  const [ofEndorsementKey, ofAttestationKey, ofHostName] = await Promise.all([
    ports.deviceOfEndorsementKey(keys.ekFingerprint),
    ports.deviceOfAttestationKey(keys.akName),
    ports.deviceOfHostName(keys.hostName),
  ]);
  return { ofEndorsementKey, ofAttestationKey, ofHostName };
}

type Inventory = { readonly body: EnrollmentBody; readonly tpm: PresentedTpm; readonly hasToken: boolean };

/** What the inventory says against it; asked again when the challenge is answered. */
async function inventoryRefusal(
  ports: BeginPorts,
  { body, tpm, hasToken }: Inventory,
): Promise<Refusal<BeginReason> | null> {
  const { hostName } = body;
  const ekFingerprint = tpm.endorsementKey.fingerprint;
  const keys = { ekFingerprint, akName: hexOf(tpm.attestationKey.name), hostName };
  const identity = identityRefusal(hostName, await knownDevices(ports, keys));
  if (identity !== null || hasToken) return identity;
  const preregistration = await ports.findPreregistration(ekFingerprint);
  return preregistration === null || preregistration.hostName === hostName ? null : preregisteredElsewhere;
}

/** A challenge as it is kept and as it is told. */
export type MadeChallenge = {
  readonly challenge: ChallengedEnrollment['challenge'];
  readonly resource: Omit<ChallengeResource, 'id'>;
};

/** Draws secret and nonce, 32 octets each, and wraps the secret for the TPM with this EK and this AK. */
export function makeChallenge(
  random: (octets: number) => Uint8Array,
  facts: { readonly key: EndorsementKey; readonly akName: Uint8Array; readonly now: Date },
): MadeChallenge {
  const secret = random(32);
  const nonce = random(32);
  const credential = makeCredential({
    endorsementKey: facts.key,
    objectName: facts.akName,
    credential: secret,
    random,
  });
  const expiresAt = new Date(Math.floor(facts.now.getTime() / 1000 + challengeLifetimeSeconds) * 1000);
  const secretSha256 = new Uint8Array(createHash('sha256').update(secret).digest());
  return {
    challenge: { secretSha256, nonce, expiresAt, spentAt: null },
    resource: {
      credentialBlob: base64url(credential.credentialBlob),
      encryptedSecret: base64url(credential.encryptedSecret),
      nonce: base64url(nonce),
      expiresAt: wireTime(expiresAt),
    },
  };
}

const enrollmentOf = (facts: {
  readonly id: string;
  readonly body: EnrollmentBody;
  readonly tpm: PresentedTpm;
  readonly token: EnrollmentTokenRecord | null;
  readonly made: MadeChallenge;
  readonly now: Date;
}): ChallengedEnrollment => ({
  state: 'challenged',
  id: facts.id,
  version: 1,
  hostName: facts.body.hostName,
  tokenId: facts.token?.id ?? null,
  endorsementKey: facts.tpm.endorsementKey,
  attestationKey: {
    public: octetsOfBase64url(facts.body.akPublic),
    name: hexOf(facts.tpm.attestationKey.name),
  },
  challenge: facts.made.challenge,
  activation: null,
  createdAt: facts.now,
  updatedAt: facts.now,
});
