// Mutations of the two requests of an enrollment: one is drawn, applied to one place, and described.
import type { ActivationBody, EnrollmentBody } from '../../src/domain/wire.ts';
import type { Dice } from './dice.ts';
import { mutateOctets } from './octet-mutations.ts';
import {
  type MutatedOctets,
  mutateDerSignature,
  mutatePublicArea,
  mutateTpmSignature,
  mutateWrapping,
} from './structure-mutations.ts';
import { mutateBase64url, mutateText, mutateTree, respell, withAt } from './text-mutations.ts';

/** A body as it would travel. `kind` is for the histogram, `at` says where. */
export type MutatedBody = { readonly kind: string; readonly at: string; readonly text: Buffer };

type Path = readonly (string | number)[];
export type Structure = 'publicArea' | 'certificate' | 'attest' | 'signature' | 'document' | 'secret';

/** A binary member of a body. */
export type Member = { readonly path: Path; readonly structure: Structure; readonly text: string };

/** The binary members of POST /v1/enrollments. */
export const membersOfBegin = (body: EnrollmentBody): readonly Member[] => [
  { path: ['ekPublic'], structure: 'publicArea', text: body.ekPublic },
  { path: ['akPublic'], structure: 'publicArea', text: body.akPublic },
  ...body.ekCertificates.map((text, at) => ({ path: ['ekCertificates', at], structure: 'certificate' as const, text })),
];

/** The binary members of POST …/activation. */
export const membersOfActivation = (body: ActivationBody): readonly Member[] => [
  { path: ['secret'], structure: 'secret', text: body.secret },
  { path: ['request'], structure: 'document', text: body.request },
  ...body.certifications.flatMap(({ attest, signature, proof }, at): readonly Member[] => [
    { path: ['certifications', at, 'attest'], structure: 'attest', text: attest },
    { path: ['certifications', at, 'signature'], structure: 'signature', text: signature },
    { path: ['certifications', at, 'proof'], structure: 'signature', text: proof },
  ]),
];

export const octetsOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));
export const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');

/** Changes octets as what they are, or as mere octets. */
export function mutateStructure(
  octets: Uint8Array,
  structure: Structure,
  drawing: { readonly dice: Dice; readonly others: readonly Uint8Array[] },
): MutatedOctets {
  const { dice, others } = drawing;
  if (dice.roll(3) === 0) {
    if (structure === 'publicArea') return mutatePublicArea(octets, dice);
    if (structure === 'signature') return mutateTpmSignature(octets, dice);
    if (structure === 'certificate') return mutateCertificate(octets, dice, others);
    if (structure === 'document') {
      const text = Buffer.from(octets).toString('utf8');
      const mutated = dice.roll(2) === 0 ? mutateTree(JSON.parse(text), dice) : mutateText(text, dice);
      return { kind: `document.${mutated.kind}`, octets: new Uint8Array(mutated.text) };
    }
  }
  return mutateOctets(octets, dice, others);
}

/** As it lies in NV, with another signature, or with something else in the place of the padding. */
function mutateCertificate(octets: Uint8Array, dice: Dice, others: readonly Uint8Array[]): MutatedOctets {
  const choice = dice.roll(3);
  if (choice === 0) return mutateDerSignature(octets, dice);
  if (choice === 1) return mutateWrapping(octets, dice);
  return { kind: 'anotherBehind', octets: new Uint8Array(Buffer.concat([octets, dice.pick(others)])) };
}

type Drawing = {
  readonly dice: Dice;
  readonly members: readonly Member[];
  /** Good structures of the same and of another enrollment. */
  readonly others: readonly Uint8Array[];
};

/** Draws one mutation of a body; draws again when it left every octet as it was. */
export function mutateBody(body: object, drawing: Drawing): MutatedBody {
  const good = JSON.stringify(body);
  for (;;) {
    const mutated = drawOne(body, drawing);
    if (mutated.text.toString('latin1') !== Buffer.from(good).toString('latin1')) return mutated;
  }
}

function drawOne(body: object, { dice, members, others }: Drawing): MutatedBody {
  const family = dice.roll(20);
  if (family === 0) return { ...respell(body, dice), at: 'body' };
  if (family === 1) return { ...mutateText(JSON.stringify(body), dice), at: 'body' };
  if (family <= 4) return { ...mutateTree(body, dice), at: 'body' };
  const member = dice.pick(members);
  const at = member.path.join('.');
  const placed = (kind: string, text: string): MutatedBody => ({
    kind,
    at,
    text: Buffer.from(JSON.stringify(withAt(body, member.path, text)), 'utf8'),
  });
  if (family === 5) {
    const { kind, text } = mutateBase64url(member.text, dice);
    return placed(`base64url.${kind}`, text);
  }
  if (family === 6) return placed('anotherMember', dice.pick(members).text);
  const { kind, octets } = mutateStructure(octetsOf(member.text), member.structure, { dice, others });
  return placed(kind, base64url(octets));
}
