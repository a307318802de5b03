// The host's half of request signatures: what is signed, with which headers it travels. The key itself is elsewhere,
// usually in a TPM; what is verified is in domain/request-signature.ts.
import {
  contentDigest,
  keyIdOf,
  signatureBase,
  signatureHeaders,
  type SignedMessage,
} from '../domain/request-signature.ts';

/** A request key. `sign` gets the octets to be hashed with SHA-256 and gives r ‖ s, 64 octets. */
export type RequestSigner = {
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
};

/** What is to be signed: an upper-case method, the authority as the server knows it, path, query (`?` for none), body. */
export type SignableRequest = Pick<SignedMessage, 'method' | 'authority' | 'path' | 'query'> & {
  /** JSON, or null for none. */
  readonly body: Uint8Array | null;
  /** A nonce of the server (`Replay-Nonce`), not used before. */
  readonly nonce: string;
  /** The host's clock; recorded by the server, never decisive. */
  readonly created: Date;
};

/** The header fields that a signed request carries beside those of any request. RFC 9421, RFC 9530. */
export async function signRequest(
  signer: RequestSigner,
  request: SignableRequest,
): Promise<Readonly<Record<string, string>>> {
  const { method, authority, path, query, body, nonce, created } = request;
  const content = body === null ? null : { type: 'application/json', digest: contentDigest(body) };
  const message = { method, authority, path, query, content };
  const parameters = {
    created: Math.max(1, Math.floor(created.getTime() / 1000)),
    keyId: keyIdOf(signer.subjectPublicKeyInfo),
    nonce,
  };
  const signature = await signer.sign(signatureBase(message, parameters));
  const headers = signatureHeaders(message, parameters, signature);
  return content === null ? headers : { ...headers, 'content-type': content.type, 'content-digest': content.digest };
}
