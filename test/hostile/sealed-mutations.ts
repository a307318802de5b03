// Mutations of what stands behind the signatures: the CSR, the certified keys, the attestation. Each is signed as if it
// were good.
import type { ActivationBody } from '../../src/domain/wire.ts';
import { parseTpmsAttest, type TpmsAttest } from '../../src/tpm2/attest.ts';
import { mutateStructure } from './body-mutations.ts';
import type { Dice } from './dice.ts';
import { mutateOctets } from './octet-mutations.ts';
import { documentOf, seal, type Sealer, signedCsr, type Tampering } from './sealing.ts';
import { mutateDerSignature } from './structure-mutations.ts';
import { mutateText, mutateTree, respell } from './text-mutations.ts';
import { isHarmlessAttest, isHarmlessKey } from './unchanged.ts';

/** A body whose signatures are good, and what was changed beneath them. */
export type SealedMutation = { readonly kind: string; readonly at: string; readonly text: Buffer };

const octetsOfText = (value: unknown): Uint8Array => new Uint8Array(Buffer.from(JSON.stringify(value), 'utf8'));
const bodyText = (body: ActivationBody): Buffer => Buffer.from(JSON.stringify(body), 'utf8');

const publicsOf = ({ keys }: Sealer): readonly Uint8Array[] => keys.map((one) => one.public);

/** The unmutated body of a host that seals. */
export function goodSealed(sealer: Sealer): Buffer {
  const publics = publicsOf(sealer);
  const csr = signedCsr(sealer.csr.info, sealer.csr.key);
  return bodyText(seal(sealer, octetsOfText(documentOf({ csr, publics })), { publics }));
}

/** Changes a structure beneath the signatures: who asks for what stays the same. */
export function mutateSealed(sealer: Sealer, dice: Dice, others: readonly Uint8Array[]): SealedMutation {
  const family = dice.roll(5);
  if (family === 0) return mutatedCsr(sealer, dice, others);
  if (family === 1) return mutatedCsrInfo(sealer, dice, others);
  if (family === 2) return mutatedKey(sealer, dice, others);
  return mutatedAttest(sealer, dice, others);
}

function withCsr(sealer: Sealer, csr: Uint8Array): Buffer {
  const publics = publicsOf(sealer);
  return bodyText(seal(sealer, octetsOfText(documentOf({ csr, publics })), { publics }));
}

function mutatedCsr(sealer: Sealer, dice: Dice, others: readonly Uint8Array[]): SealedMutation {
  const good = signedCsr(sealer.csr.info, sealer.csr.key);
  const { kind, octets } = dice.roll(4) === 0 ? mutateDerSignature(good, dice) : mutateOctets(good, dice, others);
  return { kind, at: 'sealed csr', text: withCsr(sealer, octets) };
}

/** Its own key signs the changed info: only what it says is wrong. */
function mutatedCsrInfo(sealer: Sealer, dice: Dice, others: readonly Uint8Array[]): SealedMutation {
  const { kind, octets } = mutateOctets(sealer.csr.info, dice, others);
  return { kind, at: 'sealed csr info', text: withCsr(sealer, signedCsr(octets, sealer.csr.key)) };
}

function mutatedKey(sealer: Sealer, dice: Dice, others: readonly Uint8Array[]): SealedMutation {
  const csr = signedCsr(sealer.csr.info, sealer.csr.key);
  const at = dice.roll(2);
  const { kind, octets } = mutateStructure(publicsOf(sealer)[at]!, 'publicArea', { dice, others });
  const publics = publicsOf(sealer).with(at, octets);
  const text = bodyText(seal(sealer, octetsOfText(documentOf({ csr, publics })), { publics }));
  return { kind, at: `sealed key ${at}${isHarmlessKey(octets) ? ' harmless' : ''}`, text };
}

const attestChanges = (dice: Dice): Readonly<Record<string, (attest: TpmsAttest) => TpmsAttest>> => ({
  magic: (attest) => ({ ...attest, magic: dice.pick([0, 0xff544346, 0x80018001]) }),
  quote: (attest) => ({
    ...attest,
    attested: { type: 'quote', pcrSelect: [], pcrDigest: new Uint8Array(32) },
  }),
  extraData: (attest) => ({ ...attest, extraData: dice.pick([new Uint8Array(), dice.octets(32), dice.octets(31)]) }),
  name: (attest) => ({
    ...attest,
    attested: { type: 'certify', name: dice.octets(34), qualifiedName: dice.octets(34) },
  }),
  qualifiedSigner: (attest) => ({ ...attest, qualifiedSigner: dice.octets(34) }),
  clock: (attest) => ({
    ...attest,
    clockInfo: { clock: BigInt(dice.roll(0x7fffffff)), resetCount: dice.roll(9), restartCount: 0, safe: false },
  }),
  firmware: (attest) => ({ ...attest, firmwareVersion: BigInt(dice.roll(0x7fffffff)) }),
});

function mutatedAttest(sealer: Sealer, dice: Dice, others: readonly Uint8Array[]): SealedMutation {
  const csr = signedCsr(sealer.csr.info, sealer.csr.key);
  const publics = publicsOf(sealer);
  const document = octetsOfText(documentOf({ csr, publics }));
  const changes = attestChanges(dice);
  let kind = dice.pick(Object.keys(changes));
  let tampering: Tampering = { attest: changes[kind]! };
  if (dice.roll(2) === 0) {
    kind = 'harmlessOctets';
    const octets = (said: Uint8Array): Uint8Array => {
      const changed = mutateOctets(said, dice, others).octets;
      if (!isHarmlessAttest(changed, parseTpmsAttest(said))) kind = 'octets';
      return changed;
    };
    tampering = { octets };
  }
  const text = bodyText(seal(sealer, document, { publics, tampering }));
  return { kind, at: 'sealed attest', text };
}

/** Changes what the document asks for. That may be less, or the same in other words; never more. */
export function mutateSealedDocument(sealer: Sealer, dice: Dice): SealedMutation {
  const publics = publicsOf(sealer);
  const document = documentOf({ csr: signedCsr(sealer.csr.info, sealer.csr.key), publics });
  const choice = dice.roll(8);
  const mutated =
    choice === 0
      ? respell(document, dice)
      : choice < 3
        ? mutateText(JSON.stringify(document), dice)
        : mutateTree(document, dice);
  const text = bodyText(seal(sealer, new Uint8Array(mutated.text), { publics }));
  return { kind: mutated.kind, at: 'sealed document', text };
}
