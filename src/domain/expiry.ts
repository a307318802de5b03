// How near a certificate is to its end, by levels that scale with its lifetime: a threshold in days would alarm for ever on
// a certificate of 24 hours. The server's levels are those of its policy; a host, which has none, judges by the standard.
import { expiryInstants, levelAt, type WarningPolicy } from './warning-policy.ts';

export type ExpiryLevel = 'ok' | 'warning' | 'critical';

/**
 * A certificate that belongs to no lineage and ended so long ago was given up: nothing renews it, and it would alarm for
 * ever. Seconds.
 */
export const givenUpAfterSeconds = 30 * 86_400;

const hours = (count: number): number => count * 3600;
const days = (count: number): number => count * 86_400;

/** The levels of policies/warnings.yaml as it is shipped; a test holds both together. */
export const standardExpiry: Pick<WarningPolicy, 'expiry'> = {
  expiry: {
    relative: { warning: 0.33, critical: 0.08 },
    absolute: [
      { lifetimeFromSeconds: 0, lifetimeUpToSeconds: hours(48), warning: hours(6), critical: hours(2) },
      { lifetimeFromSeconds: 0, lifetimeUpToSeconds: days(8), warning: days(2), critical: days(1) },
      { lifetimeFromSeconds: days(80), lifetimeUpToSeconds: null, warning: days(30), critical: days(7) },
    ],
    profiles: new Map(),
  },
};

type Validity = { readonly notBefore: Date; readonly notAfter: Date };

/** The level at an instant, by the instants at which each begins. */
export const expiryLevelAt = (...at: Parameters<typeof levelAt>): ExpiryLevel => levelAt(...at) ?? 'ok';

/** The level by the standard; an expired certificate is critical. What has a profile here renews by itself. */
export function expiryLevel(validity: Validity & { readonly profile?: string }, now: Date): ExpiryLevel {
  const { profile = '' } = validity;
  return expiryLevelAt(expiryInstants(standardExpiry, { ...validity, profile, renewsItself: profile !== '' }), now);
}

/** Why a certificate has its level, for people. */
export function expiryReason(validity: Validity, now: Date): string {
  const left = (validity.notAfter.getTime() - now.getTime()) / 1000;
  if (left < 0) return `expired ${describeSeconds(-left)} ago`;
  const lifetime = (validity.notAfter.getTime() - validity.notBefore.getTime()) / 1000;
  // Both ends are included (RFC 5280 §4.1.2.5): what was issued for 24 hours ends a second before.
  const said = lifetime < 3600 ? lifetime : Math.ceil(lifetime / 60) * 60;
  return `${describeSeconds(left)} left of ${describeSeconds(said)}`;
}

/** A DevID for a key that no TPM holds: whatever its dates, it proves nothing. */
export const softwareKeyDevId = 'softwareKeyDevId';

/** Why a certificate that its host reports and nobody keeps has its level, for people. */
export function unmanagedReason(validity: Validity, fault: string | null, now: Date): string {
  const dates = `not managed; ${expiryReason(validity, now)}`;
  return fault === null || fault === 'expired' ? dates : `${faultText(fault)}; ${dates}`;
}

/** What the doctor of a host finds wrong with a certificate, in words; the dates speak for `expired`. */
export const faultText = (fault: string): string => faultTexts[fault] ?? fault;

const faultTexts: Readonly<Record<string, string>> = {
  softwareKeyDevId: 'this DevID certifies a software key, not one of the TPM',
  anotherHost: 'it is the certificate of another host',
  clientPurpose: 'it can be a TLS client under a root that Keylime trusts',
};

/** Two figures at most: `3 d 4 h`, `5 h 10 min`, `42 s`. */
export function describeSeconds(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  let left = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}
