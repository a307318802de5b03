// Nine thousand mutations of what a TPM really said, each against a fresh, unspent challenge, on the functions that
// verify; and a thousand of what a host asks for with good signatures. OMENS_HOSTILE_SEED draws other ones.
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { Refusal } from '../../src/domain/result.ts';
import { problems } from '../../src/http/problem-table.ts';
import { loadPolicies } from '../../src/policies.ts';
import { loadEndorsementPolicy } from '../../src/x509/endorsement-chain.ts';
import {
  membersOfActivation,
  membersOfBegin,
  type MutatedBody,
  mutateBody,
  octetsOf,
} from '../hostile/body-mutations.ts';
import { diceOf, seedOfRun } from '../hostile/dice.ts';
import type { Estate } from '../hostile/enrollment-memory.ts';
import { canOpen, record, type Recording } from '../hostile/recording.ts';
import { goodSealed, mutateSealed, mutateSealedDocument } from '../hostile/sealed-mutations.ts';
import { makeSealer, type Sealer } from '../hostile/sealing.ts';
import { heapInUse, report, tally } from '../hostile/tally.ts';
import { type Given, reasonFault, signedOctets, tryActivation, tryBegin, type Verdict } from '../hostile/verdict.ts';
import { mayStay } from '../hostile/unchanged.ts';
import { activeIssuer, makeEstate } from '../unit/issuance/scene.ts';
import { type CertifiedSoftwareTpm, startCertifiedSwtpm, withTpm } from './swtpm.ts';

const seed = seedOfRun();
const count = 9_000;

let swtpm: CertifiedSoftwareTpm;
let estate: Estate;
/** By an RSA-2048 EK, and by a P-384 EK with a DevID of RSA. */
let recordings: readonly Recording[];
let sealer: Sealer;
/** What the unmutated material gives, in the order of `recordings`, and what the sealer's gives. */
let original: readonly string[];
let sealedOriginal: readonly Given[];
/** Good structures of all recordings, to borrow from. */
let others: readonly Uint8Array[];

const spec = (): string => `unix:${swtpm.socketPath}`;

beforeAll(async () => {
  swtpm = await startCertifiedSwtpm();
  const now = new Date();
  const der = (pem: string): Uint8Array => new Uint8Array(new X509Certificate(pem).raw);
  const policies = loadPolicies(join(import.meta.dirname, '../../policies'));
  // The intermediate travels with the request, so that it is mutated, too.
  const policy = loadEndorsementPolicy({
    roots: [{ file: 'root', der: der(swtpm.ekRootPem) }],
    intermediates: [],
  });
  if (!policies.ok || !policy.ok) throw new Error(JSON.stringify([policies, policy]));
  const issuer = activeIssuer(await makeEstate());
  // The CA of the estate begins at an instant of its own; EK certificates begin now.
  const { profiles, tpmDenials } = policies.value;
  estate = { issuer, profiles, tpmDenials, endorsementPolicy: policy.value, now };
  const intermediates = [der(swtpm.ekIntermediatePem)];
  recordings = await withTpm(spec(), async (tpm) => [
    await record(tpm, estate, { ek: 'L-1', devid: 'p256', intermediates }),
    await record(tpm, estate, { ek: 'H-3', devid: 'rsa2048', intermediates }),
  ]);
  sealer = await makeSealer(estate, recordings[1]!);
  others = recordings.flatMap(({ begin, activation }) =>
    [...membersOfBegin(begin), ...membersOfActivation(activation)].map(({ text }) => octetsOf(text)),
  );
  original = await Promise.all(
    recordings.map(async (one) => signedOctets(await issuedBy(one, bodyText(one.activation)))),
  );
  sealedOriginal = await issuedBy(sealer, goodSealed(sealer));
}, 60_000);

afterAll(() => swtpm.stop());

const bodyText = (body: object): Buffer => Buffer.from(JSON.stringify(body), 'utf8');

