// A host that means harm and holds a TPM: what it sends is mutated first and signed afterwards, so that the mutation is
// met behind the signatures. Its keys are software keys with the public areas of a TPM, since a TPM signs no nonsense.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { ChallengedEnrollment } from '../../src/domain/enrollment.ts';
import type { ActivationBody, EnrollmentRequestDocument } from '../../src/domain/wire.ts';
import { attestedStatement } from '../../src/domain/attested-statement.ts';
import { encodeTpmsAttest, type TpmsAttest } from '../../src/tpm2/attest.ts';
import { parsed, TpmWriter } from '../../src/tpm2/cursor.ts';
import { nameOf } from '../../src/tpm2/name.ts';
import { encodeTpm2bPublic, parseTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { attestationKey, signingKeyEcc } from '../../src/tpm2/templates.ts';
import { bitString, objectIdentifier, octetString, sequence, setOf } from '../../src/x509/der-writer.ts';
import { smallInteger, tagged, taggedPrimitive, utf8String } from '../../src/x509/der-writer.ts';
import { algorithmIdentifierDer } from '../../src/x509/signature-algorithm.ts';
import { certifyAttest, eccKey, ecdsa } from '../unit/tpm2/samples.ts';
import { base64url } from './body-mutations.ts';
import { type Estate, freshService, type Prepared } from './enrollment-memory.ts';
import { hostName, type Recording } from './recording.ts';

/** The keys of such a host, and its enrollment. */
export type Sealer = {
  readonly prepared: Prepared;
  readonly begun: ChallengedEnrollment;
  readonly ak: KeyObject;
  readonly keys: readonly {
    readonly role: 'request' | 'devid';
    readonly public: Uint8Array;
    readonly key: KeyObject;
  }[];
  readonly csr: { readonly info: Uint8Array; readonly key: KeyObject };
};

/** Begins an enrollment with the EK of a recording and an AK of its own. */
export async function makeSealer(estate: Estate, { begin, prepared }: Recording): Promise<Sealer> {
  const ak = eccKey(attestationKey);
  const service = freshService(estate, prepared, null);
  const body = { ...begin, akPublic: base64url(encodeTpm2bPublic(ak.area)) };
  const challenge = await service.begin(body, { now: estate.now });
  const begun = service.enrollment();
  if (!challenge.ok || begun?.state !== 'challenged') throw new Error(JSON.stringify(challenge));
  const keys = (['request', 'devid'] as const).map((role) => {
    const { area, privateKey } = eccKey(signingKeyEcc);
    return { role, public: encodeTpm2bPublic(area), key: privateKey };
  });
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  return { prepared, begun, ak: ak.privateKey, keys, csr: { info: csrInfo(spki, grantedNames), key: privateKey } };
}

export type RequestNames = {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  /** IPv4. */
  readonly addresses: readonly (readonly number[])[];
};

/** CertificationRequestInfo with a commonName and a subjectAltName (RFC 2986 §4, RFC 2985 §5.4.2). */
export function csrInfo(spki: Uint8Array, { commonName, dnsNames, addresses }: RequestNames): Uint8Array {
  const names = sequence(
    ...dnsNames.map((name) => taggedPrimitive(2, Buffer.from(name, 'ascii'))),
    ...addresses.map((octets) => taggedPrimitive(7, Uint8Array.from(octets))),
  );
  const extensions = sequence(sequence(objectIdentifier('2.5.29.17'), octetString(names)));
  const attribute = sequence(objectIdentifier('1.2.840.113549.1.9.14'), setOf(extensions));
  const subject = sequence(setOf(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName))));
  return sequence(smallInteger(0), subject, spki, tagged(0, attribute));
}

/** The names of the grant. */
const grantedNames: RequestNames = {
  commonName: hostName,
  dnsNames: [hostName, `agent.keylime.${hostName}`],
  addresses: [[10, 1, 2, 3]],
};

/** A CSR over this info, whatever it is. */
export const signedCsr = (info: Uint8Array, key: KeyObject): Uint8Array =>
  sequence(info, algorithmIdentifierDer('ecdsaWithSHA256'), bitString(new Uint8Array(sign('sha256', info, key))));

/** The request document of the ordinary case. */
export const documentOf = (parts: {
  readonly csr: Uint8Array;
  readonly publics: readonly Uint8Array[];
}): EnrollmentRequestDocument => ({
  version: 1,
  hostName,
  keys: [
    { role: 'request', public: base64url(parts.publics[0]!) },
    { role: 'devid', public: base64url(parts.publics[1]!) },
  ],
  certificates: [
    { profile: 'devid', key: 'devid' },
    { profile: 'keylime-agent', key: { csr: base64url(parts.csr) } },
  ],
});

/** What the AK is made to say about a key: changed before it is signed. */
export type Tampering = {
  readonly attest?: (attest: TpmsAttest) => TpmsAttest;
  readonly octets?: (attest: Uint8Array) => Uint8Array;
};

/** Has the keys speak for a document, as an agent would. `publics` are those that are certified. */
export function seal(
  { begun, prepared, ak, keys }: Sealer,
  request: Uint8Array,
  parts: { readonly publics: readonly Uint8Array[]; readonly tampering?: Tampering },
): ActivationBody {
  const statement = attestedStatement('enrollment', { id: begun.id, nonce: begun.challenge.nonce, request });
  const extraData = new Uint8Array(createHash('sha256').update(statement).digest());
  const tampering = parts.tampering ?? {};
  const certifications = keys.map(({ key }, at) => {
    const area = parsed(() => parseTpm2bPublic(parts.publics[at]!));
    const name = area.ok ? nameOf(area.value) : new Uint8Array(34);
    const honest = certifyAttest(name, { extraData });
    const said = encodeTpmsAttest(tampering.attest?.(honest) ?? honest);
    const content = tampering.octets?.(said) ?? said;
    return {
      attest: base64url(new TpmWriter().sized(content).finish()),
      signature: base64url(ecdsa(ak, content)),
      proof: base64url(ecdsa(key, statement)),
    };
  });
  return { secret: base64url(prepared.secret), request: base64url(request), certifications };
}
