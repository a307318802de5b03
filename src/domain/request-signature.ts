// HTTP Message Signatures (RFC 9421) in the one shape that our requests carry: which components, in which order, with
// which parameters. Builds and reads; says nothing about who may sign, and makes no signature itself.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { err, ok, type Refusal, type Result } from './result.ts';

/** The only label, algorithm and tag of our signatures (RFC 9421 §2.3, §3.3.4, §4.1). */
const signatureLabel = 'omens';
const signatureAlgorithm = 'ecdsa-p256-sha256';
const signatureTag = 'omens-v1';

/** r ‖ s of P-256, big-endian: RFC 9421 §3.3.4. */
const signatureOctets = 64;

/** What is signed of a request. `content` is there exactly when the request has a body. */
export type SignedMessage = {
  /** Upper case. */
  readonly method: string;
  /** Lower case, without the default port: RFC 9421 §2.2.3. */
  readonly authority: string;
  /** Raw path of the target, at least `/`: §2.2.6. */
  readonly path: string;
  /** With its question mark; `?` alone when there is no query: §2.2.7. */
  readonly query: string;
  readonly content: { readonly type: string; readonly digest: string } | null;
};

/** `created` in seconds since 1970; `keyId` base64url SHA-256 of the SPKI DER; `nonce` as the server gave it. */
export type SignatureParameters = {
  readonly created: number;
  readonly keyId: string;
  readonly nonce: string;
};

/** A request key as signatures are checked with it: SPKI in DER, its device once it speaks for one, its enrollments. */
export type KnownRequestKey = {
  readonly publicKey: Uint8Array;
  readonly deviceId: string | null;
  readonly enrollmentIds: readonly string[];
};

export type SignatureFault = 'malformedRequestSignature' | 'contentDigestDiffers' | 'wrongRequestSignature';

