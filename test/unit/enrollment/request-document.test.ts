// `request` comes from strangers: only what this version knows is read, and nothing makes the reader fall.
import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { maxRequestOctets, parseRequestDocument } from '../../../src/enrollment/request-document.ts';
import { makeHost, makeVendor, requestDocument } from '../../fakes/software-host.ts';

const document = requestDocument(makeHost(makeVendor()));
const octetsOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value), 'utf8');
const good = octetsOf(document);
const reasonOf = (octets: Uint8Array): string => {
  const result = parseRequestDocument(octets);
  return result.ok ? 'accepted' : result.error.reason;
};

/** Numbers below `bound` that are the same in each run. */
function seeded(seed: string): (bound: number) => number {
  let state = createHash('sha256').update(seed).digest();
  return (bound) => {
    state = createHash('sha256').update(state).digest();
    return state.readUInt32BE(0) % bound;
  };
}

test('an ordinary document is read, with binary decoded', () => {
  const result = parseRequestDocument(good);
  if (!result.ok) throw new Error(result.error.detail);
  expect(result.value.hostName).toBe('tower.example.org');
  expect(result.value.keys.map(({ role }) => role)).toEqual(['request', 'devid']);
  expect(result.value.certificates[0]).toEqual({ profile: 'devid', key: 'devid', dnsNames: null, ipAddresses: null });
});

test('a document may be empty of keys and certificates', () => {
  expect(reasonOf(octetsOf({ ...document, keys: [], certificates: [] }))).toBe('accepted');
});

describe('refused is', () => {
  const [request, devid] = document.keys;
  const [certificate] = document.certificates;
  test.each<[string, string, unknown]>([
    ['another version', 'unsupportedRequestVersion', { ...document, version: 2 }],
    ['a version in text', 'unsupportedRequestVersion', { ...document, version: '1' }],
    ['a member that is not known', 'unknownRequestMember', { ...document, isAdmin: true }],
    ['a member of a key that is not known', 'unknownRequestMember', { ...document, keys: [{ ...request, name: 'x' }] }],
    [
      'a member of a certificate that is not known',
      'unknownRequestMember',
      { ...document, certificates: [{ ...certificate, uris: [] }] },
    ],
    ['a missing member', 'malformedRequestDocument', { ...document, keys: undefined }],
    ['no object', 'malformedRequestDocument', [document]],
    ['nothing', 'malformedRequestDocument', null],
    ['a host name of one label', 'malformedRequestDocument', { ...document, hostName: 'tower' }],
    ['a host name with capitals', 'malformedRequestDocument', { ...document, hostName: 'Tower.example.org' }],
    [
      'two keys of one role',
      'malformedRequestDocument',
      { ...document, keys: [request, { ...devid, role: 'request' }] },
    ],
    ['three keys', 'malformedRequestDocument', { ...document, keys: [request, devid, devid] }],
    ['a key of another role', 'malformedRequestDocument', { ...document, keys: [{ ...request, role: 'attestation' }] }],
    ['an empty public area', 'malformedRequestDocument', { ...document, keys: [{ ...request, public: '' }] }],
    [
      'a public area in base64 with padding',
      'malformedRequestDocument',
      { ...document, keys: [{ ...request, public: 'AAA=' }] },
    ],
    [
      'a profile that is a path',
      'malformedRequestDocument',
      { ...document, certificates: [{ ...certificate, profile: '../devid' }] },
    ],
    [
      'another key than devid or a CSR',
      'malformedRequestDocument',
      { ...document, certificates: [{ ...certificate, key: 'ak' }] },
    ],
    [
      'names that are no list',
      'malformedRequestDocument',
      { ...document, certificates: [{ ...certificate, dnsNames: 'x' }] },
    ],
    [
      'a name that is no text',
      'malformedRequestDocument',
      { ...document, certificates: [{ ...certificate, dnsNames: [1] }] },
    ],
    [
      'too many names',
      'malformedRequestDocument',
      { ...document, certificates: [{ ...certificate, dnsNames: Array(101).fill('a.b') }] },
    ],
    ['too many certificates', 'malformedRequestDocument', { ...document, certificates: Array(33).fill(certificate) }],
    [
      'a name that is too long',
      'malformedRequestDocument',
      { ...document, certificates: [{ ...certificate, dnsNames: ['a'.repeat(254)] }] },
    ],
  ])('%s', (_what, reason, value) => {
    expect(reasonOf(octetsOf(value))).toBe(reason);
  });

  test.each<[string, string, Uint8Array]>([
    ['too much', 'requestDocumentTooLarge', Buffer.alloc(maxRequestOctets + 1, ' ')],
    [
      'a key twice',
      'malformedRequestDocument',
      Buffer.from(good.toString().replace('{"version":1', '{"version":1,"version":1')),
    ],
    [
      'a prototype',
      'malformedRequestDocument',
      Buffer.from(good.toString().replace('"version"', '"__proto__":{},"version"')),
    ],
    ['octets that are no UTF-8', 'malformedRequestDocument', Uint8Array.of(...good, 0xff)],
    ['something behind it', 'malformedRequestDocument', Uint8Array.of(...good, ...good)],
    ['a byte order mark', 'malformedRequestDocument', Uint8Array.of(0xef, 0xbb, 0xbf, ...good)],
    ['endless nesting', 'malformedRequestDocument', Buffer.from('['.repeat(50_000))],
  ])('%s', (_what, reason, octets) => {
    expect(reasonOf(octets)).toBe(reason);
  });
});

test('of two thousand mutations each is read or refused by name, and none makes the reader throw', () => {
  const pick = seeded('request document');
  const told = new Set<string>();
  for (let round = 0; round < 2000; round++) {
    const mutant = Uint8Array.from(good);
    for (let change = 0; change <= pick(3); change++) mutant[pick(mutant.length)] = pick(256);
    told.add(reasonOf(pick(4) === 0 ? mutant.slice(0, pick(mutant.length)) : mutant));
  }
  const known = ['accepted', 'malformedRequestDocument', 'unknownRequestMember', 'unsupportedRequestVersion'];
  expect([...told].filter((reason) => !known.includes(reason))).toEqual([]);
  expect(told.size).toBeGreaterThan(2);
});
