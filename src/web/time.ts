// Times as people read them: the instant itself, and how far it is from now. Always UTC.
import { describeSeconds } from '../domain/expiry.ts';
import { type Html, html } from './html.ts';

/** `2026-11-26 13:07`, from RFC 3339; what is no time is shown as it is. */
export function timeText(rfc3339: string): string {
  const at = new Date(rfc3339);
  return Number.isNaN(at.getTime()) ? rfc3339 : at.toISOString().slice(0, 16).replace('T', ' ');
}

/** `in 3 d 4 h`, `2 h 10 min ago`. */
export function distanceText(rfc3339: string, now: Date): string {
  const seconds = (new Date(rfc3339).getTime() - now.getTime()) / 1000;
  if (Number.isNaN(seconds)) return '';
  if (Math.abs(seconds) < 60) return 'now';
  return seconds < 0
    ? `${describeSeconds(wholeMinutes(-seconds))} ago`
    : `in ${describeSeconds(wholeMinutes(seconds))}`;
}

const wholeMinutes = (seconds: number): number => Math.floor(seconds / 60) * 60;

/** Both, in one element that machines can read; `never` for null. */
export const time = (rfc3339: string | null, now: Date, never = '–'): Html =>
  rfc3339 === null
    ? html`${never}`
    : html`<time datetime="${rfc3339}">${timeText(rfc3339)}</time> <span class="muted">(${distanceText(rfc3339, now)})</span>`;
