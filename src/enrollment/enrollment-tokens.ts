// Enrollment tokens: made, listed and withdrawn by admins. A token is a grant in waiting; it is spent elsewhere, in the
// transaction that makes the device.
import { createHash } from 'node:crypto';
import { type Cursor, decodeCursor, encodeCursor, pageOf } from '../domain/cursor.ts';
import type { Grant } from '../domain/device.ts';
import {
  encodeEnrollmentToken,
  enrollmentCredential,
  enrollmentSecretOctets,
  type EnrollmentTokenRecord,
  maxEnrollmentTokenSeconds,
} from '../domain/enrollment-token.ts';
import { type Principal, principalText } from '../domain/principal.ts';
import { defaultGrantProfiles, type Profile } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type EnrollmentTokenBody, type EnrollmentTokenResource, type Page, wireTime } from '../domain/wire.ts';
import { type GrantReason, makeGrants } from './grants.ts';
import type { Context } from './records.ts';

export type EnrollmentTokenReason = 'lifetimeTooLong' | 'notFound' | GrantReason;

type Operator = Extract<Principal, { readonly kind: 'operator' }>;

export type EnrollmentTokenPorts = {
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly random: (octets: number) => Uint8Array;
  readonly newId: () => string;
  /** Base URL under which hosts reach this service. */
  readonly publicUrl: string;
  /** SHA-256 of the DER of the root that this service's own certificate chains to, hex. */
  readonly rootSha256: string;
  readonly insertEnrollmentToken: (token: EnrollmentTokenRecord) => Promise<void>;
  /** Newest first. */
  readonly listEnrollmentTokens: (after: Cursor | null, limit: number) => Promise<readonly EnrollmentTokenRecord[]>;
  /** False when there is no such token; a second time changes nothing. */
  readonly revokeEnrollmentToken: (id: string, at: Date, by: string) => Promise<boolean>;
};

/** Makes a token; the answer is the only place where its text ever stands. */
export const createEnrollmentToken =
  (ports: EnrollmentTokenPorts) =>
  async (
    body: EnrollmentTokenBody,
    principal: Operator,
    { now }: Context,
  ): Promise<Result<EnrollmentTokenResource, readonly Refusal<EnrollmentTokenReason>[]>> => {
    const { hostName, addresses = [], profiles = null, ttlSeconds = maxEnrollmentTokenSeconds } = body;
    const grants = makeGrants({ hostName, addresses, profiles, principal, known: ports.profiles });
    if (!grants.ok) return grants;
    if (ttlSeconds > maxEnrollmentTokenSeconds || ttlSeconds <= 0) return err([lifetimeTooLong(ttlSeconds)]);
    const secret = ports.random(enrollmentSecretOctets);
    const createdAt = new Date(Math.floor(now.getTime() / 1000) * 1000);
    const token: EnrollmentTokenRecord = {
      id: ports.newId(),
      secretSha256: new Uint8Array(createHash('sha256').update(secret).digest()),
      hostName,
      grants: grants.value,
      createdBy: principalText(principal),
      createdAt,
      expiresAt: new Date(createdAt.getTime() + ttlSeconds * 1000),
      revokedAt: null,
      spentAt: null,
    };
    await ports.insertEnrollmentToken(token);
    const { publicUrl: url, rootSha256 } = ports;
    const text = encodeEnrollmentToken({ url, rootSha256, credential: enrollmentCredential(token.id, secret) });
    return ok({ ...resourceOf(token), token: text, command: enrollCommand(token) });
  };

/** Tokens without their secrets, newest first. */
export const listEnrollmentTokens =
  (ports: EnrollmentTokenPorts) =>
  async (query: { readonly cursor?: string; readonly limit: number }): Promise<Page<EnrollmentTokenResource>> => {
    const found = await ports.listEnrollmentTokens(decodeCursor(query.cursor, 'uuid'), query.limit + 1);
    const { page, last } = pageOf(found, query.limit);
    const next = last === null ? null : encodeCursor({ at: last.createdAt, id: last.id });
    return { items: page.map(resourceOf), next };
  };

/** Withdraws a token at once; a second time is no fault. */
export const deleteEnrollmentToken =
  (ports: EnrollmentTokenPorts) =>
  async (id: string, principal: Operator, { now }: Context): Promise<Result<null, Refusal<EnrollmentTokenReason>>> => {
    const isThere = await ports.revokeEnrollmentToken(id, now, principalText(principal));
    if (isThere) return ok(null);
    return err({ reason: 'notFound', detail: 'there is no enrollment token of this id', field: 'id' });
  };

/** What to run on the host, with the token in a file: it must not stand in a list of processes. */
function enrollCommand({ hostName, grants }: EnrollmentTokenRecord): string {
  const profiles = isDefault(grants) ? [] : [...new Set(grants.map(({ profile }) => `--profile ${profile}`))];
  return ['omens agent enroll --token-file omens.token', `--hostname ${hostName}`, ...profiles].join(' ');
}

const isDefault = (grants: readonly Grant[]): boolean =>
  grants.length === defaultGrantProfiles.length &&
  defaultGrantProfiles.every((profile) => grants.some((grant) => grant.profile === profile));

const resourceOf = (token: EnrollmentTokenRecord): EnrollmentTokenResource => ({
  id: token.id,
  hostName: token.hostName,
  grants: token.grants,
  expiresAt: wireTime(token.expiresAt),
  spentAt: token.spentAt === null ? null : wireTime(token.spentAt),
});

const lifetimeTooLong = (seconds: number): Refusal<EnrollmentTokenReason> => ({
  reason: 'lifetimeTooLong',
  detail: `a token of ${seconds} s was asked for`,
  field: 'ttlSeconds',
  accepted: `1 to ${maxEnrollmentTokenSeconds}`,
});
