// What a host proves when it renews: the device's own AK vouches for the new key over this very nonce and request, or a
// CSR proves possession of a software key. Reads the inventory and writes nothing; it knows no ceiling.
import type { Device, EndorsementKeyRecord, Grant } from '../domain/device.ts';
import type { RenewalBody } from '../domain/lineage-wire.ts';
import { base64url, octetsOfBase64url } from '../domain/octets.ts';
import type { PlanKey } from '../domain/plan.ts';
import type { CertificateNames, Profile } from '../domain/profile.ts';
import type { RenewalEvidence } from '../domain/renewal-evidence.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { TpmKeyRecord } from '../domain/taking.ts';
import type { TpmDenials } from '../domain/tpm-denials.ts';
import { wireTime } from '../domain/wire.ts';
import { isWeakModulus } from '../tpm2/close-primes.ts';
import { defaultRequestLimits, readCertificationRequest } from '../x509/certification-request.ts';
import { type EndorsementDenialReason, endorsementDenial, firmwareDenial } from './denied-tpm.ts';
import { hardwareSerialOf } from './issue-granted.ts';
import type { JudgeReason } from './judge-activation.ts';
import { octetsOf } from './octets.ts';
import { readAttestationKey } from './presented-tpm.ts';
import { proveKey, type ProvedKey } from './prove.ts';
import { maxRenewalOctets, parseRenewalDocument, type ReadRenewal } from './renewal-document.ts';
import { fitToGrants, nameKindNotSupported, type Requested } from './requested-certificates.ts';

export type RenewalProofReason =
  | JudgeReason
  | EndorsementDenialReason
  | 'lineageDiffers'
  | 'keyOfWrongKind'
  | 'endorsementKeyMissing';

export type ProveRenewalPorts = {
  /** TPM2B_PUBLIC of the AK that counts now. */
  readonly attestationKeyOf: (deviceId: string) => Promise<Uint8Array | null>;
  readonly endorsementKeysOf: (deviceId: string) => Promise<readonly EndorsementKeyRecord[]>;
  readonly endorsementPathsOf: (
    deviceId: string,
  ) => Promise<readonly { readonly fingerprint: string; readonly path: readonly Uint8Array[] }[]>;
  readonly tpmDenials: TpmDenials;
};

/** A request for a renewal, with what it is held against. */
export type RenewalClaim = {
  readonly device: Pick<Device, 'id' | 'hostName' | 'keylimeUuid'>;
  readonly lineageId: string;
  readonly profile: Profile;
  readonly grant: Grant;
  readonly body: RenewalBody;
  /** Those of the request's nonce, decoded. */
  readonly nonce: Uint8Array;
  readonly now: Date;
};

/** What may be certified now. */
export type ProvedClaim = {
  readonly key: PlanKey;
  readonly spkiSha256: string;
  readonly names: CertificateNames;
  readonly tpmKey: TpmKeyRecord | null;
  readonly firmwareVersion: bigint | null;
  readonly hardwareSerial: string;
  readonly evidence: RenewalEvidence;
};

type Refused = Refusal<RenewalProofReason>;

/**
 * Checks, in order: no EK of the device is denied; the document is of this lineage and of the kind that the profile
 * takes; the statement of the AK, the key's recipe and its proof, or the CSR; the firmware; the names against the grant.
 */
