// The end of the certificate that serves a lineage: its own, or that of a CA certificate above it. Pure.
import type { CertificateUse } from '../lineage.ts';
import { renewalWindow } from '../renewal.ts';
import { expiryInstants, instantsBefore, levelAt, levelsFor, missedInstants } from '../warning-policy.ts';
import { wireTime } from '../wire.ts';
import { dueAtOf, errorText } from './lineage-renewal.ts';
import { type Found, type LineageSubject, type LineageTerms, type PathEnd, servingOf } from './lineage-subject.ts';
import { utcMinute } from '../words.ts';

/** Of a silent host whatever ends so soon after the first is told with it. */
const togetherSeconds = 86_400;

type Terms = LineageTerms & { readonly isSilent: boolean };

/** Null while the end is far, or while the renewal may still take its course. */
export function expiryOf(subject: LineageSubject, now: Date, terms: Terms): Found | null {
  const serving = servingOf(subject);
  if (serving === null) return null;
  const path = pathEndOf(subject, serving, terms);
  if (path !== null) return endOfPath(subject, { serving, path, now, terms });
  const level = levelAt(instantsOf(subject, serving, terms), now);
  if (!terms.isSilent) return level === null ? null : { ...told(subject, serving, now), level };
  return isEndingWithItsHost(subject, serving, now) ? { ...told(subject, serving, now), level: 'critical' } : null;
}

/** The certificate above it that ends first, where that is before its own end. */
function pathEndOf(subject: LineageSubject, serving: CertificateUse, terms: LineageTerms): PathEnd | null {
  const isNewest = serving.fingerprint === subject.newest?.fingerprint;
  const issuer = isNewest ? subject.newestIssuer : subject.inUseIssuer;
  const end = issuer === null ? undefined : terms.pathEnds.get(issuer);
  return end !== undefined && end.at < serving.notAfter ? end : null;
}

/**
 * The levels of the policy, not before the renewal window is over, nor before the renewal would be called missed or its
 * result not confirmed: until then all is well. Critical is not put off so, and at the end at the latest.
 */
function instantsOf(subject: LineageSubject, serving: CertificateUse, terms: LineageTerms) {
  const { profile } = subject;
  const { notBefore, notAfter } = serving;
  const policy = expiryInstants(terms.policy, { profile, notBefore, notAfter, renewsItself: true });
  const patient = Math.max(policy.warningAt.getTime(), patientUntil(subject, serving, terms).getTime());
  const warningAt = new Date(Math.min(patient, notAfter.getTime()));
  const criticalAt = policy.criticalAt > warningAt ? policy.criticalAt : warningAt;
  return { warningAt, criticalAt };
}

function patientUntil(subject: LineageSubject, serving: CertificateUse, { policy, blackouts }: LineageTerms): Date {
  const { profile, newest } = subject;
  if (newest === null || newest.isRevoked) return serving.notBefore;
  if (newest.fingerprint === serving.fingerprint) {
    const dueAt = dueAtOf(subject, newest, blackouts);
    return missedInstants(policy, { profile, ...newest, dueAt, succeededAt: newest.issuedAt }).warningAt;
  }
  const lifetime = (newest.notAfter.getTime() - newest.notBefore.getTime()) / 1000;
  const confirm = levelsFor(policy.notConfirmed, { profile, lifetime }).warning;
  return new Date(newest.issuedAt.getTime() + confirm * 1000);
}

function isEndingWithItsHost({ host }: LineageSubject, { notAfter }: CertificateUse, now: Date): boolean {
  const isHostCritical = host.firstCriticalAt !== null && now >= host.firstCriticalAt;
  return isHostCritical && notAfter.getTime() <= now.getTime() + togetherSeconds * 1000;
}

type PathEnding = {
  readonly serving: CertificateUse;
  readonly path: PathEnd;
  readonly now: Date;
  readonly terms: LineageTerms;
};

function endOfPath(subject: LineageSubject, { serving, path, now, terms }: PathEnding): Found | null {
  const lifetime = (serving.notAfter.getTime() - serving.notBefore.getTime()) / 1000;
  const levels = levelsFor(terms.policy.expiry, { profile: subject.profile, lifetime });
  const level = levelAt(instantsBefore(path.at, levels), now);
  if (level === null) return null;
  const verb = path.at < now ? 'ended' : 'ends';
  return {
    ...{ condition: 'expiry', level, certificate: serving, cause: `issuer:${path.issuerId}` },
    reason: `${path.name}, above its certificate, ${verb} ${utcMinute(path.at)}`,
    facts: { effectiveNotAfter: wireTime(path.at), effectiveBecause: path.name },
  };
}

function told(subject: LineageSubject, serving: CertificateUse, now: Date): Omit<Found, 'level'> {
  const { newest, profile } = subject;
  const verb = serving.notAfter < now ? 'ended' : 'ends';
  const isReplaced = newest !== null && newest.fingerprint !== serving.fingerprint && !newest.isRevoked;
  const why = isReplaced
    ? `another was issued ${utcMinute(newest.issuedAt)} and is not confirmed in use`
    : `its renewal window ended ${utcMinute(renewalWindow({ profile, ...serving }).end)} and its host did not renew it`;
  const error = errorText(subject);
  return {
    ...{ condition: 'expiry', certificate: serving },
    reason: `${verb} ${utcMinute(serving.notAfter)}; ${why}${error === null ? '' : `; ${error}`}`,
  };
}
