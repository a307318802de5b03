// Which mutations may leave the meaning as it was. The list is written by hand and does not ask the code under test: an
// acceptance that is not on it is a fault, even where the certificates are the very same.
import { parsed } from '../../src/tpm2/cursor.ts';
import { parseTpmsAttest, type TpmsAttest } from '../../src/tpm2/attest.ts';
import { parseTpm2bPublic, TPMA_OBJECT } from '../../src/tpm2/public-area.ts';
import type { MutatedBody } from './body-mutations.ts';

/** Where, and what kinds; both are matched whole. Certificates in NV and the token are looked at below. */
const harmless: readonly (readonly [at: RegExp, kind: RegExp])[] = [
  [/^body$/, /^(?:otherOrder|spaceAround|escapedName|indented)$/],
  [/^certifications\.\d\.(?:signature|proof)$/, /^(?:sNegated|leadingZero)$/],
  [/^sealed attest$/, /^(?:firmware|clock|qualifiedSigner|harmlessOctets)$/],
  [/^(?:sealed )?csr$/, /^signature\.(?:sNegated|leadingZero)$/],
  // Its own key signs it again, and no name of it is taken: what is refused is the parser's choice.
  [/^sealed csr info$/, /^[a-zA-Z+]+$/],
  [/^sealed key \d harmless$/, /./],
];

/** Whether an answer to it may be that of the original. `certificate` is the EK certificate of the good request. */
export function mayStay({ at, kind, text }: MutatedBody, certificate: string): boolean {
  if (harmless.some(([where, what]) => where.test(at) && what.test(kind))) return true;
  if (at === 'body' && kind === 'memberGone') return !text.includes('"token"');
  const sent = at === 'ekCertificates.0' || kind === 'elementTwice' ? certificatesIn(text) : [];
  if (at === 'body') return sent.length > 1 && sent[0] === certificate;
  return sent[0] !== undefined && isStored(octetsOf(sent[0]), octetsOf(certificate));
}

const octetsOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));

function certificatesIn(text: Buffer): readonly string[] {
  const { ekCertificates } = JSON.parse(text.toString('utf8')) as { readonly ekCertificates?: readonly string[] };
  return ekCertificates ?? [];
}

/** The good certificate as an NV index may hold it: behind a header of the PC Client profile, filled with 00 or FF. */
function isStored(octets: Uint8Array, good: Uint8Array): boolean {
  const size = (length: number): readonly number[] => [length >> 8, length & 0xff];
  const forms = [
    good,
    Uint8Array.of(0x10, 0x01, 0x00, ...size(good.length), ...good),
    Uint8Array.of(0x10, 0x01, 0x00, ...size(good.length + 2), 0x10, 0x02, ...good),
  ];
  return forms.some((form) => {
    const rest = octets.subarray(form.length);
    const isBegun = Buffer.from(octets.subarray(0, form.length)).equals(form);
    return isBegun && (rest.every((octet) => octet === 0) || rest.every((octet) => octet === 0xff));
  });
}

/** Whether a changed attestation still says what counts: by a TPM, of this kind, for this request, of this key. */
export function isHarmlessAttest(octets: Uint8Array, good: TpmsAttest): boolean {
  const attest = parsed(() => parseTpmsAttest(octets));
  if (!attest.ok || attest.value.attested.type !== 'certify' || good.attested.type !== 'certify') return false;
  const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);
  const { magic, extraData, attested } = attest.value;
  return magic === good.magic && same(extraData, good.extraData) && same(attested.name, good.attested.name);
}

/** Whether a changed public area is still one of a signing key that cannot leave its TPM. */
export function isHarmlessKey(octets: Uint8Array): boolean {
  const area = parsed(() => parseTpm2bPublic(octets));
  if (!area.ok) return false;
  const { attributes, nameAlg, scheme } = area.value;
  const bits = (...names: readonly (keyof typeof TPMA_OBJECT)[]): number =>
    names.reduce((sum, name) => sum | TPMA_OBJECT[name], 0);
  const set = bits('fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'userWithAuth', 'sign');
  const clear = bits('decrypt', 'restricted', 'stClear', 'adminWithPolicy');
  return (attributes & set) === set && (attributes & clear) === 0 && nameAlg !== 'sha1' && scheme?.hash === 'sha256';
}
