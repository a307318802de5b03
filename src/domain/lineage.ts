// What a lineage is at an instant: a union, decided from stored facts and the clock alone. Nothing here is stored, and
// nothing here acts: whether a request may go on is in renewal-admission.ts.
import type { DeviceState } from './device.ts';
import type { LineageError } from './lineage-wire.ts';
import { renewalWindow, type RenewalWindow } from './renewal.ts';

export type ConfirmedBy = 'host' | 'probe' | 'spire' | 'operator';

/** A certificate of a lineage and what is known of it in its place of use. */
export type CertificateUse = {
  readonly fingerprint: string;
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly issuedAt: Date;
  readonly installedAt: Date | null;
  readonly confirmed: { readonly at: Date; readonly by: ConfirmedBy } | null;
  readonly isRevoked: boolean;
};

/** Who pulled a window forward, when and why. */
export type Pull = { readonly at: Date; readonly by: string; readonly because: string };

/** A renewal that was admitted and has no result yet; after its lease it counts as left by a crash. */
export type LiveAttempt = { readonly id: string; readonly admittedAt: Date; readonly leaseUntil: Date };

/** Everything that is stored of a lineage and matters to its state. */
export type LineageFacts = {
  readonly id: string;
  readonly deviceId: string;
  readonly hostName: string;
  readonly deviceState: DeviceState;
  readonly profile: string;
  readonly place: string;
  readonly createdAt: Date;
  /** Whether its device may still have it. */
  readonly isGranted: boolean;
  readonly hasSpireAgent: boolean;
  /** The newest that was issued. */
  readonly newest: CertificateUse | null;
  /** The one that was last confirmed in use; often the newest itself. */
  readonly inUse: CertificateUse | null;
  /** Drawn within the window of the newest, or earlier when it was pulled. */
  readonly renewAt: Date | null;
  readonly pulled: Pull | null;
  readonly attempt: LiveAttempt | null;
  /** When its host was last told to wait because of the ceiling. */
  readonly askedAt: Date | null;
  readonly lastError: LineageError | null;
  readonly failures: number;
};

export type BlockedBecause = 'deviceSuspended' | 'deviceRetired' | 'notGranted';

/** `notConfirmed`: it was issued, and what it replaces has passed its own window without being replaced. */
export type LateBecause = 'revoked' | 'expired' | 'notConfirmed' | 'notRenewed';

/** A lineage at an instant, each state with its own facts. `confirmed in use` is `current`. */
export type LineageState =
  | { readonly kind: 'empty' }
  | { readonly kind: 'current'; readonly certificate: CertificateUse; readonly window: RenewalWindow }
  | { readonly kind: 'windowOpen'; readonly certificate: CertificateUse; readonly renewAt: Date; readonly since: Date }
  | { readonly kind: 'inProgress'; readonly attempt: LiveAttempt }
  | { readonly kind: 'issued'; readonly certificate: CertificateUse }
  | { readonly kind: 'installed'; readonly certificate: CertificateUse; readonly installedAt: Date }
  | { readonly kind: 'failed'; readonly error: LineageError; readonly failures: number }
  | {
      readonly kind: 'late';
      readonly certificate: CertificateUse;
      readonly because: LateBecause;
      readonly since: Date;
      readonly error: LineageError | null;
    }
  | { readonly kind: 'blocked'; readonly because: BlockedBecause };

/** A new certificate has so long to be confirmed, even when what it replaces is late already. Seconds. */
export const confirmWithinSeconds = 3600;

/** A pulled window is over after so long, or at the end of the window that it was pulled from. Seconds. */
const pulledWindowSeconds = 86_400;

/**
 * The state, by this order: nothing goes on for what is blocked; work under way is work under way; late is late, whatever
 * failed; then the last failure; then the way of a new certificate; then the clock.
 */
export function lineageState(facts: LineageFacts, now: Date): LineageState {
  const because = blockedBecause(facts);
  if (because !== null) return { kind: 'blocked', because };
  const { attempt, newest, lastError, failures } = facts;
  if (attempt !== null && now < attempt.leaseUntil) return { kind: 'inProgress', attempt };
  const late = newest === null ? null : lateness(facts, newest, now);
  if (late !== null) return late;
  if (lastError !== null) return { kind: 'failed', error: lastError, failures };
  if (newest === null) return { kind: 'empty' };
  return newest.confirmed === null && !isDue(facts, newest, now) ? onItsWay(newest) : byTheClock(facts, newest, now);
}

