// A renewal that was due and did not happen, that keeps failing, or whose certificate is not confirmed in use. Pure.
import { type Blackout, blackoutAt } from '../blackout.ts';
import { type CertificateUse, windowOf } from '../lineage.ts';
import { instantsAfter, levelAt, levelsFor, missedInstants } from '../warning-policy.ts';
import { wireTime } from '../wire.ts';
import { type Found, hasCalledSince, type LineageSubject, type LineageTerms } from './lineage-subject.ts';
import { counted, utcMinute } from '../words.ts';

/** A host hears at its next call of what was pulled or revoked, and calls within an hour. Seconds. */
const heardWithinSeconds = 3600;

/**
 * When a host was to renew: at the drawn instant, after any blackout as far as that binds it, and once it can have heard
 * of an instant to which somebody pulled it.
 */
export function dueAtOf(subject: LineageSubject, newest: CertificateUse, blackouts: readonly Blackout[]): Date {
  const drawn = subject.renewAt ?? windowOf(subject, newest).start;
  const due = subject.pulled === null ? drawn : after(drawn, heardWithinSeconds);
  const until = blackoutAt(blackouts, due)?.to ?? due;
  const lastTenth = newest.notAfter.getTime() - (newest.notAfter.getTime() - newest.notBefore.getTime()) / 10;
  return new Date(Math.max(due.getTime(), Math.min(until.getTime(), lastTenth)));
}

/** A renewal that was due and did not happen. */
export function renewalMissed(subject: LineageSubject, now: Date, terms: LineageTerms): Found | null {
  const { newest, profile } = subject;
  if (newest === null || newest.isRevoked) return null;
  const dueAt = dueAtOf(subject, newest, terms.blackouts);
  const level = levelAt(missedInstants(terms.policy, { profile, ...newest, dueAt, succeededAt: newest.issuedAt }), now);
  if (level === null) return null;
  const ends = `${newest.notAfter < now ? 'ended' : 'ends'} ${utcMinute(newest.notAfter)}`;
  return {
    ...{ condition: 'renewalMissed', level, certificate: newest },
    reason: `due since ${utcMinute(dueAt)}; ${whyMissed(subject, dueAt)}; last success ${utcMinute(newest.issuedAt)}, ${ends}`,
    facts: { dueAt: wireTime(dueAt), succeededAt: wireTime(newest.issuedAt) },
  };
}

/** Why nothing came, as far as it can be known from here. */
function whyMissed(subject: LineageSubject, dueAt: Date): string {
  const error = errorText(subject);
  if (error !== null) return error;
  const { lastSeenAt } = subject.host;
  if (!hasCalledSince(subject, dueAt)) return `its host has not called since ${utcMinute(lastSeenAt)}`;
  if (subject.askedAt !== null)
    return `its host asked ${utcMinute(subject.askedAt)} and had to wait: the ceiling of renewals an hour is reached`;
  return 'its host calls, reports no error and does not ask for it: is it a target in its agent.yaml, and is the agent running?';
}

/** The last error with its count: `request: connect ECONNREFUSED 127.0.0.1:8200 (3 attempts)`; null when there is none. */
export function errorText({ lastError, failures }: Pick<LineageSubject, 'lastError' | 'failures'>): string | null {
  if (lastError === null) return null;
  const times = failures > 0 ? ` (${counted(failures, 'attempt')})` : '';
  return `${lastError.phase}: ${lastError.detail}${times}`;
}

/** The newest certificate is revoked and nothing came after it. */
export function revokedWithout(subject: LineageSubject, now: Date, terms: LineageTerms): Found | null {
  const { newest, newestRevokedAt, profile } = subject;
  if (newest?.isRevoked !== true || newestRevokedAt === null) return null;
  const dueAt = after(newestRevokedAt, heardWithinSeconds);
  // What was revoked is no success any more: only its grace counts.
  const from = { ...newest, dueAt, succeededAt: new Date(0) };
  const level = levelAt(missedInstants(terms.policy, { profile, ...from }), now);
  if (level === null) return null;
  const error = errorText(subject);
  return {
    ...{ condition: 'renewalMissed', level, certificate: newest },
    reason: `revoked ${utcMinute(newestRevokedAt)}; ${error ?? 'its host has not come for another'}`,
    facts: { revokedAt: wireTime(newestRevokedAt) },
  };
}

/** After these the host had changed something already: one failure there is a failure for people. */
const brokenPhases: readonly string[] = ['install', 'hook', 'postCheck'];

/** Failures in a row, by their number; what failed while it was put in place, at once. */
export function renewalFailing(subject: LineageSubject, { policy }: LineageTerms): Found | null {
  const { lastError, failures, newest } = subject;
  if (lastError === null) return null;
  const { warning, critical } = policy.renewalFailing;
  const isBroken = brokenPhases.includes(lastError.phase);
  if (failures < warning && !isBroken) return null;
  return {
    ...{ condition: 'renewalFailing', level: failures >= critical ? 'critical' : 'warning', certificate: newest },
    reason: errorText(subject) ?? '',
  };
}

/** A certificate that was issued and that its host does not show to be in use. */
export function notConfirmed(subject: LineageSubject, now: Date, { policy }: LineageTerms): Found | null {
  const { newest, profile, inUse } = subject;
  if (newest === null || newest.isRevoked || newest.confirmed !== null) return null;
  const lifetime = (newest.notAfter.getTime() - newest.notBefore.getTime()) / 1000;
  const levels = levelsFor(policy.notConfirmed, { profile, lifetime });
  const level = levelAt(instantsAfter(newest.issuedAt, levels), now);
  if (level === null) return null;
  const old = inUse === null ? 'none before it was' : `the one in use ends ${utcMinute(inUse.notAfter)}`;
  return {
    ...{ condition: 'notConfirmed', level, certificate: newest },
    reason: `issued ${utcMinute(newest.issuedAt)}, ${installedText(newest)}; ${errorText(subject) ?? old}`,
  };
}

const installedText = ({ installedAt }: CertificateUse): string =>
  installedAt === null ? 'not installed' : `installed ${utcMinute(installedAt)}, not shown to be in use`;

const after = (instant: Date, seconds: number): Date => new Date(instant.getTime() + seconds * 1000);