async function issuedBy(facts: Pick<Recording, 'prepared' | 'begun'>, text: Buffer): Promise<readonly Given[]> {
  const verdict = await tryActivation(estate, facts, text);
  if (verdict.kind !== 'issued') throw new Error(`the good activation is not answered: ${JSON.stringify(verdict)}`);
  return verdict.given;
}

/** What is counted and what is wrong, over a run. */
function book() {
  const [reasons, unchanged, less] = [tally(), tally(), tally()];
  const faults: string[] = [];
  const refused = (refusals: readonly Refusal[], what: string): void => {
    for (const { reason } of refusals) {
      const fault = reasonFault(reason);
      if (fault !== null) faults.push(`${what}: ${fault}`);
    }
    const { reason } = refusals[0]!;
    const entries: Readonly<Record<string, { readonly status: number }>> = problems;
    reasons.add(`${entries[reason]?.status ?? '---'} ${reason}`);
  };
  return { reasons, unchanged, less, faults, refused };
}

type Book = ReturnType<typeof book>;

type Attempt = { readonly mutated: MutatedBody; readonly what: string; readonly book: Book };

/** An activation that was answered must give the very certificates of the original. */
function judge(verdict: Verdict, expected: string, { mutated, what, book: { unchanged, faults, refused } }: Attempt) {
  if (verdict.kind === 'refused') {
    refused(verdict.refusals, what);
    return;
  }
  const isAllowed = recordings.some(({ begin }) => mayStay(mutated, begin.ekCertificates[0]!));
  if (verdict.kind === 'issued' && signedOctets(verdict.given) === expected && isAllowed) {
    unchanged.add(`${mutated.at} ${mutated.kind}`);
    return;
  }
  faults.push(`${what}: ${verdict.kind}, and its meaning is not that of the original`);
}

let asked = 0;
let heapAtThousand = 0;

async function tryMutatedBegin(which: number, attempt: Attempt): Promise<void> {
  const recording = recordings[which]!;
  const { prepared, begun, activation } = recording;
  const verdict = await tryBegin(estate, prepared, attempt.mutated.text);
  if (verdict.kind !== 'challenged') {
    judge(verdict, '', attempt);
    return;
  }
  const { enrollment } = verdict;
  const isForThisTpm =
    enrollment.attestationKey.name === begun.attestationKey.name &&
    enrollment.endorsementKey.fingerprint === begun.endorsementKey.fingerprint;
  if (isForThisTpm) {
    const then = await tryActivation(estate, { prepared, begun: enrollment }, bodyText(activation));
    judge(then, original[which]!, attempt);
    return;
  }
  if (enrollment.endorsementKey.fingerprint !== begun.endorsementKey.fingerprint) {
    attempt.book.faults.push(`${attempt.what}: a challenge for another EK than that of the certificate`);
  }
  // Challenged for a key that is in no TPM: nobody can answer. Asking swtpm is slow, so it is asked a few times only.
  if (asked++ < 6 && (await withTpm(spec(), (tpm) => canOpen(tpm, recording, verdict.challenge)))) {
    attempt.book.faults.push(`${attempt.what}: the TPM opens a challenge that is for another key`);
  }
  const guess = bodyText({ ...activation, secret: Buffer.alloc(32, 7).toString('base64url') });
  judge(await tryActivation(estate, { prepared, begun: enrollment }, guess), '', attempt);
}

