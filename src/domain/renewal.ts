// When a certificate should be renewed: the window of RFC 9773, and the instant in it, which is drawn once and stored.
import { type Blackout, blackoutAt } from './blackout.ts';

export type RenewalWindow = { readonly start: Date; readonly end: Date };

type Renewable = { readonly profile: string; readonly notBefore: Date; readonly notAfter: Date };

const day = 86_400_000;

/**
 * Certificates of up to 7 days renew from half their life, others from two thirds; DevIDs from 30 days before the end,
 * with 15 days as the hard target. The window ends halfway between its start and notAfter (DevIDs: at the target).
 */
export function renewalWindow({ profile, notBefore, notAfter }: Renewable): RenewalWindow {
  const begin = notBefore.getTime();
  const end = notAfter.getTime();
  const lifetime = end - begin;
  if (profile === 'devid' && lifetime > 45 * day)
    return { start: new Date(end - 30 * day), end: new Date(end - 15 * day) };
  const start = begin + lifetime * (lifetime <= 7 * day ? 1 / 2 : 2 / 3);
  return { start: wholeSecond(start), end: wholeSecond((start + end) / 2) };
}

/**
 * The instant within the window, drawn from the fingerprint: it spreads a fleet evenly, needs no storage, and is the
 * same whenever it is asked.
 * @param fingerprint SHA-256 of the DER, hex.
 */
export function renewAt(certificate: Renewable & { readonly fingerprint: string }): Date {
  const { start, end } = renewalWindow(certificate);
  const roll = Number.parseInt(certificate.fingerprint.slice(0, 12), 16) / 2 ** 48;
  return wholeSecond(start.getTime() + (end.getTime() - start.getTime()) * roll);
}

/**
 * The instant, outside blackouts: one that falls into a blackout moves behind its end, or before its begin when that
 * would leave the window. Where neither lies in the window it stays: admission decides when the host comes.
 */
export const drawRenewal =
  (blackouts: readonly Blackout[]) =>
  (certificate: Renewable & { readonly fingerprint: string }): Date => {
    const drawn = renewAt(certificate);
    const blackout = blackoutAt(blackouts, drawn);
    if (blackout === null) return drawn;
    const { start, end } = renewalWindow(certificate);
    if (blackout.to <= end) return blackout.to;
    const before = new Date(blackout.from.getTime() - 1000);
    return before >= start ? before : drawn;
  };

const wholeSecond = (milliseconds: number): Date => new Date(Math.floor(milliseconds / 1000) * 1000);
