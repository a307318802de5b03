// Durations as people write them.
import { expect, test } from '@jest/globals';
import { parseDuration } from '../../../src/domain/duration.ts';

test.each([
  ['90s', 90],
  ['15m', 900],
  ['12h', 43_200],
  ['30d', 2_592_000],
  ['2w', 1_209_600],
  ['0s', 0],
  ['36525d', 36_525 * 86_400],
  ['36526d', null],
  ['30', null],
  ['d', null],
  ['-1d', null],
  ['1.5h', null],
  ['1D', null],
  ['30 d', null],
  ['1000000s', null],
  ['P30D', null],
  ['', null],
])('%s is %s seconds', (text, seconds) => expect(parseDuration(text)).toBe(seconds));
