// Endorsement keys: is this public area an EK by a TCG template, or one with downgraded parameters?
// That the key belongs to a TPM of a known maker is its certificate's to show, and is not judged here.

import { timingSafeEqual } from 'node:crypto';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { attributeFault, nameAlgFault, sizeFault } from './key-checks.ts';
import { encodeTpmtPublic, type SymmetricDefinition, type TpmtPublic } from './public-area.ts';
import { type PublicKeyRefusal, publicKeyOf, type TpmPublicKey } from './subject-public-key-info.ts';
import { type EkTemplateName, ekTemplates } from './templates.ts';

/** Why a public area is not accepted as an endorsement key. */
export type EndorsementKeyRefusal =
  | Refusal<'wrongAttributes' | 'weakNameAlg' | 'weakSymmetric' | 'unknownPolicy' | 'unknownTemplate' | 'keyTooSmall'>
  | PublicKeyRefusal;

declare const checked: unique symbol;

/** An EK whose public area passed `checkEndorsementKey`: the only kind of key that credentials are made for. */
export type EndorsementKey = {
  readonly area: TpmtPublic;
  readonly symmetric: SymmetricDefinition;
  readonly template: EkTemplateName;
  readonly publicKey: TpmPublicKey;
  readonly [checked]: true;
};

/**
 * Checks the public area of an EK, and says which template it follows. In order: `fixedTPM`, `fixedParent`,
 * `sensitiveDataOrigin`, `restricted`, `decrypt` set and `sign` clear; nameAlg at least SHA-256; AES-128 or AES-256 in
 * CFB mode; RSA of at least 2048 bits; authPolicy one of TCG's; all other parameters exactly a template's; a valid key.
 */
export function checkEndorsementKey(area: TpmtPublic): Result<EndorsementKey, EndorsementKeyRefusal> {
  const fault = attributeFault(area, ekAttributes) ?? nameAlgFault(area) ?? symmetricFault(area) ?? sizeFault(area);
  if (fault) return fault;
  const template = templateOf(area);
  if (template === null || area.symmetric === null) return templateFault(area);
  const publicKey = publicKeyOf(area);
  if (!publicKey.ok) return publicKey;
  return ok({ area, symmetric: area.symmetric, template, publicKey: publicKey.value } as EndorsementKey);
}

const ekAttributes = {
  set: ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'decrypt'],
  clear: ['sign'],
} as const;

function symmetricFault({ symmetric }: TpmtPublic) {
  if (symmetric?.mode === 'cfb' && symmetric.keyBits !== 192) return null;
  return err({
    reason: 'weakSymmetric',
    field: 'symmetric',
    detail: symmetric === null ? 'no symmetric algorithm' : `AES-${symmetric.keyBits}-${symmetric.mode}`,
    accepted: 'AES-128-CFB or AES-256-CFB, as the template says',
  } as const);
}

/** The template that a public area follows in everything but its unique field; `null` when there is none. */
export function templateOf(area: TpmtPublic): EkTemplateName | null {
  const wanted = encodeTpmtPublic(withoutUnique(area));
  for (const [name, template] of Object.entries(ekTemplates)) {
    const known = encodeTpmtPublic(withoutUnique(template));
    if (known.length === wanted.length && timingSafeEqual(known, wanted)) return name as EkTemplateName;
  }
  return null;
}

function withoutUnique(area: TpmtPublic): TpmtPublic {
  const empty = new Uint8Array(0);
  return area.type === 'rsa' ? { ...area, modulus: empty } : { ...area, x: empty, y: empty };
}

function templateFault(area: TpmtPublic) {
  const policies = Object.values(ekTemplates).map((template) => Buffer.from(template.authPolicy));
  if (!policies.some((policy) => policy.equals(area.authPolicy)))
    return err({
      reason: 'unknownPolicy',
      field: 'authPolicy',
      detail: 'authPolicy is none of those of the TCG EK templates',
      accepted: 'PolicyA or PolicyB of the TCG EK Credential Profile',
    } as const);
  return err({
    reason: 'unknownTemplate',
    detail: 'the parameters are not those of one TCG EK template',
    accepted: Object.keys(ekTemplates).join(', '),
  } as const);
}
