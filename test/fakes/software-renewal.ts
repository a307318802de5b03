// What a host with a software TPM sends when it renews or confirms: honest but for what a test changes.
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { ConfirmationBody, ObservedUse, RenewalBody } from '../../src/domain/lineage-wire.ts';
import { encodeTpmsAttest } from '../../src/tpm2/attest.ts';
import { TpmWriter } from '../../src/tpm2/cursor.ts';
import { nameOf } from '../../src/tpm2/name.ts';
import { encodeTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { certifyAttest, ecdsa } from '../unit/tpm2/samples.ts';
import type { SoftwareHost, SoftwareKey } from './software-host.ts';

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');

/** What a test may change about a renewal. */
export type RenewalChange = {
  readonly certifier?: SoftwareKey;
  readonly prover?: SoftwareKey;
  readonly label?: string;
  readonly nonce?: Uint8Array;
  /** The lineage that the AK speaks of, and the one that the document names. */
  readonly attestedLineage?: string;
  readonly documentLineage?: string;
  readonly document?: Readonly<Record<string, unknown>>;
};

/** The renewal of a DevID lineage for this key. */
export function tpmRenewal(
  host: SoftwareHost,
  asked: { readonly lineage: string; readonly nonce: Uint8Array; readonly key: SoftwareKey },
  change: RenewalChange = {},
): RenewalBody {
  const { lineage, nonce, key } = asked;
  const named = { version: 1, lineage: change.documentLineage ?? lineage };
  const document = change.document ?? { ...named, key: { public: base64url(encodeTpm2bPublic(key.area)) } };
  const request = Buffer.from(JSON.stringify(document), 'utf8');
  const statement = Buffer.concat([
    Buffer.from(`${change.label ?? 'omens-renewal-v1'}\0${change.attestedLineage ?? lineage}`, 'ascii'),
    change.nonce ?? nonce,
    createHash('sha256').update(request).digest(),
  ]);
  const extraData = new Uint8Array(createHash('sha256').update(statement).digest());
  const attest = encodeTpmsAttest(certifyAttest(nameOf(key.area), { extraData }));
  return {
    request: base64url(request),
    certification: {
      attest: base64url(new TpmWriter().sized(attest).finish()),
      signature: base64url(ecdsa((change.certifier ?? host.ak).privateKey, attest)),
      proof: base64url(ecdsa((change.prover ?? key).privateKey, statement)),
    },
  };
}

/** The renewal of a lineage whose key is in a file. */
export const csrRenewal = (lineage: string, csr: Uint8Array): RenewalBody => ({
  request: base64url(Buffer.from(JSON.stringify({ version: 1, lineage, key: { csr: base64url(csr) } }), 'utf8')),
});

/** SHA-256 of a body as JSON, hex. */
export const renewalDigest = (body: RenewalBody): string =>
  createHash('sha256').update(JSON.stringify(body)).digest('hex');

const observation: ObservedUse = {
  installedAt: '2026-11-23T12:00:00Z',
  generation: 2,
  servedSha256: null,
  hasSpireAgent: false,
  checks: [],
};

/** The confirmation of a certificate in the default place. */
export function confirmation(
  used: { readonly fingerprint: string; readonly nonce: Uint8Array; readonly key: KeyObject | SoftwareKey },
  over: { readonly place?: string; readonly observed?: Partial<ObservedUse>; readonly label?: string } = {},
): ConfirmationBody {
  const { fingerprint, nonce, key } = used;
  const privateKey = 'privateKey' in key ? key.privateKey : key;
  const label = over.label ?? 'omens-confirmation-v1';
  const message = Buffer.concat([Buffer.from(`${label}\0${fingerprint}`, 'ascii'), nonce]);
  const signer = {
    key: createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })),
    dsaEncoding: 'ieee-p1363',
  };
  return {
    place: over.place ?? '',
    signature: base64url(sign('sha256', message, signer as { key: KeyObject; dsaEncoding: 'ieee-p1363' })),
    observed: { ...observation, ...over.observed },
  };
}
