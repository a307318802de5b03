import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isIPv4, isIPv6 } from 'node:net';
import {
  formatIpAddress,
  inCidr,
  isDnsName,
  isHostName,
  isUri,
  matchesAny,
  normalizeIpAddress,
  parseHostAndPort,
  parseIpAddress,
} from '../../../src/domain/names.ts';

describe('a DNS name', () => {
  test.each(['a.example.org', 'localhost', '*.example.org', 'xn--bcher-kva.example', `${'a'.repeat(63)}.org`])(
    '%s is well formed',
    (name) => {
      expect(isDnsName(name)).toBe(true);
    },
  );

  test.each([
    '',
    'A.example.org',
    'a..b',
    '.a',
    'a.',
    '-a.org',
    'a-.org',
    'a_b.org',
    '*',
    '*.org',
    'a.*.org',
    '10.0.0.1',
    'a.1',
    `${'a'.repeat(64)}.org`,
    'a b',
    'a\n.org',
    'ä.org',
    `${'a.'.repeat(127)}a`,
  ])('%j is not', (name) => {
    expect(isDnsName(name)).toBe(false);
  });

  test('a device has a name of two labels at least, and no wildcard', () => {
    expect(['a.example.org', 'localhost', '*.example.org'].map(isHostName)).toEqual([true, false, false]);
  });
});

describe('an address', () => {
  test('is read as the platform reads it, or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 20 })), (text) => {
        const octets = parseIpAddress(text);
        if (octets === null)
          expect(isIPv4(text) || (isIPv6(text) && !text.includes('.') && !text.includes('%'))).toBe(false);
        else expect(octets.length).toBe(isIPv4(text) ? 4 : 16);
      }),
    );
  });

  test('has one spelling', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (octets) => {
        const text = formatIpAddress(octets);
        expect(normalizeIpAddress(text)).toBe(text);
        expect(parseIpAddress(text)).toEqual(octets);
      }),
    );
  });

  test.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::', '::'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
  ])('%s is written %s (RFC 5952)', (text, expected) => {
    expect(normalizeIpAddress(text)).toBe(expected);
  });

  test('lies in a network of its own family only', () => {
    expect(inCidr('10.0.0.0/9', '10.127.255.255')).toBe(true);
    expect(inCidr('10.0.0.0/9', '10.128.0.0')).toBe(false);
    expect(inCidr('::/0', '10.0.0.1')).toBe(false);
    expect(inCidr('0.0.0.0/0', '::1')).toBe(false);
    expect(inCidr('fd00::/8', 'fd12::1')).toBe(true);
  });
});

test('a URI has a scheme and a host, and nothing that prints badly', () => {
  expect(
    ['spiffe://funlab.casa/x', 'https://a/', 'x', 'javascript:alert(1)', 'http://a b', 'http://a/\u0000'].map(isUri),
  ).toEqual([true, true, false, false, false, false]);
});

test('a pattern is anchored at both ends', () => {
  expect(matchesAny([{ pattern: 'a|b' }], 'ab')).toBe(false);
  expect(matchesAny([{ pattern: 'a|b' }], 'b')).toBe(true);
});

test('subdomains of a name are not the name, nor names that merely end alike', () => {
  const rules = [{ subdomainsOf: 'example.org' }];
  expect(['a.example.org', 'example.org', 'badexample.org'].map((name) => matchesAny(rules, name))).toEqual([
    true,
    false,
    false,
  ]);
});

test.each([
  ['127.0.0.1:8443', { host: '127.0.0.1', port: 8443 }],
  ['[0:0::1]:0', { host: '::1', port: 0 }],
  ['CA.example.org:443', { host: 'ca.example.org', port: 443 }],
  ['::1:443', null],
  ['[ca.example.org]:443', null],
  ['[abc]:443', null],
  ['ca.example.org', null],
  ['ca.example.org:65536', null],
  ['a b:1', null],
])('%s as a host and a port', (text, read) => {
  expect(parseHostAndPort(text)).toEqual(read);
});