export const proveRenewal =
  (ports: ProveRenewalPorts) =>
  async (claim: RenewalClaim): Promise<Result<ProvedClaim, readonly Refused[]>> => {
    const { device, profile, lineageId, body } = claim;
    const denial = await deniedKey(ports, device.id);
    if (denial !== null) return err([denial]);
    const keys = await ports.endorsementKeysOf(device.id);
    const [first] = keys;
    if (first === undefined) return err([endorsementKeyMissing]);
    const request = octetsOf(body.request, 'request', maxRenewalOctets);
    if (!request.ok) return err([request.error]);
    const document = parseRenewalDocument(request.value);
    if (!document.ok) return err([document.error]);
    if (document.value.lineage !== lineageId) return err([lineageDiffers]);
    const fault = kindFault(profile, document.value, body);
    if (fault !== null) return err([fault]);
    const proved =
      'csr' in document.value.key
        ? await proveSoftware(claim, document.value.key.csr)
        : await proveTpm(ports, claim, { request: request.value, public: document.value.key.public, keys });
    if (!proved.ok) return proved;
    const fitted = fitToGrants([proved.value.requested], [claim.grant], device);
    if (!fitted.ok) return fitted;
    const [granted] = fitted.value;
    if (granted === undefined) throw new Error('one request fits one grant');
    const { key, spkiSha256, names } = granted;
    const { tpmKey, firmwareVersion, certified } = proved.value;
    const evidence = evidenceOf(claim, certified);
    return ok({
      key,
      spkiSha256,
      names,
      tpmKey,
      firmwareVersion,
      hardwareSerial: hardwareSerialOf(first, keys),
      evidence,
    });
  };

/** Verifies kept evidence of a TPM key again; a software key has nothing that could be verified without us. */
export function verifyRenewalAgain(evidence: RenewalEvidence): Result<null, Refused> {
  const request = octetsOfBase64url(evidence.request);
  const document = parseRenewalDocument(request);
  if (!document.ok) return document;
  const { certified } = evidence;
  if (certified === null || 'csr' in document.value.key) return ok(null);
  const ak = readAttestationKey(octetsOfBase64url(certified.attestationKey));
  if (!ak.ok) return err({ reason: 'malformedPublicArea', detail: ak.error.detail });
  const proved = vouchedKey({
    akPublic: octetsOfBase64url(certified.attestationKey),
    public: document.value.key.public,
    attest: octetsOfBase64url(certified.attest),
    signature: octetsOfBase64url(certified.signature),
    proof: octetsOfBase64url(certified.proof),
    binding: { id: evidence.lineage, nonce: octetsOfBase64url(evidence.nonce), request },
  });
  return proved.ok ? ok(null) : proved;
}

async function deniedKey(ports: ProveRenewalPorts, deviceId: string): Promise<Refused | null> {
  for (const presented of await ports.endorsementPathsOf(deviceId)) {
    const denial = endorsementDenial(ports.tpmDenials, presented);
    if (denial !== null) return denial;
  }
  return null;
}

function kindFault(profile: Profile, { key }: ReadRenewal, body: RenewalBody): Refused | null {
  const isTpm = profile.keyOrigin === 'tpm';
  const isRight = 'public' in key === isTpm && (body.certification !== undefined) === isTpm;
  if (isRight) return null;
  return {
    reason: 'keyOfWrongKind',
    detail: `profile ${profile.name} certifies ${isTpm ? 'a key of the TPM' : 'a software key'}`,
    field: 'request.key',
    accepted: isTpm ? 'public, with its certification' : 'csr, without a certification',
  };
}

type Proved = {
  readonly requested: Requested;
  readonly tpmKey: TpmKeyRecord | null;
  readonly firmwareVersion: bigint | null;
  readonly certified: RenewalEvidence['certified'];
};

const askedOf = (claim: RenewalClaim) =>
  ({ profile: claim.profile, dnsNames: null, ipAddresses: null, field: 'request' }) as const;

async function proveSoftware(claim: RenewalClaim, csrDer: Uint8Array): Promise<Result<Proved, readonly Refused[]>> {
  const csr = readCertificationRequest(csrDer, { ...defaultRequestLimits, isWeakModulus });
  if (!csr.ok) return err([{ ...csr.error, field: 'request.key.csr' }]);
  const { subjectPublicKeyInfo, keyType, spkiSha256, unsupportedNames } = csr.value;
  if (unsupportedNames.length > 0) return err(unsupportedNames.map((kind) => nameKindNotSupported(kind, 'request')));
  const key = { subjectPublicKeyInfo, keyType, origin: 'software' } as const;
  const requested = { ...askedOf(claim), key, spkiSha256, csr: csr.value };
  return ok({ requested, tpmKey: null, firmwareVersion: null, certified: null });
}

