// The same request, asked again: what became of the first attempt decides. Retransmission is how a host survives a lost
// reply, so it must never make a second certificate, nor be locked out by what a crash left behind.
import type { CertificateRecord } from '../domain/certificate.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { IssueReason, IssueRequest } from './issue.ts';
import type { EarlierAttempt, IssuanceStore } from './records.ts';

/** What to do about an earlier attempt at an instant. Pure. */
export type EarlierDecision = 'none' | 'answer' | 'wait' | 'refuse' | 'takeOver';

/** Decides by the attempt's outcome, its lease and whether the body is the same. */
export function decideEarlier(attempt: EarlierAttempt | null, bodySha256: string, now: Date): EarlierDecision {
  if (attempt === null) return 'none';
  if (attempt.bodySha256 !== null && attempt.bodySha256 !== bodySha256) return 'refuse';
  if (attempt.outcome === 'issued') return 'answer';
  if (attempt.outcome === 'abandoned') return 'takeOver';
  return now < attempt.leaseUntil ? 'wait' : 'takeOver';
}

/**
 * The certificate that an earlier attempt made, or null when this request may go on: attempts that a crash left open
 * are revoked first. A refusal when another attempt is under way, or the idempotency key was used for another body.
 */
export async function earlierAnswer(
  store: IssuanceStore,
  request: IssueRequest,
): Promise<Result<CertificateRecord | null, Refusal<IssueReason>>> {
  if (request.idempotency !== null) return byIdempotencyKey(store, request, request.idempotency);
  if (request.conversationId !== null && request.lineageId !== null) {
    return ok(
      await byConversation(store, request, { conversationId: request.conversationId, lineageId: request.lineageId }),
    );
  }
  return ok(null);
}

async function byIdempotencyKey(
  store: IssuanceStore,
  request: IssueRequest,
  idempotency: NonNullable<IssueRequest['idempotency']>,
): Promise<Result<CertificateRecord | null, Refusal<IssueReason>>> {
  const attempt = await store.findByIdempotencyKey(request.principal, idempotency.key, request.now);
  const decision = decideEarlier(attempt, idempotency.bodySha256, request.now);
  if (attempt === null || decision === 'none') return ok(null);
  switch (decision) {
    case 'answer':
      return ok(attempt.certificate);
    case 'refuse':
      return err({
        reason: 'idempotencyKeyReused',
        detail: 'this Idempotency-Key was used within 24 hours for another request body',
        field: 'Idempotency-Key',
        accepted: 'a fresh key for each new request; the same key only with the identical body',
      });
    case 'wait':
      return err({
        reason: 'issuanceInProgress',
        detail: 'the same request is being answered at this moment',
        accepted: 'the same request again, a little later',
      });
    case 'takeOver': {
      const { issuerId, serialNumber } = attempt;
      await store.abandonIntent({ issuerId, serialNumber, by: 'retry', at: request.now });
      await store.releaseIdempotencyKey(request.principal, idempotency.key, serialNumber);
      return ok(null);
    }
    default:
      return decision satisfies never;
  }
}

/** The caller holds the enrollment's lease, so an open intent of it can only be what a crash left. */
async function byConversation(
  store: IssuanceStore,
  request: IssueRequest,
  pair: { readonly conversationId: string; readonly lineageId: string },
): Promise<CertificateRecord | null> {
  const attempts = await store.findByConversation(pair.conversationId, pair.lineageId);
  const issued = attempts.find((attempt) => attempt.outcome === 'issued');
  if (issued !== undefined) return issued.certificate;
  for (const { issuerId, serialNumber, outcome } of attempts) {
    if (outcome === null) await store.abandonIntent({ issuerId, serialNumber, by: 'retry', at: request.now });
  }
  return null;
}
