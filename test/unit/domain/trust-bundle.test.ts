// What a trust bundle may say, and when the next one counts.
import { describe, expect, test } from '@jest/globals';
import {
  acceptBundle,
  encodeTrustBundle,
  type KnownAnchor,
  type OfferedBundle,
  parseTrustBundle,
} from '../../../src/domain/trust-bundle.ts';

const anchor = { domain: 'estate', certificate: 'PEM' } as const;
const bundle = { version: 1, generation: 2, createdAt: '2026-11-26T10:00:00Z', anchors: [anchor] } as const;
const octets = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test('a bundle is read as it was written', () => {
  expect(parseTrustBundle(encodeTrustBundle(bundle))).toEqual({ ok: true, value: bundle });
});

test.each([
  ['no JSON', new TextEncoder().encode('omens')],
  ['a member twice', new TextEncoder().encode(JSON.stringify(bundle).replace('{', '{"version":1,'))],
  ['a member more', octets({ ...bundle, path: '/etc/passwd' })],
  ['a member less', octets({ ...bundle, createdAt: undefined })],
  ['another version', octets({ ...bundle, version: 2 })],
  ['generation 0', octets({ ...bundle, generation: 0 })],
  ['half a generation', octets({ ...bundle, generation: 1.5 })],
  ['a generation beyond 2^31', octets({ ...bundle, generation: 2 ** 31 })],
  ['a generation as text', octets({ ...bundle, generation: '2' })],
  ['a time that is none', octets({ ...bundle, createdAt: '2026-13-26T10:00:00Z' })],
  ['no anchor', octets({ ...bundle, anchors: [] })],
  ['seventeen anchors', octets({ ...bundle, anchors: new Array(17).fill(anchor) })],
  ['an anchor with a member more', octets({ ...bundle, anchors: [{ ...anchor, place: 'x' }] })],
  ['an anchor whose certificate is no text', octets({ ...bundle, anchors: [{ ...anchor, certificate: 1 }] })],
])('%s is no bundle', (_, text) => {
  expect(parseTrustBundle(text)).toMatchObject({ ok: false, error: { reason: 'malformedTrustBundle' } });
});

test('a trust domain that is not known is refused by its own reason', () => {
  const text = octets({ ...bundle, anchors: [{ ...anchor, domain: 'everything' }] });
  expect(parseTrustBundle(text)).toMatchObject({ ok: false, error: { reason: 'unknownTrustDomain' } });
});

describe('a bundle', () => {
  const estate: KnownAnchor = { domain: 'estate', sha256: 'aa' };
  const control: KnownAnchor = { domain: 'keylime-control', sha256: 'bb' };
  const next: KnownAnchor = { domain: 'estate', sha256: 'cc' };
  const current = { generation: 3, anchors: [estate, control] };
  const offered = { generation: 4, signerSha256: 'aa', anchors: [estate, next, control] };

  test('that a trusted root of the estate signed replaces what was trusted', () => {
    expect(acceptBundle(current, offered)).toEqual({ ok: true, value: { generation: 4, anchors: offered.anchors } });
  });

  test('drops an old anchor that it does not list', () => {
    const accepted = acceptBundle(current, { ...offered, anchors: [next] });
    expect(accepted).toMatchObject({ ok: true, value: { anchors: [next] } });
  });

  test('may pass over generations', () => {
    expect(acceptBundle(current, { ...offered, generation: 40 }).ok).toBe(true);
  });

  test.each<readonly [string, OfferedBundle<KnownAnchor>, string]>([
    ['of the same generation', { ...offered, generation: 3 }, 'generationNotLarger'],
    ['of an earlier generation', { ...offered, generation: 1 }, 'generationNotLarger'],
    ['signed by nobody who is trusted', { ...offered, signerSha256: 'dd' }, 'signerNotTrusted'],
    ['signed by a root that only it names', { ...offered, signerSha256: 'cc' }, 'signerNotTrusted'],
    ['signed by the root of the control domain', { ...offered, signerSha256: 'bb' }, 'signerNotTrusted'],
    ['without a root of the estate', { ...offered, anchors: [control] }, 'noEstateAnchor'],
    ['with a root twice', { ...offered, anchors: [estate, estate] }, 'anchorTwice'],
    [
      'with one root in both domains',
      { ...offered, anchors: [estate, { domain: 'keylime-control', sha256: 'aa' }] },
      'anchorTwice',
    ],
  ])('%s is refused', (_, bad, reason) => {
    expect(acceptBundle(current, bad)).toMatchObject({ ok: false, error: { reason } });
  });
});
