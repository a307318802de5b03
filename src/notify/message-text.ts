// A message in words, as every channel that shows text shows it. What markup a channel knows is its own concern.
import type { Message, MessageItem } from '../domain/message.ts';
import { oneLine } from '../domain/printable.ts';

/** How much it should disturb. */
export type Urgency = 'high' | 'normal' | 'low';

/** What is critical or was not acknowledged is high; what is only good to know is low. */
export function urgencyOf({ kind, level }: Message): Urgency {
  if (kind === 'wellAgain' || kind === 'digest') return 'low';
  if (kind === 'escalation' || level === 'critical') return 'high';
  return level === 'warning' || kind === 'test' ? 'normal' : 'low';
}

/** Longest reason in a line, in UTF-16 units. */
const maxReason = 400;

/** `CRITICAL tower.example.org: due since 2 h; connection refused (since 2026-11-26T09:00:00Z)` */
export function lineOf(kind: Message['kind'], { level, name, reason, since }: MessageItem): string {
  const head = kind === 'wellAgain' ? 'WELL AGAIN' : level.toUpperCase();
  const tail = since === null ? '' : ` (since ${oneLine(since, 40)})`;
  return `${head} ${oneLine(name, 255)}: ${oneLine(reason, maxReason)}${tail}`;
}

/** Room for `and 123456 more` and its line feed. */
const roomForRest = 32;

/** One line an item, the first ones of them, within so many octets of UTF-8; the title where there are no items. */
export function textOf(message: Message, maxOctets: number): string {
  if (message.items.length === 0) return cut(message.title, maxOctets);
  const lines: string[] = [];
  let room = maxOctets - roomForRest;
  for (const item of message.items) {
    const line = lineOf(message.kind, item);
    const octets = Buffer.byteLength(line) + 1;
    if (octets > room && lines.length > 0) break;
    lines.push(cut(line, room));
    room -= octets;
  }
  const left = message.total - lines.length;
  return [...lines, ...(left > 0 ? [`and ${left} more`] : [])].join('\n');
}

/** The text, or as much of it as fits with an ellipsis; never half a character. */
export function cut(text: string, maxOctets: number): string {
  if (Buffer.byteLength(text) <= maxOctets) return text;
  let kept = '';
  let room = maxOctets - Buffer.byteLength('…');
  for (const character of text) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    kept += character;
  }
  return `${kept}…`;
}
