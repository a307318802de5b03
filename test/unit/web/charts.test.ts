// Pictures: everything lies within the frame, is told in words too, and stands without colors.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { chainPicture } from '../../../src/web/charts/chain-picture.ts';
import { fitted, pictureWidth, ticks, timeScale } from '../../../src/web/charts/drawing.ts';
import { lifelines } from '../../../src/web/charts/lifelines.ts';
import { lineagePicture } from '../../../src/web/charts/lineage-picture.ts';
import { type Html, textOf } from '../../../src/web/html.ts';

const now = new Date('2026-11-26T12:00:00Z');
const at = (days: number): Date => new Date(now.getTime() + days * 86_400_000);

const bar = (over: object = {}) => ({
  name: 'ab'.repeat(32),
  notBefore: at(-60),
  notAfter: at(30),
  issuedAt: at(-60),
  confirmedAt: at(-59),
  supersededAt: null,
  revokedAt: null,
  isServing: true,
  ...over,
});

const pictures: readonly (readonly [string, (text: string) => Html])[] = [
  [
    'a chain',
    (text) =>
      chainPicture(
        'p',
        Array.from({ length: 5 }, (_, i) => ({ role: 'issuing CA', name: text, notAfter: at(i - 2) })),
        now,
      ),
  ],
  [
    'the lives of CAs',
    (text) =>
      lifelines(
        'p',
        [
          { name: text, depth: 0, notBefore: at(-4000), notAfter: at(4000), wholeUntil: null, isActive: true },
          { name: text, depth: 1, notBefore: at(-900), notAfter: at(20), wholeUntil: at(-70), isActive: false },
          { name: text, depth: 9, notBefore: at(-900), notAfter: at(-20), wholeUntil: at(-5000), isActive: true },
        ],
        now,
      ),
  ],
  [
    'a lineage',
    () =>
      lineagePicture('p', [bar(), bar({ supersededAt: at(-1), isServing: false }), bar({ revokedAt: at(-400) })], now),
  ],
];

/** Every coordinate along x. */
const xs = (text: string): readonly number[] =>
  [...text.matchAll(/\s(?:x|x1|x2|cx)="(-?[0-9.]+)"/g)].map((match) => Number(match[1]));

describe.each(pictures)('%s', (_, draw) => {
  const text = textOf(draw('Name'));

  test('lies within its frame', () => {
    expect(Math.min(...xs(text))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...xs(text))).toBeLessThanOrEqual(pictureWidth);
    for (const [, x, width] of text.matchAll(/<rect[^>]* x="([0-9.]+)"[^>]* width="([0-9.]+)"/g)) {
      expect(Number(x) + Number(width)).toBeLessThanOrEqual(pictureWidth + 2);
    }
    expect(text).not.toMatch(/NaN|Infinity|undefined|="-/);
  });

  test('has a title and the same in words, and no color of its own', () => {
    expect(text).toContain('role="img"');
    expect(text).toMatch(/<title id="p-title">[^<]+<\/title>\s*<desc id="p-desc">[^<]{20,}<\/desc>/);
    expect(text).not.toMatch(/(?:fill|stroke)="#|style="|rgb/);
  });

  test('has no text of a stranger as markup', () => {
    expect(textOf(draw('<script>"'))).not.toMatch(/<script/);
  });
});

describe('a scale of time', () => {
  test('has a few round instants, whatever its length', () => {
    for (const days of [0, 0.1, 1, 6, 20, 90, 400, 3650, 20_000]) {
      const marks = ticks(timeScale(at(-days / 2), at(days / 2), [0, 100]));
      expect({ days, few: marks.length <= 6 }).toEqual({ days, few: true });
      for (const mark of marks) expect(mark.at >= at(-days / 2)).toBe(true);
    }
    expect(ticks(timeScale(new Date('2026-01-15Z'), new Date('2029-02-01Z'), [0, 1])).map(({ text }) => text)).toEqual([
      '2027',
      '2028',
      '2029',
    ]);
  });

  test('draws what lies outside at its edge', () => {
    const { x } = timeScale(at(0), at(10), [5, 25]);
    expect([x(at(-1)), x(at(0)), x(at(5)), x(at(11))]).toEqual([5, 5, 15, 25]);
  });
});

test('a text is cut between characters, not within them', () => {
  expect(fitted('🔑🔑🔑', 3)).toBe('🔑🔑🔑');
  expect(fitted('🔑🔑🔑🔑', 3)).toBe('🔑🔑…');
});

test('the pictures quote their attributes and have no script', () => {
  const directory = join(import.meta.dirname, '../../../src/web/charts');
  for (const name of readdirSync(directory)) {
    expect(readFileSync(join(directory, name), 'utf8')).not.toMatch(/\s[a-z-]+=\$\{|<script|\sstyle="/);
  }
});