function blockedBecause({ deviceState, isGranted }: LineageFacts): BlockedBecause | null {
  switch (deviceState) {
    case 'retired':
      return 'deviceRetired';
    case 'suspended':
      return 'deviceSuspended';
    case 'active':
      return isGranted ? null : 'notGranted';
    default:
      return deviceState satisfies never;
  }
}

const onItsWay = (certificate: CertificateUse): LineageState =>
  certificate.installedAt === null
    ? { kind: 'issued', certificate }
    : { kind: 'installed', certificate, installedAt: certificate.installedAt };

function byTheClock(facts: LineageFacts, certificate: CertificateUse, now: Date): LineageState {
  const window = windowOf(facts, certificate);
  const renewAt = facts.renewAt ?? window.start;
  return isDue(facts, certificate, now)
    ? { kind: 'windowOpen', certificate, renewAt, since: window.start }
    : { kind: 'current', certificate, window };
}

const isDue = (facts: LineageFacts, newest: CertificateUse, now: Date): boolean => now >= windowOf(facts, newest).start;

/** Late: past the end of a window, expired, or revoked, with no certificate in its stead. */
function lateness(facts: LineageFacts, newest: CertificateUse, now: Date): LineageState | null {
  const late = (certificate: CertificateUse, because: LateBecause, since: Date): LineageState => ({
    ...{ kind: 'late', certificate, because, since },
    error: facts.lastError,
  });
  if (newest.isRevoked) return late(newest, 'revoked', newest.issuedAt);
  if (now > newest.notAfter) return late(newest, 'expired', newest.notAfter);
  const { end } = windowOf(facts, newest);
  if (now > end) return late(newest, 'notRenewed', end);
  const { inUse } = facts;
  if (newest.confirmed !== null || inUse === null) return null;
  const replacedBy = later(naturalWindow(facts, inUse).end, after(newest.issuedAt, confirmWithinSeconds));
  return now > replacedBy ? late(inUse, 'notConfirmed', replacedBy) : null;
}

/**
 * The window of a lineage's newest certificate. A pulled one begins at the instant to which it was pulled; that instant
 * may be drawn apart from those of others of the same pull.
 */
export function windowOf(
  facts: Pick<LineageFacts, 'profile' | 'renewAt' | 'pulled'>,
  newest: Pick<CertificateUse, 'notBefore' | 'notAfter'>,
): RenewalWindow {
  const natural = naturalWindow(facts, newest);
  if (facts.renewAt === null) return natural;
  if (facts.pulled === null) return { ...natural, start: earlier(natural.start, facts.renewAt) };
  return { start: facts.renewAt, end: earlier(natural.end, after(facts.renewAt, pulledWindowSeconds)) };
}

/**
 * The window as RFC 9773 §4.2 has it. A pulled one lies at the instant to which it was pulled, so that whoever draws an
 * instant in it comes then, and at once when that has passed.
 */
export function suggestedWindow(
  facts: Pick<LineageFacts, 'profile' | 'renewAt' | 'pulled'>,
  newest: Pick<CertificateUse, 'notBefore' | 'notAfter'>,
): RenewalWindow {
  if (facts.pulled === null || facts.renewAt === null) return windowOf(facts, newest);
  return { start: after(facts.renewAt, -60), end: facts.renewAt };
}

const naturalWindow = (
  { profile }: Pick<LineageFacts, 'profile'>,
  { notBefore, notAfter }: Pick<CertificateUse, 'notBefore' | 'notAfter'>,
): RenewalWindow => renewalWindow({ profile, notBefore, notAfter });

const after = (instant: Date, seconds: number): Date => new Date(instant.getTime() + seconds * 1000);
const earlier = (a: Date, b: Date): Date => (a < b ? a : b);
const later = (a: Date, b: Date): Date => (a > b ? a : b);
