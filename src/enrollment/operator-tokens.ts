// Tokens of people and scripts: made, listed, revoked, and recognized. What a role may do is decided where it does it.
import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeCursor, encodeCursor, pageOf } from '../domain/cursor.ts';
import { inCidr, isDnsName, normalizeIpAddress, parseIpAddress } from '../domain/names.ts';
import {
  admitsSource,
  limitsOf,
  operatorSecretOctets,
  operatorTokenText,
  type OperatorTokenRecord,
  parseOperatorToken,
} from '../domain/operator-token.ts';
import type { Principal } from '../domain/principal.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import {
  type LimitsResource,
  type OperatorTokenBody,
  type OperatorTokenResource,
  type Page,
  wireTime,
} from '../domain/wire.ts';

type Operator = Extract<Principal, { readonly kind: 'operator' }>;

export type OperatorTokenReason =
  | 'unknownOperatorToken'
  | 'expiredOperatorToken'
  | 'revokedOperatorToken'
  | 'sourceNotAllowed'
  | 'malformedLimit'
  | 'limitsNotForAdmin'
  | 'sourceBeyondCreator'
  | 'notFound';

export type OperatorTokenPorts = {
  readonly random: (octets: number) => Uint8Array;
  readonly newId: () => string;
  readonly insertOperatorToken: (token: OperatorTokenRecord) => Promise<void>;
  readonly findOperatorToken: (id: string) => Promise<OperatorTokenRecord | null>;
  readonly listOperatorTokens: (
    after: { readonly createdAt: Date; readonly id: string } | null,
    limit: number,
  ) => Promise<readonly OperatorTokenRecord[]>;
  readonly revokeOperatorToken: (id: string, at: Date, revokedBy: string) => Promise<boolean>;
  readonly recordOperatorTokenUse: (id: string, at: Date) => Promise<void>;
};

const defaultLifetimeSeconds = 30 * 86_400;

/** Who makes a token: the text for the record, and the networks that bind the maker and so everything made. */
export type TokenCreator = { readonly text: string; readonly sources: readonly string[] | null };

/** Makes a token; the answer is the only place where its text ever stands. */
export const createOperatorToken =
  (ports: OperatorTokenPorts) =>
  async (
    body: OperatorTokenBody,
    creator: TokenCreator,
    context: { readonly now: Date },
  ): Promise<Result<OperatorTokenResource, readonly Refusal<OperatorTokenReason>[]>> => {
    const faults = [...limitFaults(body.limits ?? {}), ...beyondCreator(body, creator)];
    if (faults.length > 0) return err(faults);
    const limits = {
      ...body.limits,
      ...(creator.sources === null ? {} : { sources: body.limits?.sources ?? creator.sources }),
    };
    const secret = ports.random(operatorSecretOctets);
    const createdAt = new Date(Math.floor(context.now.getTime() / 1000) * 1000);
    const token: OperatorTokenRecord = {
      id: ports.newId(),
      secretSha256: sha256(secret),
      name: body.name,
      role: body.role,
      limits,
      createdBy: creator.text,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + (body.ttlSeconds ?? defaultLifetimeSeconds) * 1000),
      revokedAt: null,
      lastUsedAt: null,
    };
    await ports.insertOperatorToken(token);
    return ok({ ...resourceOf(token), token: operatorTokenText(token.id, secret) });
  };

/** Tokens without their secrets, newest first. */
export const listOperatorTokens =
  (ports: OperatorTokenPorts) =>
  async (query: { readonly cursor?: string; readonly limit: number }): Promise<Page<OperatorTokenResource>> => {
    const found = await ports.listOperatorTokens(readCursor(query.cursor), query.limit + 1);
    const { page, last } = pageOf(found, query.limit);
    return { items: page.map(resourceOf), next: last === null ? null : writeCursor(last) };
  };

/** Revokes a token at once; a second time is no fault. */
export const revokeOperatorToken =
  (ports: OperatorTokenPorts) =>
  async (
    id: string,
    revokedBy: string,
    context: { readonly now: Date },
  ): Promise<Result<null, Refusal<OperatorTokenReason>>> => {
    const isThere = await ports.revokeOperatorToken(id, context.now, revokedBy);
    return isThere
      ? ok(null)
      : err({ reason: 'notFound', detail: 'there is no operator token of this id', field: 'id' });
  };

/**
 * Whose token this is, if it is good now and from here. The secret is compared first and in constant time, so that only
 * its holder learns that a token has expired, was revoked, or is bound to other networks.
 */
export const authenticateOperator =
  (ports: Pick<OperatorTokenPorts, 'findOperatorToken' | 'recordOperatorTokenUse'>) =>
  async (bearer: string, source: string, now: Date): Promise<Result<Operator, Refusal<OperatorTokenReason>>> => {
    const presented = parseOperatorToken(bearer);
    const token = presented === null ? null : await ports.findOperatorToken(presented.id);
    if (presented === null || token === null || !timingSafeEqual(sha256(presented.secret), token.secretSha256)) {
      return err({ reason: 'unknownOperatorToken', detail: 'there is no such operator token' });
    }
    return usedNow(ports, token, { source, now });
  };