type Presented = {
  readonly request: Uint8Array;
  readonly public: Uint8Array;
  readonly keys: readonly EndorsementKeyRecord[];
};

async function proveTpm(
  ports: ProveRenewalPorts,
  claim: RenewalClaim,
  presented: Presented,
): Promise<Result<Proved, readonly Refused[]>> {
  const structures = certificationOf(claim.body);
  if (!structures.ok) return err([structures.error]);
  const akPublic = await ports.attestationKeyOf(claim.device.id);
  if (akPublic === null) throw new Error(`device ${claim.device.id} has no attestation key`);
  const binding = { id: claim.lineageId, nonce: claim.nonce, request: presented.request };
  const key = vouchedKey({ akPublic, public: presented.public, ...structures.value, binding });
  if (!key.ok) return err([key.error]);
  const { firmwareVersion, keyType, name, spkiSha256, subjectPublicKeyInfo } = key.value;
  for (const manufacturer of new Set(presented.keys.map((ek) => ek.manufacturer))) {
    const denial = firmwareDenial(ports.tpmDenials, { manufacturer, versions: [firmwareVersion] });
    if (denial !== null) return err([{ ...denial, field: 'certification.attest.firmwareVersion' }]);
  }
  const { attest, signature, proof } = structures.value;
  return ok({
    requested: {
      ...askedOf(claim),
      key: { subjectPublicKeyInfo, keyType, origin: 'tpm' },
      spkiSha256,
      csr: null,
    },
    tpmKey: { name, role: 'devid', public: presented.public, spkiSha256 },
    firmwareVersion,
    certified: {
      attestationKey: base64url(akPublic),
      attest: base64url(attest),
      signature: base64url(signature),
      proof: base64url(proof),
    },
  });
}

type Structures = { readonly attest: Uint8Array; readonly signature: Uint8Array; readonly proof: Uint8Array };

function vouchedKey(
  vouched: Structures & {
    readonly akPublic: Uint8Array;
    readonly public: Uint8Array;
    readonly binding: { readonly id: string; readonly nonce: Uint8Array; readonly request: Uint8Array };
  },
): Result<ProvedKey, Refused> {
  const { akPublic, binding, attest, signature, proof } = vouched;
  const ak = readAttestationKey(akPublic);
  if (!ak.ok) throw new Error(`a stored attestation key is no good: ${ak.error.detail}`);
  return proveKey(
    { role: 'devid', public: vouched.public, attest, signature, proof },
    {
      akPublic: ak.value.area,
      binding,
      purpose: 'renewal',
      fields: { key: 'request.key.public', certification: 'certification' },
    },
  );
}

const structureOctets = { attest: 2048, signature: 1024, proof: 1024 } as const;

function certificationOf({ certification }: RenewalBody): Result<Structures, Refused> {
  const text = certification ?? { attest: '', signature: '', proof: '' };
  const attest = octetsOf(text.attest, 'certification.attest', structureOctets.attest);
  if (!attest.ok) return attest;
  const signature = octetsOf(text.signature, 'certification.signature', structureOctets.signature);
  if (!signature.ok) return signature;
  const proof = octetsOf(text.proof, 'certification.proof', structureOctets.proof);
  return proof.ok ? ok({ attest: attest.value, signature: signature.value, proof: proof.value }) : proof;
}

const evidenceOf = (claim: RenewalClaim, certified: RenewalEvidence['certified']): RenewalEvidence => ({
  version: 1,
  lineage: claim.lineageId,
  nonce: base64url(claim.nonce),
  request: claim.body.request,
  checkedAt: wireTime(claim.now),
  certified,
});

const lineageDiffers: Refused = {
  reason: 'lineageDiffers',
  detail: 'the request is for another lineage than the one it was sent to',
  field: 'request.lineage',
  accepted: 'the lineage of the path',
};

const endorsementKeyMissing: Refused = {
  reason: 'endorsementKeyMissing',
  detail: 'no endorsement key of this device is proved any more',
  accepted: 'an enrollment',
};
