// A message in words: lines, what fits, and how much it disturbs.
import { describe, expect, test } from '@jest/globals';
import type { Message, MessageItem } from '../../../src/domain/message.ts';
import { cut, lineOf, textOf, urgencyOf } from '../../../src/notify/message-text.ts';

const item: MessageItem = {
  ...{ warning: null, condition: 'expiry', level: 'warning', name: 'tower.example.org', reason: 'ends in 2 d' },
  ...{ since: '2026-11-26T10:00:00Z', facts: {} },
};
const message = (over: Partial<Message>): Message => ({
  ...{ id: 'id', kind: 'warning', level: 'warning', title: 'a title', items: [item], total: 1, url: null },
  at: '2026-11-26T12:00:00Z',
  ...over,
});

describe('a line', () => {
  test('has level, name, reason and since when', () => {
    expect(lineOf('warning', item)).toBe('WARNING tower.example.org: ends in 2 d (since 2026-11-26T10:00:00Z)');
    expect(lineOf('wellAgain', { ...item, since: null })).toBe('WELL AGAIN tower.example.org: ends in 2 d');
  });
  test('stays one line that reads from left to right, whatever a host wrote', () => {
    const hostile = { ...item, name: 'a\r\nCRITICAL b', reason: '\u001b[2J\u202egnorw\u0007 \u2028new', since: null };
    expect(lineOf('warning', hostile)).toBe('WARNING a CRITICAL b: [2J gnorw new');
  });
});

describe('a text', () => {
  test('has as many whole lines as fit, and says how many do not', () => {
    const items = Array.from({ length: 10 }, (_, at) => ({ ...item, name: `host${at}`, since: null }));
    const text = textOf(message({ items, total: 60 }), 120);
    expect(text).toBe(
      `${['host0', 'host1', 'host2'].map((name) => `WARNING ${name}: ends in 2 d`).join('\n')}\nand 57 more`,
    );
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(120);
  });
  test('has the beginning of a first line that does not fit', () => {
    const text = textOf(message({ items: [{ ...item, reason: 'ü'.repeat(300) }] }), 200);
    expect(text).toMatch(/^WARNING tower\.example\.org: ü+…$/);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(200);
  });
  test('of a message without items is its title', () => {
    expect(textOf(message({ items: [], total: 0 }), 100)).toBe('a title');
  });
  test('is never cut within a character', () => {
    expect(cut('🔒🔒🔒', 8)).toBe('🔒…');
    expect(cut('🔒🔒', 8)).toBe('🔒🔒');
  });
});

test.each([
  ['warning', 'critical', 'high'],
  ['warning', 'warning', 'normal'],
  ['escalation', 'warning', 'high'],
  ['reminder', 'critical', 'high'],
  ['event', 'critical', 'high'],
  ['event', 'info', 'low'],
  ['wellAgain', 'critical', 'low'],
  ['digest', 'critical', 'low'],
  ['test', 'info', 'normal'],
] as const)('a %s of level %s is of %s urgency', (kind, level, urgency) => {
  expect(urgencyOf(message({ kind, level }))).toBe(urgency);
});