/** Whom a token of this id stands for, if it is good now and from here; whoever asks has proved to hold it before. */
export const operatorOf =
  (ports: Pick<OperatorTokenPorts, 'findOperatorToken' | 'recordOperatorTokenUse'>) =>
  async (id: string, source: string, now: Date): Promise<Result<Operator, Refusal<OperatorTokenReason>>> => {
    const token = await ports.findOperatorToken(id);
    if (token === null) return err({ reason: 'unknownOperatorToken', detail: 'there is no such operator token' });
    return usedNow(ports, token, { source, now });
  };

async function usedNow(
  ports: Pick<OperatorTokenPorts, 'recordOperatorTokenUse'>,
  token: OperatorTokenRecord,
  { source, now }: { readonly source: string; readonly now: Date },
): Promise<Result<Operator, Refusal<OperatorTokenReason>>> {
  const refusal = tokenRefusal(token, source, now);
  if (refusal !== null) return err(refusal);
  const isUseStored = token.lastUsedAt !== null && now.getTime() - token.lastUsedAt.getTime() < 60_000;
  if (!isUseStored) await ports.recordOperatorTokenUse(token.id, now);
  const { id: tokenId, name, role, limits } = token;
  return ok({ kind: 'operator', tokenId, name, role, limits: limitsOf(limits) });
}

function tokenRefusal(token: OperatorTokenRecord, source: string, now: Date): Refusal<OperatorTokenReason> | null {
  if (token.revokedAt !== null) {
    return { reason: 'revokedOperatorToken', detail: `the token was revoked at ${wireTime(token.revokedAt)}` };
  }
  if (now >= token.expiresAt) {
    return { reason: 'expiredOperatorToken', detail: `the token was good until ${wireTime(token.expiresAt)}` };
  }
  const sources = token.limits.sources ?? null;
  if (!admitsSource(sources, source)) {
    return {
      reason: 'sourceNotAllowed',
      detail: `the token is not good from ${source}`,
      accepted: (sources ?? []).join(', '),
    };
  }
  return null;
}

/** A limit that means nothing would admit nothing or, worse, be taken for another. */
function limitFaults(limits: LimitsResource): readonly Refusal<OperatorTokenReason>[] {
  const malformed = (list: 'names' | 'sources', accepted: string, isGood: (text: string) => boolean) =>
    (limits[list] ?? []).flatMap((text, at) =>
      isGood(text)
        ? []
        : [
            {
              reason: 'malformedLimit' as const,
              detail: `"${text}" is malformed`,
              field: `limits.${list}.${at}`,
              accepted,
            },
          ],
    );
  return [
    ...malformed('names', 'a DNS name, *.<domain>, an address, or a network in CIDR notation', isNameLimit),
    ...malformed('sources', 'a network in CIDR notation', isNetwork),
  ];
}

/** An admin can grant and approve any name, so limits on names would promise what they do not hold; networks hold. */
function beyondCreator(body: OperatorTokenBody, creator: TokenCreator): readonly Refusal<OperatorTokenReason>[] {
  const faults: Refusal<OperatorTokenReason>[] = [];
  if (body.role === 'admin' && (body.limits?.names !== undefined || body.limits?.profiles !== undefined)) {
    faults.push({
      reason: 'limitsNotForAdmin',
      detail: 'an admin can grant every profile and name, so its token cannot be limited to some',
      field: 'limits',
      accepted: 'limits.sources; or role issuer, which is held to names and profiles',
    });
  }
  const own = creator.sources;
  const stray =
    own === null ? [] : (body.limits?.sources ?? []).filter((asked) => !own.some((one) => isWithin(asked, one)));
  for (const source of stray) {
    faults.push({
      reason: 'sourceBeyondCreator',
      detail: `the token that makes this one is not good from all of ${source}`,
      field: 'limits.sources',
      accepted: `networks within ${own?.join(', ') ?? ''}`,
    });
  }
  return faults;
}

/** Whether one network (CIDR) lies within another. */
const isWithin = (inner: string, outer: string): boolean =>
  Number(inner.split('/')[1]) >= Number(outer.split('/')[1]) && inCidr(outer, inner.split('/')[0] ?? '');

const isNameLimit = (text: string): boolean =>
  isDnsName(text.startsWith('*.') ? text.slice(2) : text) || normalizeIpAddress(text) === text || isNetwork(text);

function isNetwork(text: string): boolean {
  const found = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  const octets = parseIpAddress(found?.[1] ?? '');
  return octets !== null && Number(found?.[2]) <= octets.length * 8;
}

const resourceOf = (token: OperatorTokenRecord): OperatorTokenResource => ({
  id: token.id,
  name: token.name,
  role: token.role,
  limits: token.limits,
  expiresAt: wireTime(token.expiresAt),
  lastUsedAt: token.lastUsedAt === null ? null : wireTime(token.lastUsedAt),
  revokedAt: token.revokedAt === null ? null : wireTime(token.revokedAt),
});

const writeCursor = (token: OperatorTokenRecord): string => encodeCursor({ at: token.createdAt, id: token.id });

/** Throws `MalformedCursor`, also for the cursor of another list. */
function readCursor(text: string | undefined): { readonly createdAt: Date; readonly id: string } | null {
  const cursor = decodeCursor(text, 'uuid');
  if (cursor === null) return null;
  return { createdAt: cursor.at, id: cursor.id };
}

const sha256 = (octets: Uint8Array): Uint8Array => createHash('sha256').update(octets).digest();
