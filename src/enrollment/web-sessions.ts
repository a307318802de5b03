// Signing in at the operator page: a session is opened by an operator token, stands for it, and ends with it. How a
// session travels (cookie, form) is http/.
import { createHash, createHmac } from 'node:crypto';
import { type OperatorTokenRecord, parseOperatorToken } from '../domain/operator-token.ts';
import { type Principal, principalText } from '../domain/principal.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import {
  isSessionOver,
  readSessionCookie,
  sessionEnd,
  sessionSecretOctets,
  sessionTouchSeconds,
  type WebSessionRecord,
} from '../domain/web-session.ts';
import {
  authenticateOperator,
  operatorOf,
  type OperatorTokenPorts,
  type OperatorTokenReason,
} from './operator-tokens.ts';

type Operator = Extract<Principal, { readonly kind: 'operator' }>;

/** Who came with what into the audit; never a secret. */
export type LoginRefusal = {
  readonly at: Date;
  readonly source: string;
  readonly reason: string;
  /** Of the token, when there is one of this id; whoever came may not have had it. */
  readonly tokenId: string | null;
};

export type WebSessionPorts = Pick<OperatorTokenPorts, 'random' | 'findOperatorToken' | 'recordOperatorTokenUse'> & {
  readonly insertWebSession: (
    session: WebSessionRecord,
    audit: { readonly principal: string; readonly source: string },
  ) => Promise<void>;
  readonly recordLoginRefusal: (refusal: LoginRefusal) => Promise<void>;
  readonly findWebSession: (idSha256: Uint8Array) => Promise<WebSessionRecord | null>;
  readonly touchWebSession: (idSha256: Uint8Array, at: Date) => Promise<void>;
  /** With a principal: it signed out, which is audited. */
  readonly deleteWebSession: (
    idSha256: Uint8Array,
    signedOut: { readonly principal: string; readonly at: Date } | null,
  ) => Promise<void>;
};

/** A session that is good now: whom it stands for, and the secret that its forms carry. */
export type WebSession = { readonly operator: Operator; readonly csrf: string };

/** Why there is no session: `none` was shown, or it is `over`, with why for the person who had it. */
export type NoSession = { readonly kind: 'none' } | { readonly kind: 'over'; readonly detail: string };

/** Opens a session; the answer is the only place where the text of its cookie ever stands. */
export const openWebSession =
  (ports: WebSessionPorts) =>
  async (
    tokenText: string,
    { source, now }: { readonly source: string; readonly now: Date },
  ): Promise<Result<{ readonly cookie: string }, Refusal<OperatorTokenReason>>> => {
    const operator = await authenticateOperator(ports)(tokenText, source, now);
    const token = await tokenNamed(ports, tokenText);
    if (!operator.ok || token === null) {
      const refusal = operator.ok ? unknownToken : operator.error;
      await ports.recordLoginRefusal({ at: now, source, reason: refusal.reason, tokenId: token?.id ?? null });
      return err(refusal);
    }
    const secret = ports.random(sessionSecretOctets);
    await ports.insertWebSession(
      {
        idSha256: sha256(secret),
        tokenId: token.id,
        createdAt: now,
        lastUsedAt: now,
        expiresAt: sessionEnd(now, token.expiresAt),
      },
      { principal: principalText(operator.value), source },
    );
    return ok({ cookie: Buffer.from(secret).toString('base64url') });
  };

const unknownToken = { reason: 'unknownOperatorToken', detail: 'there is no such operator token' } as const;

async function tokenNamed(ports: WebSessionPorts, text: string): Promise<OperatorTokenRecord | null> {
  const parsed = parseOperatorToken(text);
  return parsed === null ? null : ports.findOperatorToken(parsed.id);
}

/** The session of a cookie. Its token is looked at each time: revoked, expired or elsewhere, the session is over. */
export const readWebSession =
  (ports: WebSessionPorts) =>
  async (cookie: string, source: string, now: Date): Promise<Result<WebSession, NoSession>> => {
    const secret = readSessionCookie(cookie);
    const session = secret === null ? null : await ports.findWebSession(sha256(secret));
    if (secret === null || session === null) return err({ kind: 'none' });
    if (isSessionOver(session, now)) return end(ports, session, 'The session is over: it was not used, or is too old.');
    const operator = await operatorOf(ports)(session.tokenId, source, now);
    if (!operator.ok) return end(ports, session, `The session is over: ${operator.error.detail}.`);
    if (now.getTime() - session.lastUsedAt.getTime() >= sessionTouchSeconds * 1000) {
      await ports.touchWebSession(session.idSha256, now);
    }
    return ok({ operator: operator.value, csrf: csrfOf(secret) });
  };

async function end(
  ports: WebSessionPorts,
  session: WebSessionRecord,
  detail: string,
): Promise<Result<never, NoSession>> {
  await ports.deleteWebSession(session.idSha256, null);
  return err({ kind: 'over', detail });
}

/** Ends a session because its holder wants that. */
export const closeWebSession =
  (ports: WebSessionPorts) =>
  async (cookie: string, operator: Operator, now: Date): Promise<void> => {
    const secret = readSessionCookie(cookie);
    if (secret === null) return;
    await ports.deleteWebSession(sha256(secret), { principal: principalText(operator), at: now });
  };

/** What forms carry follows from the cookie's octets; what is stored of a session does not tell it. */
const csrfOf = (secret: Uint8Array): string =>
  createHmac('sha256', secret).update('omens-web-csrf-v1').digest('base64url');

const sha256 = (octets: Uint8Array): Uint8Array => createHash('sha256').update(octets).digest();
