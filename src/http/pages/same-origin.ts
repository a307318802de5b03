// Whether a form was sent by one of our own pages: what the browser says of its origin, and the secret of the session.
import { timingSafeEqual } from 'node:crypto';
import type { Refusal } from '../../domain/result.ts';
import { authorityOf } from '../../domain/request-signature.ts';
import { headerOf, type Headers } from '../edge.ts';

export type FormReason = 'crossOrigin' | 'wrongFormSecret' | 'malformedForm';

/**
 * Null when the browser says that the form is from here. It says so by Sec-Fetch-Site, by Origin, or both; without either
 * a form is not taken. `authorities`: further names of this server than the one that the request came to.
 */
export function originRefusal(headers: Headers, authorities: readonly string[]): Refusal<FormReason> | null {
  const site = headerOf(headers, 'sec-fetch-site');
  const origin = headerOf(headers, 'origin');
  const ours = [...authorities, authorityOf(headerOf(headers, 'host') ?? '')].map((one) => `https://${one}`);
  const isSite = site === null || site === 'same-origin';
  const isOrigin = origin === null || ours.includes(origin.toLowerCase());
  if (isSite && isOrigin && (site !== null || origin !== null)) return null;
  return {
    reason: 'crossOrigin',
    detail: 'the form was not sent by a page of this server',
    accepted: `a form of ${ours[0] ?? ''}`,
  };
}

/** Null when the form carries the secret of this session. */
export function formSecretRefusal(presented: string, expected: string): Refusal<FormReason> | null {
  const [given, wanted] = [Buffer.from(presented), Buffer.from(expected)];
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return null;
  return {
    reason: 'wrongFormSecret',
    detail: 'the form belongs to another session',
    accepted: 'the form of a page that was opened in this session: go back, load the page again, and send it again',
  };
}
