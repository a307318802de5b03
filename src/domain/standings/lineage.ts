// How a lineage stands when it is not well: its renewal, the proof that its certificate is in use, and its end. Pure. A
// lineage that may have nothing has no standing, and one that is renewed and in use has none either.
import type { CertificateUse } from '../lineage.ts';
import type { Condition, Standing, StandingFacts } from '../warning.ts';
import { wireTime } from '../wire.ts';
import { hostCause, hostSilence } from './host.ts';
import { expiryOf } from './lineage-expiry.ts';
import { notConfirmed, renewalFailing, renewalMissed, revokedWithout } from './lineage-renewal.ts';
import { type Found, hasCalledSince, type LineageSubject, type LineageTerms } from './lineage-subject.ts';

/** `isUndecided`: what is open of it stays open, since its host says nothing. */
export type LineageLook = { readonly standings: readonly Standing[]; readonly isUndecided: boolean };

/**
 * Looks at a lineage. Of a host that is silent the host is told, with the end of its first certificate: what its lineages
 * do is unknown, and only what ends is told of them.
 */
export function lookAtLineage(subject: LineageSubject, now: Date, terms: LineageTerms): LineageLook {
  if (subject.deviceState !== 'active' || !subject.isGranted) return { standings: [], isUndecided: false };
  const isSilent = hostSilence(terms.policy, subject.host, now) !== null;
  const found = isSilent
    ? [expiryOf(subject, now, { ...terms, isSilent })]
    : [
        revokedWithout(subject, now, terms) ?? renewalMissed(subject, now, terms),
        renewalFailing(subject, terms),
        notConfirmed(subject, now, terms),
        expiryOf(subject, now, { ...terms, isSilent }),
      ];
  const standings = found.flatMap((one) => (one === null ? [] : [standingOf(subject, one, { terms, isSilent })]));
  return { standings, isUndecided: isSilent };
}

type Context = { readonly terms: LineageTerms; readonly isSilent: boolean };

function standingOf(subject: LineageSubject, found: Found, context: Context): Standing {
  const { condition, level, reason, certificate } = found;
  return {
    ...{ condition, subject: `lineage:${subject.id}`, level, reason },
    cause: found.cause ?? causeOf(subject, condition, context),
    ...{ deviceId: subject.deviceId, lineageId: subject.id },
    facts: { ...factsOf(subject, certificate), ...found.facts },
  };
}

/**
 * What makes many lineages stand alike, so that they are told together: a CA that cannot issue, a host that is silent, the
 * reason of the last error, a host that has not called since the renewal was due, or no more than condition and profile.
 */
function causeOf(subject: LineageSubject, condition: Condition, { terms, isSilent }: Context): string {
  const signer = terms.signerOf(subject.profile);
  if (signer !== null && terms.unavailable.has(signer)) return `issuer:${signer}`;
  if (isSilent) return hostCause(subject.deviceId);
  if (subject.lastError !== null) return `error:${subject.lastError.reason}`;
  const isQuiet = subject.renewAt !== null && !hasCalledSince(subject, subject.renewAt);
  return isQuiet ? hostCause(subject.deviceId) : `condition:${condition}:${subject.profile}`;
}

function factsOf(subject: LineageSubject, certificate: CertificateUse | null): StandingFacts {
  const { hostName, profile, place, lastError, failures, renewAt } = subject;
  return {
    ...{ name: `${hostName} ${profile}${place === '' ? '' : ` ${place}`}`, hostName, profile, place },
    ...(certificate === null ? {} : { certificate: certificate.fingerprint, notAfter: wireTime(certificate.notAfter) }),
    ...(renewAt === null ? {} : { renewAt: wireTime(renewAt) }),
    ...(lastError === null ? {} : { lastError, failures }),
  };
}
