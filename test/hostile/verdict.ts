// What the service says to one mutated request, and whether it may say that. The way is that of the HTTP edge: octets,
// strict JSON, the shape of the contract, the use case; only the connection is missing.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChallengedEnrollment } from '../../src/domain/enrollment.ts';
import type { Refusal } from '../../src/domain/result.ts';
import { parseStrictJson } from '../../src/domain/strict-json.ts';
import type { ActivationBody, ChallengeResource, EnrollmentAnswer, EnrollmentBody } from '../../src/domain/wire.ts';
import { compileContract } from '../../src/http/contract.ts';
import { type ProblemEntry, problems } from '../../src/http/problem-table.ts';
import { type Certificate, readCertificate } from '../../src/x509/certificate.ts';
import { type Estate, freshService, type Prepared } from './enrollment-memory.ts';

/** A certificate, and where it was asked for. */
export type Given = { readonly profile: string; readonly certificate: Certificate };

export type Verdict =
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] }
  | { readonly kind: 'challenged'; readonly challenge: ChallengeResource; readonly enrollment: ChallengedEnrollment }
  | { readonly kind: 'issued'; readonly given: readonly Given[] }
  | { readonly kind: 'pending' };

const contract = compileContract(readFileSync(join(import.meta.dirname, '../../openapi.yaml'), 'utf8'));
const shapes = {
  begin: contract.operation<never, EnrollmentBody>('POST', '/v1/enrollments'),
  activation: contract.operation<never, ActivationBody>('POST', '/v1/enrollments/{id}/activation'),
};
const maxOctets = { begin: 96 * 1024, activation: 192 * 1024 } as const;

const refused = (refusal: Refusal | readonly Refusal[]): Verdict => ({
  kind: 'refused',
  refusals: 'reason' in refusal ? [refusal] : refusal,
});

function bodyOf<Name extends keyof typeof shapes>(name: Name, text: Buffer) {
  if (text.length > maxOctets[name]) return { ok: false, error: { reason: 'bodyTooLarge', detail: '' } } as const;
  const json = parseStrictJson(text);
  return json.ok ? (shapes[name].readBody(json.value) as ReturnType<(typeof shapes)[Name]['readBody']>) : json;
}

/** Sends POST /v1/enrollments to a service of its own. */
export async function tryBegin(estate: Estate, prepared: Prepared, text: Buffer): Promise<Verdict> {
  const body = bodyOf('begin', text);
  if (!body.ok) return refused(body.error);
  const service = freshService(estate, prepared, null);
  const challenge = await service.begin(body.value, { now: estate.now });
  if (!challenge.ok) return refused(challenge.error);
  const enrollment = service.enrollment();
  if (enrollment?.state !== 'challenged') throw new Error('a challenge without an enrollment');
  return { kind: 'challenged', challenge: challenge.value, enrollment };
}

/** Sends POST …/activation to a service of its own, which has this enrollment, its challenge unspent. */
export async function tryActivation(
  estate: Estate,
  facts: { readonly prepared: Prepared; readonly begun: ChallengedEnrollment },
  text: Buffer,
): Promise<Verdict> {
  const body = bodyOf('activation', text);
  if (!body.ok) return refused(body.error);
  const service = freshService(estate, facts.prepared, facts.begun);
  const bodySha256 = createHash('sha256').update(text).digest('hex');
  const answer = await service.activate({ id: facts.begun.id, body: body.value, bodySha256 }, { now: estate.now });
  if (!answer.ok) return refused(answer.error);
  return answer.value.state === 'issued' ? { kind: 'issued', given: givenIn(answer.value) } : { kind: 'pending' };
}

/** The certificates of an answer, read. */
function givenIn({ certificates }: Extract<EnrollmentAnswer, { readonly state: 'issued' }>): readonly Given[] {
  return certificates.map(({ profile, certificate }) => {
    const der = Buffer.from(certificate.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const read = readCertificate(new Uint8Array(der));
    if (!read.ok) throw new Error(read.error.detail);
    return { profile, certificate: read.value };
  });
}

/** Reasons that say that a challenge, token or nonce was used, or that one is too fast: no mutation deserves them. */
const undeserved: ReadonlySet<string> = new Set([
  ...['challengeSpent', 'activationInProgress', 'spentEnrollmentToken', 'spentNonce', 'tooManyEnrollments'],
  ...['issuanceInProgress', 'issuanceAbandoned', 'idempotencyKeyReused', 'lintFailed'],
]);

const table: ReadonlyMap<string, ProblemEntry> = new Map(Object.entries(problems));

/** What is wrong with a reason, or null when it may be given to a mutation. */
export function reasonFault(reason: string): string | null {
  const status = table.get(reason)?.status;
  if (status === undefined) return `the reason ${reason} is not in the table of problems`;
  if (status < 400 || status > 499 || status === 429) return `${reason} has status ${status}`;
  return undeserved.has(reason) ? `${reason} says that something was used, which was fresh` : null;
}

/** The octets that were signed, one certificate after the other: two answers with the same ones say the same. */
export const signedOctets = (given: readonly Given[]): string =>
  given.map(({ profile, certificate }) => `${profile} ${Buffer.from(certificate.tbs).toString('hex')}`).join('\n');
