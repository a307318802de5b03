// The one table of problem types, keyed by the reason of a refusal. A reason of a service that has no row here does not
// compile; documents are made from it in problems.ts.
import type { DenialReason } from '../domain/plan.ts';
import type { NonceFault } from '../domain/nonce.ts';
import type { SignatureFault } from '../domain/request-signature.ts';
import type { JsonFault } from '../domain/strict-json.ts';
import type { CsrReason } from '../issuance/issue-from-csr.ts';
import type { IssueReason } from '../issuance/issue.ts';
import type { PublishBundleReason } from '../issuance/publish-trust-bundle.ts';
import type { ActivateReason } from '../enrollment/activate.ts';
import type { ApprovalReason } from '../enrollment/approve.ts';
import type { AuthorizationReason } from '../enrollment/authorize.ts';
import type { BeginReason } from '../enrollment/begin.ts';
import type { ActivationReason } from '../enrollment/decide-activation.ts';
import type { DeviceReason } from '../enrollment/devices.ts';
import type { EnrollmentTokenReason } from '../enrollment/enrollment-tokens.ts';
import type { GrantReason } from '../enrollment/grants.ts';
import type { JudgeReason } from '../enrollment/judge-activation.ts';
import type { OperatorTokenReason } from '../enrollment/operator-tokens.ts';
import type { NonceReason } from '../enrollment/nonces.ts';
import type { PresentedTpmReason } from '../enrollment/presented-tpm.ts';
import type { ProofReason } from '../enrollment/prove.ts';
import type { ReadEnrollmentReason } from '../enrollment/read-enrollment.ts';
import type { RequestDocumentReason } from '../enrollment/document-reading.ts';
import type { RequestedReason } from '../enrollment/requested-certificates.ts';
import type { SpireConfirmReason } from '../lifecycle/spire-confirm.ts';
import type { RevokeReason } from '../revocation/revoke.ts';
import type { CampaignReason } from '../lifecycle/campaigns.ts';
import type { ReportReason } from '../lifecycle/host-reports.ts';
import type { PullReason } from '../lifecycle/renewal-pulls.ts';
import type { RenewalProofReason } from '../enrollment/prove-renewal.ts';
import type { UseProofReason } from '../enrollment/prove-use.ts';
import type { ConfirmReason } from '../lifecycle/confirm.ts';
import type { WarningReason } from '../lifecycle/warnings.ts';
import type { RenewReason } from '../lifecycle/renewal-refusals.ts';
import type { AccessReason } from './authenticate.ts';
import type { ShapeReason } from './contract.ts';
import type { EdgeReason } from './edge.ts';
import type { FormReason } from './pages/same-origin.ts';

/** `retryAfterSeconds` goes out as Retry-After. */
export type ProblemEntry = { readonly status: number; readonly title: string; readonly retryAfterSeconds?: number };

/** Reasons that this service can give. */
type KnownReason =
  | EdgeReason
  | ShapeReason
  | AccessReason
  | FormReason
  | 'tooManyLogins'
  | SignatureFault
  | NonceFault
  | NonceReason
  | JsonFault
  | OperatorTokenReason
  | PresentedTpmReason
  | ProofReason
  | RequestDocumentReason
  | RequestedReason
  | GrantReason
  | ActivationReason
  | ActivateReason
  | ApprovalReason
  | DeviceReason
  | EnrollmentTokenReason
  | ReadEnrollmentReason
  | BeginReason
  | JudgeReason
  | AuthorizationReason
  | RevokeReason
  | RenewReason
  | RenewalProofReason
  | UseProofReason
  | ConfirmReason
  | SpireConfirmReason
  | DenialReason
  | IssueReason
  | ReportReason
  | PullReason
  | CampaignReason
  | WarningReason
  | CsrReason
  | PublishBundleReason;

