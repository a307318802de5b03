// Reads `request` of a renewal: which lineage, and the one key that is to be certified. Strict JSON, known members only,
// bounded; whether the key is proved and may be certified is decided elsewhere.
import { isUuid } from '../domain/identifiers.ts';
import type { Refusal, Result } from '../domain/result.ts';
import {
  demandVersion,
  keyLimits,
  malformed,
  membersOf,
  octetsIn,
  readDocumentOf,
  type RequestDocumentReason,
} from './document-reading.ts';

/** What was asked for, binary decoded: a TPM2B_PUBLIC, or a PKCS #10 request. */
export type ReadRenewal = {
  /** Lineage id. */
  readonly lineage: string;
  readonly key: { readonly public: Uint8Array } | { readonly csr: Uint8Array };
};

/** Octets of the document: one key or one CSR in base64url, and little else. */
export const maxRenewalOctets = 24 * 1024;

/** Reads the octets of a document, or says the first thing that is wrong with it. */
export const parseRenewalDocument = (octets: Uint8Array): Result<ReadRenewal, Refusal<RequestDocumentReason>> =>
  readDocumentOf(octets, maxRenewalOctets, readRenewal);

function readRenewal(value: unknown): ReadRenewal {
  const members = membersOf(value, 'request', { required: ['version', 'lineage', 'key'], optional: [] });
  demandVersion(members['version']);
  const lineage = members['lineage'];
  if (typeof lineage !== 'string' || !isUuid(lineage)) {
    return malformed('request.lineage', 'the id of the lineage, lower-case UUID text');
  }
  return { lineage, key: readKey(members['key']) };
}

function readKey(value: unknown): ReadRenewal['key'] {
  const key = membersOf(value, 'request.key', { required: [], optional: ['public', 'csr'] });
  if (Object.keys(key).length !== 1) return malformed('request.key', 'either public or csr');
  return 'public' in key
    ? { public: octetsIn(key['public'], 'request.key.public', keyLimits.publicOctets) }
    : { csr: octetsIn(key['csr'], 'request.key.csr', keyLimits.csrOctets) };
}