/** Runs `work` for each number; what it throws is a fault of ours. */
async function each(times: number, into: Book, work: (at: number) => Promise<void>): Promise<void> {
  for (let at = 0; at < times; at += 1) {
    try {
      await work(at);
    } catch (error) {
      into.faults.push(`mutation ${at} of seed ${seed} threw ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
}

describe(`mutations of seed ${seed}`, () => {
  test('the unmutated material gives the certificates that were granted', () => {
    const profiles = original.map((text) => text.split('\n').map((line) => line.split(' ')[0]));
    expect(profiles).toEqual([
      ['devid', 'keylime-agent'],
      ['devid', 'keylime-agent'],
    ]);
    expect(sealedOriginal.map(({ profile }) => profile)).toEqual(['devid', 'keylime-agent']);
  });

  test('each of nine thousand is refused for its own reason, or gives the very certificates of the original', async () => {
    const dice = diceOf(seed);
    const run = book();
    const begins = recordings.map(({ begin }) => ({ body: begin, members: membersOfBegin(begin) }));
    const activations = recordings.map(({ activation }) => ({
      body: activation,
      members: membersOfActivation(activation),
    }));
    await each(count, run, async (at) => {
      if (at === 1_000) heapAtThousand = await heapInUse();
      const which = dice.roll(2);
      const described = (mutated: MutatedBody): Attempt => ({
        mutated,
        what: `mutation ${at} of seed ${seed}, ${mutated.kind} of ${mutated.at}`,
        book: run,
      });
      if (at % 2 === 0) {
        const { body, members } = begins[which]!;
        return tryMutatedBegin(which, described(mutateBody(body, { dice, members, others })));
      }
      if (at % 3 === 0) {
        const mutated = mutateSealed(sealer, dice, others);
        judge(await tryActivation(estate, sealer, mutated.text), signedOctets(sealedOriginal), described(mutated));
        return;
      }
      const { body, members } = activations[which]!;
      const mutated = mutateBody(body, { dice, members, others });
      judge(await tryActivation(estate, recordings[which]!, mutated.text), original[which]!, described(mutated));
    });
    report(`${count} mutations of seed ${seed} on the verifying functions`, {
      'refused, by status and reason': run.reasons.lines(),
      'meaning unchanged, the very certificates of the original': run.unchanged.lines(),
    });
    expect(run.faults.slice(0, 20)).toEqual([]);
  }, 120_000);

  test('each of a thousand documents with good signatures is refused, or gets no more than was granted', async () => {
    const dice = diceOf(seed + 1);
    const run = book();
    const known = new Map(sealedOriginal.map(({ profile, certificate }) => [profile, certificate]));
    /** The same key, and names among those of the original. */
    const isWithin = ({ profile, certificate }: Given): boolean => {
      const one = known.get(profile);
      const names = (of: typeof certificate): readonly string[] =>
        (of.subjectAltName ?? []).map((name) => JSON.stringify(name));
      return (
        one !== undefined &&
        Buffer.from(one.subjectPublicKeyInfo).equals(certificate.subjectPublicKeyInfo) &&
        names(certificate).every((name) => names(one).includes(name))
      );
    };
    await each(1_000, run, async (at) => {
      const mutated = mutateSealedDocument(sealer, dice);
      const what = `document ${at} of seed ${seed}, ${mutated.kind}`;
      const verdict = await tryActivation(estate, sealer, mutated.text);
      if (verdict.kind === 'refused') {
        run.refused(verdict.refusals, what);
        return;
      }
      if (verdict.kind !== 'issued' || !verdict.given.every(isWithin)) return void run.faults.push(what);
      const isSame = signedOctets(verdict.given) === signedOctets(sealedOriginal);
      (isSame ? run.unchanged : run.less).add(mutated.kind);
    });
    report(`1000 mutated documents of seed ${seed}, signed as if they were good`, {
      'refused, by status and reason': run.reasons.lines(),
      'meaning unchanged, the very certificates of the original': run.unchanged.lines(),
      'asked for less, and got less': run.less.lines(),
    });
    expect(run.faults.slice(0, 20)).toEqual([]);
  }, 60_000);

  test('leave the heap as it was: after ten thousand within a tenth of what it was after one', async () => {
    const now = await heapInUse();
    const shown = [heapAtThousand, now].map((octets) => `${(octets / 2 ** 20).toFixed(1).padStart(7)} MiB`);
    report('heap in use after gc', { 'after 1000 and after 10000': shown });
    expect(Math.abs(now / heapAtThousand - 1)).toBeLessThan(0.1);
  });
});
