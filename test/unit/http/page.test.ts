// Forms, queries and cookies of the operator page, as they are read.
import { describe, expect, test } from '@jest/globals';
import { gatherHeaders } from '../../../src/http/edge.ts';
import { readForm, readPageQuery } from '../../../src/http/pages/page.ts';
import { formSecretRefusal, originRefusal } from '../../../src/http/pages/same-origin.ts';
import { cookieOf } from '../../../src/http/pages/session-cookie.ts';

const octets = (text: string): Uint8Array => Buffer.from(text);

describe('a form', () => {
  test('is read by the names of its page; what did not come is empty', () => {
    expect(readForm(['note', 'until'], octets('csrf=x&note=a+%26%20b%0A'))).toEqual({
      ok: true,
      value: { csrf: 'x', note: 'a & b', until: '' },
    });
  });

  test.each(['note=a&note=b', 'role=admin', '__proto__=x', `note=${'a'.repeat(4097)}`, 'note=%00'])(
    'such as %s is refused',
    (text) => {
      expect(readForm(['note'], octets(text))).toMatchObject({ ok: false, error: { reason: 'malformedForm' } });
    },
  );
});

test('a query has no NUL, which the database refuses', () => {
  expect(readPageQuery(['event'], 'event=web%00.login%00')).toEqual({ event: 'web.login' });
});

test('a query has the names of its page, cut to a length, and nothing else', () => {
  const read = readPageQuery(['state', 'q'], `state=open&other=1&state=closed&q=${'a'.repeat(1000)}`);
  expect(read).toEqual({ state: 'open', q: 'a'.repeat(512) });
});

describe('the cookie', () => {
  test.each([
    ['__Host-omens=abc', 'abc'],
    ['a=b; __Host-omens=abc; c=d', 'abc'],
    ['__Host-omens=a; __Host-omens=b', null],
    ['omens=abc', null],
    ['', null],
    [null, null],
  ])('of %j is %j', (header, value) => {
    expect(cookieOf(header)).toBe(value);
  });
});

describe('the origin of a form', () => {
  const refusalOf = (headers: Record<string, string>): string | null =>
    originRefusal(gatherHeaders(Object.entries({ Host: 'ca.example.org:8443', ...headers }).flat()), [
      'omens.example.org',
    ])?.reason ?? null;

  test.each([
    [{ Origin: 'https://ca.example.org:8443' }, null],
    [{ Origin: 'https://omens.example.org' }, null],
    [{ Origin: 'https://CA.example.org:8443', 'Sec-Fetch-Site': 'same-origin' }, null],
    [{ 'Sec-Fetch-Site': 'same-origin' }, null],
    [{ Origin: 'http://ca.example.org:8443' }, 'crossOrigin'],
    [{ Origin: 'https://ca.example.org' }, 'crossOrigin'],
    [{ Origin: 'null' }, 'crossOrigin'],
    [{ 'Sec-Fetch-Site': 'none' }, 'crossOrigin'],
    [{ Origin: 'https://ca.example.org:8443', 'Sec-Fetch-Site': 'cross-site' }, 'crossOrigin'],
    [{}, 'crossOrigin'],
  ])('%j: %j', (headers, reason) => {
    expect(refusalOf(headers)).toBe(reason);
  });
});

test('the secret of a form is compared whole', () => {
  expect(formSecretRefusal('abc', 'abc')).toBeNull();
  for (const wrong of ['', 'ab', 'abd', 'abcd', 'äbc'])
    expect(formSecretRefusal(wrong, 'abc')?.reason).toBe('wrongFormSecret');
});
