// Times as people read them: the instant itself, and how far it is from now. Always UTC.
import { describeSeconds } from '../domain/expiry.ts';
import { type Html, html } from './html.ts';

/** `2026-11-26 13:07`, from RFC 3339; what is no time is shown as it is. */
export function timeText(rfc3339: string): string {
  const at = new Date(rfc3339);
  return Number.isNaN(at.getTime()) ? rfc3339 : at.toISOString().slice(0, 16).replace('T', ' ');
}

/** `in 3 d 4 h`, `2 h 10 min ago`, `in 89 d`, `in 9.9 y`: two figures of what matters at that distance. */
export function distanceText(rfc3339: string, now: Date): string {
  const seconds = (new Date(rfc3339).getTime() - now.getTime()) / 1000;
  if (Number.isNaN(seconds)) return '';
  if (Math.abs(seconds) < 60) return 'now';
  return seconds < 0 ? `${describeDistance(-seconds)} ago` : `in ${describeDistance(seconds)}`;
}

const day = 86_400;

function describeDistance(seconds: number): string {
  if (seconds >= 730 * day) return `${(seconds / (365.25 * day)).toFixed(1)} y`;
  const step = seconds >= 10 * day ? day : 60;
  return describeSeconds(Math.floor(seconds / step) * step);
}

/** Both, in one element that machines can read; `never` for null. */
export const time = (rfc3339: string | null, now: Date, never = '–'): Html =>
  rfc3339 === null
    ? html`${never}`
    : html`<time datetime="${rfc3339}">${timeText(rfc3339)}</time> <span class="muted nowrap">(${distanceText(rfc3339, now)})</span>`;