/** Every problem type: `/problems/<reason>` explains it by its title. */
export const problems = {
  // The edge.
  internal: { status: 500, title: 'The service failed; its log knows more under the request id' },
  unavailable: { status: 503, title: 'The service cannot reach what it stands on', retryAfterSeconds: 5 },
  notFound: { status: 404, title: 'There is nothing here' },
  methodNotAllowed: { status: 405, title: 'The resource does not know this method' },
  notAcceptable: { status: 406, title: 'The answer cannot be given in the type that was asked for' },
  bodyTooLarge: { status: 413, title: 'The body is larger than this operation takes' },
  urlTooLong: { status: 414, title: 'The URL is too long' },
  malformedUrl: { status: 400, title: 'The URL is malformed' },
  unsupportedMediaType: { status: 415, title: 'The body is not of a type that this operation takes' },
  repeatedHeader: { status: 400, title: 'A header field that may be there once is there more than once' },
  malformedJson: { status: 400, title: 'The body is not acceptable JSON' },
  malformedBody: { status: 400, title: 'The body does not have the shape of the contract' },
  malformedQuery: { status: 400, title: 'The query does not have the shape of the contract' },
  malformedHeader: { status: 400, title: 'A header field does not have the shape of the contract' },
  malformedBinary: { status: 400, title: 'A binary member is not base64url without padding' },
  tooManyEnrollments: { status: 429, title: 'Too many enrollments were begun' },
  tooManyRequests: { status: 429, title: 'The host sent too many requests' },
  // The operator page.
  crossOrigin: { status: 403, title: 'The form was not sent by a page of this server' },
  wrongFormSecret: { status: 403, title: 'The form belongs to another session' },
  malformedForm: { status: 400, title: 'The form does not have the fields of its page' },
  tooManyLogins: { status: 429, title: 'Too many wrong tokens came from here' },
  // Who asks.
  credentialsMissing: { status: 401, title: 'The operation demands a credential' },
  malformedCredentials: { status: 401, title: 'The credential is malformed' },
  twoCredentials: { status: 400, title: 'The request carries two kinds of credentials' },
  principalNotAllowed: { status: 403, title: 'The operation does not take this principal' },
  unknownRequestKey: { status: 401, title: 'No request key has this keyid' },
  wrongAuthority: { status: 401, title: 'The request was signed for another server' },
  malformedRequestSignature: { status: 401, title: 'The signature does not have the form that this API takes' },
  wrongRequestSignature: { status: 401, title: 'The signature of the request does not verify' },
  contentDigestDiffers: { status: 401, title: 'The digest is not that of the body' },
  unknownNonce: { status: 401, title: 'The nonce is not one of ours' },
  expiredNonce: { status: 401, title: 'The nonce has expired' },
  spentNonce: { status: 401, title: 'The nonce was used already' },
  unknownOperatorToken: { status: 401, title: 'The operator token is not known' },
  expiredOperatorToken: { status: 401, title: 'The operator token has expired' },
  revokedOperatorToken: { status: 401, title: 'The operator token was revoked' },
  sourceNotAllowed: { status: 403, title: 'The operator token is not good from this network' },
  malformedLimit: { status: 400, title: 'A limit of the token is malformed' },
  limitsNotForAdmin: { status: 403, title: 'An admin token is not limited to names or profiles' },
  sourceBeyondCreator: { status: 403, title: 'A token is good from no more networks than its maker' },
  // Enrollment: the conversation.
  unknownEnrollment: { status: 404, title: 'There is no such enrollment, or not for this key' },
  wrongSecret: { status: 403, title: 'The secret is not the one of the challenge' },
  challengeSpent: { status: 409, title: 'The challenge was used already' },
  challengeExpired: { status: 410, title: 'The challenge has expired' },
  approvalLapsed: { status: 410, title: 'The approval, or the wait for it, has lapsed' },
  approvalOutdated: { status: 409, title: 'The enrollment has changed since this version' },
  enrollmentRejected: { status: 403, title: 'The enrollment was rejected' },
  activationInProgress: { status: 409, title: 'The same activation is being worked on', retryAfterSeconds: 2 },
  unknownEnrollmentToken: { status: 403, title: 'The enrollment token is not known' },
  expiredEnrollmentToken: { status: 403, title: 'The enrollment token has expired' },
  revokedEnrollmentToken: { status: 403, title: 'The enrollment token was revoked' },
  spentEnrollmentToken: { status: 403, title: 'The enrollment token was spent already' },
  tokenForAnotherHost: { status: 403, title: 'The enrollment token is for another host' },
  endorsementKeyOfAnotherDevice: { status: 403, title: 'The endorsement key belongs to another device' },
  attestationKeyOfAnotherDevice: { status: 403, title: 'The attestation key belongs to another device' },
  preregisteredForAnotherHost: { status: 403, title: 'The endorsement key is registered for another host' },
  hostNameTaken: { status: 409, title: 'The host name belongs to another device' },
  enrollmentNotPending: { status: 409, title: 'The enrollment waits for nobody' },
  versionOutdated: { status: 409, title: 'The enrollment has changed since this version' },
  explicitGrantNeeded: { status: 409, title: 'A profile that speaks for others is approved by its name only' },
  deviceRetired: { status: 409, title: 'The device is retired' },
  deviceNotSuspended: { status: 409, title: 'The device is not suspended' },
  alreadyPreregistered: { status: 409, title: 'The endorsement key is registered already' },
  lifetimeTooLong: { status: 400, title: 'The lifetime is too long' },
  nothingRequested: { status: 400, title: 'The request asks for no certificate' },
  // Enrollment: the endorsement key and its certificate.
  malformedPublicArea: { status: 400, title: 'A public area is malformed' },
  malformedHostName: { status: 400, title: 'The host name is malformed' },
  endorsementCertificateMissing: { status: 403, title: 'The endorsement key has no certificate' },
  endorsementKeyMismatch: { status: 403, title: 'The certificate is for another key than the endorsement key' },
  endorsementKeyDenied: { status: 403, title: 'The endorsement key is on the deny list' },
  endorsementCertificateDenied: { status: 403, title: 'A certificate of the chain is on the deny list' },
  firmwareDenied: { status: 403, title: 'The firmware of the TPM is on the deny list' },
  closePrimes: { status: 403, title: 'The primes of an RSA key lie too close together' },
  rocaWeak: { status: 403, title: 'The key is weak (CVE-2017-15361)' },
  weakSymmetric: { status: 403, title: 'The symmetric parameters of the endorsement key are too weak' },
  unknownPolicy: { status: 403, title: 'The policy of the endorsement key is none of TCG' },
  unknownTemplate: { status: 403, title: 'The endorsement key follows no template of TCG' },
  pointNotOnCurve: { status: 400, title: 'The point does not lie on its curve' },
  rsaModulusInvalid: { status: 400, title: 'The RSA modulus is no modulus' },
  rsaExponentInvalid: { status: 400, title: 'The RSA exponent is not the one we take' },
  certificateTooLarge: { status: 400, title: 'A certificate is too large' },
  malformedCertificate: { status: 400, title: 'A certificate is malformed' },
  quirkNotAllowed: { status: 400, title: 'The certificate departs from DER in a way not known of its vendor' },
  noTpmManufacturer: { status: 403, title: 'The certificate names no TPM manufacturer' },
  notEndEntity: { status: 403, title: 'The certificate is that of a CA' },
  notAnEkCertificate: { status: 403, title: 'The certificate is not for an endorsement key' },
  wrongKeyUsage: { status: 403, title: 'The key usage of the certificate is wrong' },
  unhandledCriticalExtension: { status: 403, title: 'The certificate has a critical extension that is not understood' },
  signatureAlgorithmNotAccepted: { status: 403, title: 'A signature algorithm of the chain is not accepted' },
  issuerKeyNotAccepted: { status: 403, title: 'A key of the chain is not accepted' },
  wrongIssuerSignature: { status: 403, title: 'A signature of the chain does not verify' },
  certificateExpired: { status: 403, title: 'A certificate of the chain has expired' },
  certificateNotYetValid: { status: 403, title: 'A certificate of the chain is not valid yet' },
  issuerNotCa: { status: 403, title: 'An issuer of the chain is no CA' },
  issuerKeyUsage: { status: 403, title: 'An issuer of the chain may not sign certificates' },
  pathLengthExceeded: { status: 403, title: 'The chain is longer than an issuer allows' },
  tooManyIntermediates: { status: 400, title: 'Too many intermediates were sent' },
  issuerUnknown: { status: 403, title: 'The chain does not end in a known TPM vendor root' },
  pathTooLong: { status: 403, title: 'The chain is too long' },
  searchTooLong: { status: 403, title: 'The chain cannot be found within bounds' },
  // Enrollment: attestation key, certified keys and their proofs.
  wrongAttributes: { status: 403, title: 'The attributes of a key are not those that its role demands' },
  weakNameAlg: { status: 403, title: 'The name algorithm of a key is too weak' },
  wrongScheme: { status: 403, title: 'The signing scheme of a key is not the one of its role' },
  keyTooSmall: { status: 403, title: 'A key is too small' },
  unexpectedSymmetric: { status: 403, title: 'A signing key has symmetric parameters' },
  wrongKeyType: { status: 403, title: 'A key is not of the type of its role' },
  keyTwice: { status: 400, title: 'A key is there twice' },
  wrongProof: { status: 403, title: 'A key does not prove possession' },
  malformedAttest: { status: 400, title: 'An attestation is malformed' },
  notTpmGenerated: { status: 403, title: 'An attestation was not made by a TPM' },
  wrongAttestType: { status: 403, title: 'An attestation is of another type' },
  qualifyingDataMismatch: { status: 403, title: 'An attestation is over another digest' },
  certifiedNameMismatch: { status: 403, title: 'An attestation is for another key' },
  pcrMismatch: { status: 403, title: 'The PCRs have other values' },
  malformedSignature: { status: 400, title: 'A TPM signature is malformed' },
  signatureAlgorithmMismatch: { status: 403, title: 'A TPM signature is of another algorithm than its key' },
  weakSignatureHash: { status: 403, title: 'The hash of a TPM signature is too weak' },
  badSignature: { status: 403, title: 'A TPM signature does not verify' },
  // Enrollment: the request document.
  tooManyCertificates: { status: 400, title: 'Too many certificates were sent or asked for' },
  hostNameDiffers: { status: 403, title: 'The host name is not the one that the enrollment began with' },
  requestDiffers: { status: 409, title: 'The request is not the one that was approved' },
  certificationsDiffer: { status: 400, title: 'There is not one certification for each key' },
  requestDocumentTooLarge: { status: 400, title: 'The request document is too large' },
  malformedRequestDocument: { status: 400, title: 'The request document is malformed' },
  unsupportedRequestVersion: { status: 400, title: 'The version of the request document is not supported' },
  unknownRequestMember: { status: 400, title: 'The request document has a member that is not known' },
  requestKeyMissing: { status: 400, title: 'The request has no request key' },
  devidKeyMissing: { status: 400, title: 'The request names a DevID key that it does not have' },
  profileNotForDevices: { status: 403, title: 'The profile is not issued to devices' },
  profileNotGranted: { status: 403, title: 'The profile is not granted to this host' },
  nameNotGranted: { status: 403, title: 'The name is not granted to this host' },
  csrNamesDiffer: { status: 403, title: 'The certification request has other names than the request' },
  grantTwice: { status: 400, title: 'A grant is there twice' },
  // Revocation.
  issuedBySomebodyElse: { status: 403, title: 'The certificate was issued to somebody else' },
  // Renewal and confirmation.
  unknownLineage: { status: 404, title: 'There is no such lineage for this device' },
  renewalCeiling: { status: 429, title: 'As many certificates were renewed as are allowed within an hour' },
  renewalRate: { status: 429, title: 'This certificate was renewed too often' },
  renewalBlackout: { status: 429, title: 'Nothing is renewed at this time' },
  attestationFailing: { status: 403, title: 'Keylime does not attest the host: nothing is renewed for it' },
  renewalInProgress: { status: 409, title: 'A request for this lineage is being worked on' },
  renewalLost: { status: 409, title: 'Another request for this lineage took its place' },
  grantWithdrawn: { status: 403, title: 'The device has no grant for this lineage any more' },
  lineageDiffers: { status: 403, title: 'The request is for another lineage' },
  keyOfWrongKind: { status: 400, title: 'The key is not of the kind that the profile certifies' },
  endorsementKeyMissing: { status: 403, title: 'The device has no proved endorsement key' },
  wrongUseSignature: { status: 403, title: 'The signature is not by the key of the certificate' },
  unknownCertificate: { status: 404, title: 'No such certificate was issued to this device' },
  certificateRevoked: { status: 403, title: 'The certificate is revoked' },
  placeDiffers: { status: 403, title: 'The certificate was issued for another place of use' },
  // SPIRE at rotation.
  notADevid: { status: 409, title: 'The certificate is no DevID of a device' },
  spireNotConfigured: { status: 409, title: 'The SPIRE server is not configured' },
  spiffeIdDiffers: { status: 403, title: 'The SPIFFE ID is not that of the certificate' },
  // Issuance.
  requestTooLarge: { status: 400, title: 'The certification request is too large' },
  malformedRequest: { status: 400, title: 'The certification request is malformed' },
  trailingOctets: { status: 400, title: 'Something follows the end of a structure' },
  unsupportedVersion: { status: 400, title: 'The version is not supported' },
  severalCommonNames: { status: 400, title: 'The certification request has several common names' },
  duplicateAttribute: { status: 400, title: 'The certification request has an attribute twice' },
  tooManyNames: { status: 400, title: 'The certification request has too many names' },
  unsupportedSignatureAlgorithm: { status: 400, title: 'The signature algorithm is not supported' },
  wrongSignature: { status: 400, title: 'The certification request is not signed by its own key' },
  malformedKey: { status: 400, title: 'The public key is malformed' },
  keyTypeNotSupported: { status: 400, title: 'The type of key is not supported' },
  weakKey: { status: 400, title: 'The key is weak' },
  unknownProfile: { status: 400, title: 'There is no such profile' },
  profileNotForOperators: { status: 403, title: 'The profile is not issued to people' },
  roleNotSufficient: { status: 403, title: 'The role of the token does not suffice' },
  profileBeyondToken: { status: 403, title: 'The token is not good for this profile' },
  nameReserved: { status: 403, title: 'The name belongs to this service itself' },
  nameBeyondToken: { status: 403, title: 'The token is not good for this name' },
  nameKindNotSupported: { status: 403, title: 'Certificates of ours carry no name of this kind' },
  commonNameNotAName: { status: 403, title: 'The common name is not one of the names' },
  placeholderAgentUuid: { status: 403, title: 'The agent UUID is a published example' },
  keyOriginNotAllowed: { status: 403, title: 'The profile takes no key of this origin' },
  keyTypeNotAllowed: { status: 403, title: 'The profile takes no key of this type' },
  nameNotAllowed: { status: 403, title: 'The profile does not allow this name' },
  malformedName: { status: 400, title: 'A name is malformed' },
  noName: { status: 403, title: 'The certificate would carry no name' },
  commonNameTooLong: { status: 403, title: 'The common name is too long' },
  commonNameUnknown: { status: 403, title: 'The common name cannot be made' },
  hardwareModuleUnknown: { status: 403, title: 'The hardware module is not known' },
  wrongTrustDomain: { status: 403, title: 'The profile belongs to another trust domain' },
  outlivesIssuer: { status: 403, title: 'The certificate would outlive its issuer' },
  keyHeldElsewhere: { status: 409, title: 'The key belongs to another holder' },
  keyCompromised: { status: 403, title: 'The key was revoked as compromised' },
  deviceNotActive: { status: 403, title: 'The device is suspended or retired' },
  profileStopped: {
    status: 503,
    title: 'The profile is stopped until its certificates are looked at',
    retryAfterSeconds: 3600,
  },
  idempotencyKeyReused: { status: 422, title: 'The Idempotency-Key was used with another body' },
  issuanceInProgress: { status: 409, title: 'The same request is being worked on', retryAfterSeconds: 2 },
  issuanceAbandoned: { status: 409, title: 'An earlier attempt was given up; ask again with a new key' },
  lintFailed: { status: 422, title: 'The certificate would break a rule' },
  opinionsDiffer: { status: 503, title: 'Two readers disagree on the certificate', retryAfterSeconds: 3600 },
  // Rotation.
  lineageOfAnotherDevice: { status: 403, title: 'A host reports on its own lineages only' },
  malformedFirmwareRange: { status: 400, title: 'The range of firmware is malformed' },
  nothingInScope: { status: 409, title: 'There is nothing in this scope' },
  pilotNotInScope: { status: 409, title: 'A pilot host has nothing in this scope' },
  campaignNameTaken: { status: 409, title: 'A campaign of this name is not over' },
  campaignStateDiffers: { status: 409, title: 'The campaign is not in a state from which this can be done' },
  // Warnings.
  warningClosed: { status: 409, title: 'The warning is closed: it is well again' },
  snoozeOutOfRange: { status: 400, title: 'A warning is snoozed until an instant of the next 30 days' },
  // Trust bundles.
  cmsTooLarge: { status: 400, title: 'The signed bundle is too large' },
  malformedCms: { status: 400, title: 'The signed bundle is malformed' },
  cmsNotSupported: { status: 400, title: 'The signed bundle is of another kind than those that hosts read' },
  cmsDigestDiffers: { status: 400, title: 'The signature is over another content' },
  wrongCmsSignature: { status: 403, title: 'The signature of the bundle does not verify' },
  malformedTrustBundle: { status: 400, title: 'The trust bundle is malformed' },
  unknownTrustDomain: { status: 400, title: 'The trust bundle names a trust domain that is not known' },
  anchorNotARoot: { status: 400, title: 'An anchor is no root' },
  anchorTwice: { status: 400, title: 'A root is listed twice' },
  noEstateAnchor: { status: 400, title: 'The bundle lists no root of the estate' },
  signerNotTrusted: { status: 403, title: 'The bundle is not signed by a root of the estate that hosts trust' },
  generationNotLarger: { status: 409, title: 'A bundle of this generation, or a later one, is in force' },
  rootInUseMissing: { status: 409, title: 'The bundle does not list a root that is in use' },
} as const satisfies Readonly<Record<KnownReason, ProblemEntry>> & Readonly<Record<string, ProblemEntry>>;
