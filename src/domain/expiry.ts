// How near a certificate is to its end, measured against its own lifetime: a threshold in days would alarm for ever on a
// certificate of 24 hours.

export type ExpiryLevel = 'ok' | 'warning' | 'critical';

/** Long-lived certificates: 30 days and 7 days. Shorter ones: a third and a twelfth of the lifetime. Seconds. */
export const longestWarningSeconds = 30 * 86_400;
export const longestCriticalSeconds = 7 * 86_400;

/**
 * A certificate that belongs to no lineage and ended so long ago was given up: nothing renews it, and it would alarm for
 * ever. Seconds.
 */
export const givenUpAfterSeconds = 30 * 86_400;

type Validity = { readonly notBefore: Date; readonly notAfter: Date };

/** Seconds before notAfter at which each level begins. 24 h: 8 h and 2 h; 90 d: 30 d and 7 d. */
export function expiryThresholds({ notBefore, notAfter }: Validity): {
  readonly warning: number;
  readonly critical: number;
} {
  const lifetime = (notAfter.getTime() - notBefore.getTime()) / 1000;
  return {
    warning: Math.min(longestWarningSeconds, lifetime / 3),
    critical: Math.min(longestCriticalSeconds, lifetime / 12),
  };
}

/** The level at an instant; an expired certificate is critical. */
export function expiryLevel(validity: Validity, now: Date): ExpiryLevel {
  const left = (validity.notAfter.getTime() - now.getTime()) / 1000;
  const { warning, critical } = expiryThresholds(validity);
  if (left <= critical) return 'critical';
  return left <= warning ? 'warning' : 'ok';
}

/** Why a certificate has its level, for people. */
export function expiryReason(validity: Validity, now: Date): string {
  const left = (validity.notAfter.getTime() - now.getTime()) / 1000;
  if (left < 0) return `expired ${describeSeconds(-left)} ago`;
  return `${describeSeconds(left)} left of ${describeSeconds((validity.notAfter.getTime() - validity.notBefore.getTime()) / 1000)}`;
}

/** A DevID for a key that no TPM holds: whatever its dates, it proves nothing. */
export const softwareKeyDevId = 'softwareKeyDevId';

/** The level of a certificate that its host reports and nobody manages: by its dates, and by what is wrong with it. */
export function unmanagedLevel(validity: Validity, fault: string | null, now: Date): ExpiryLevel {
  const level = expiryLevel(validity, now);
  if (fault === softwareKeyDevId) return 'critical';
  return fault !== null && level === 'ok' ? 'warning' : level;
}

/** Why it has that level, for people. */
export function unmanagedReason(validity: Validity, fault: string | null, now: Date): string {
  const dates = `not managed; ${expiryReason(validity, now)}`;
  if (fault === null || fault === 'expired') return dates;
  return `${faultTexts[fault] ?? fault}; ${dates}`;
}

/** What the doctor of a host finds wrong with a certificate; the dates speak for `expired`. */
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