/** Digest of a body as Content-Digest carries it: RFC 9530 §2, sha-256 only. */
export const contentDigest = (body: Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;

/** The keyid of a request key: base64url without padding of SHA-256 over its SubjectPublicKeyInfo DER. */
export const keyIdOf = (subjectPublicKeyInfo: Uint8Array): string =>
  createHash('sha256').update(subjectPublicKeyInfo).digest('base64url');

/** The authority of a URL's host as it is signed: lower case, the port only when it is not 443. */
export const authorityOf = (host: string): string => host.toLowerCase().replace(/:443$/, '');

/** Path and query of a raw request target in origin-form (RFC 9112 §3.2.1), or null for any other form. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } | null {
  if (!/^\/[\x21-\x7e]*$/.test(target) || target.includes('#')) return null;
  const at = target.indexOf('?');
  return at < 0 ? { path: target, query: '?' } : { path: target.slice(0, at), query: target.slice(at) };
}

/** Value of `@signature-params`: the covered components and their parameters, in our order. RFC 9421 §2.3. */
function signatureParams(message: SignedMessage, parameters: SignatureParameters): string {
  const components = covered(message)
    .map(([name]) => `"${name}"`)
    .join(' ');
  const { created, keyId, nonce } = parameters;
  return `(${components});created=${created};keyid="${keyId}";alg="${signatureAlgorithm}";tag="${signatureTag}";nonce="${nonce}"`;
}

/** The octets that are signed (ASCII), without a trailing line feed: RFC 9421 §2.5. */
export function signatureBase(message: SignedMessage, parameters: SignatureParameters): Uint8Array {
  const lines = covered(message).map(([name, value]) => `"${name}": ${value}`);
  const text = [...lines, `"@signature-params": ${signatureParams(message, parameters)}`].join('\n');
  return new TextEncoder().encode(text);
}

/** The header fields of a signed request; `signature` is r ‖ s. */
export function signatureHeaders(
  message: SignedMessage,
  parameters: SignatureParameters,
  signature: Uint8Array,
): { readonly 'signature-input': string; readonly signature: string } {
  if (signature.length !== signatureOctets) throw new RangeError(`a signature has ${signatureOctets} octets, r and s`);
  return {
    'signature-input': `${signatureLabel}=${signatureParams(message, parameters)}`,
    signature: `${signatureLabel}=:${Buffer.from(signature).toString('base64')}:`,
  };
}

function covered(message: SignedMessage): readonly (readonly [name: string, value: string])[] {
  const { method, authority, path, query, content } = message;
  return [
    ['@method', method],
    ['@authority', authority],
    ['@path', path],
    ['@query', query],
    ...(content === null
      ? []
      : ([
          ['content-type', content.type],
          ['content-digest', content.digest],
        ] as const)),
  ];
}

/** What arrived beside the message: the two fields, and the body that the digest must match. */
export type PresentedSignature = {
  readonly signatureInput: string;
  readonly signature: string;
  readonly body: Uint8Array;
};

export type ReadSignature = { readonly parameters: SignatureParameters; readonly signature: Uint8Array };

const inputForm =
  /^omens=\([a-z0-9"@ -]{1,200}\);created=([1-9][0-9]{0,11});keyid="([A-Za-z0-9_-]{43})";alg="[a-z0-9-]{1,40}";tag="[a-z0-9-]{1,40}";nonce="([A-Za-z0-9_-]{22,128})"$/;

const signatureForm = /^omens=:([A-Za-z0-9+/]{86}==):$/;

/**
 * Reads both fields strictly: the parameters are picked out, the whole value is made anew from them and the message, and
 * must be equal. Any other component, order, parameter, label, spacing or encoding is refused. The digest is compared
 * with the body here, so that no caller can forget it. The signature itself is checked by `verifySignature`.
 */
export function readSignature(
  message: SignedMessage,
  presented: PresentedSignature,
): Result<ReadSignature, Refusal<SignatureFault>> {
  const found = inputForm.exec(presented.signatureInput);
  const [, created = '', keyId = '', nonce = ''] = found ?? [];
  const parameters = { created: Number(created), keyId, nonce };
  if (found === null || presented.signatureInput !== `${signatureLabel}=${signatureParams(message, parameters)}`) {
    return err(malformed('Signature-Input is not the one this API takes', 'signature-input', expected(message)));
  }
  const octets = Buffer.from(signatureForm.exec(presented.signature)?.[1] ?? '', 'base64');
  if (`${signatureLabel}=:${octets.toString('base64')}:` !== presented.signature) {
    return err(malformed('Signature is malformed', 'signature', `omens=:<base64 of ${signatureOctets} octets>:`));
  }
  if ((message.content === null) !== (presented.body.length === 0)) {
    return err(malformed('a body and its digest come together', 'content-digest', 'both, or neither'));
  }
  if (message.content !== null && message.content.digest !== contentDigest(presented.body)) {
    return err({
      reason: 'contentDigestDiffers',
      detail: 'Content-Digest is not the SHA-256 of this body',
      field: 'content-digest',
      accepted: 'sha-256=:<base64>: over the exact body (RFC 9530)',
    });
  }
  return ok({ parameters, signature: new Uint8Array(octets) });
}

/** Verifies a read signature with the request key's SubjectPublicKeyInfo (P-256, DER), whose digest must be the keyid. */
export function verifySignature(
  message: SignedMessage,
  read: ReadSignature,
  subjectPublicKeyInfo: Uint8Array,
): Result<SignatureParameters, Refusal<SignatureFault>> {
  const invalid = err({
    reason: 'wrongRequestSignature' as const,
    detail: 'the signature does not verify under the request key of its keyid',
    field: 'signature',
    accepted: 'ECDSA P-256 with SHA-256, r ‖ s, by the request key',
  });
  if (keyIdOf(subjectPublicKeyInfo) !== read.parameters.keyId) return invalid;
  const key = createPublicKey({ key: Buffer.from(subjectPublicKeyInfo), format: 'der', type: 'spki' });
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return invalid;
  const base = signatureBase(message, read.parameters);
  return verify('sha256', base, { key, dsaEncoding: 'ieee-p1363' }, read.signature) ? ok(read.parameters) : invalid;
}

const malformed = (detail: string, field: string, accepted: string): Refusal<SignatureFault> => ({
  reason: 'malformedRequestSignature',
  detail,
  field,
  accepted,
});

const expected = (message: SignedMessage): string =>
  `${signatureLabel}=(${covered(message)
    .map(([name]) => `"${name}"`)
    .join(
      ' ',
    )});created=<seconds>;keyid="<SHA-256 of the SPKI>";alg="${signatureAlgorithm}";tag="${signatureTag}";nonce="<Replay-Nonce>"`;
