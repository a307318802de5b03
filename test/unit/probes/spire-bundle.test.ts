// SPIFFE bundles, read for the ends of their X.509 authorities.
import { describe, expect, test } from '@jest/globals';
import { readSpiffeBundle } from '../../../src/probes/spire-bundle.ts';
import { ca } from '../x509/authority.ts';

const authority = (notAfter: Date) => ({
  ...{ use: 'x509-svid', kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
  x5c: [Buffer.from(ca('SPIRE', { notAfter }).der).toString('base64')],
});
const jwt = { use: 'jwt-svid', kid: 'k', kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' };
const read = (document: unknown) => readSpiffeBundle(new TextEncoder().encode(JSON.stringify(document)));
const [first, second] = [new Date('2026-11-27T00:00:00Z'), new Date('2026-11-27T12:00:00Z')];

describe('a bundle', () => {
  test('has an end for each of its X.509 authorities', () => {
    const keys = [authority(first), jwt, authority(second)];
    expect(read({ keys, spiffe_sequence: 7, spiffe_refresh_hint: 300 })).toEqual({
      ok: true,
      authorities: [{ notAfter: first }, { notAfter: second }],
    });
  });

  test.each([
    ['a page of HTML', 'not a document', /no keys/],
    ['no keys', {}, /no keys/],
    ['keys for JWTs alone', { keys: [jwt] }, /no X\.509 authority/],
    [
      'two certificates for one key',
      { keys: [{ use: 'x509-svid', x5c: ['AAAA', 'AAAA'] }] },
      /cannot be read|certificate that can be read/,
    ],
    [
      'a certificate that is none',
      { keys: [{ use: 'x509-svid', x5c: ['A'.repeat(100)] }] },
      /certificate that can be read/,
    ],
    ['more keys than any SPIRE has', { keys: Array.from({ length: 1001 }, () => jwt) }, /no keys/],
  ])('with %s is none', (_what, document, detail) => {
    expect(read(document)).toMatchObject({ ok: false, detail: expect.stringMatching(detail) });
  });

  test('with an authority whose end is no time is none', () => {
    const { der } = ca('SPIRE', { notAfter: first });
    const undated = Buffer.from(der);
    undated.write('2611xx000000Z', undated.indexOf('261127000000Z'));
    const keys = [authority(second), { use: 'x509-svid', x5c: [undated.toString('base64')] }];
    expect(read({ keys })).toMatchObject({ ok: false, detail: expect.stringMatching(/that can be read/) });
  });

  test('that is no JSON is none', () => {
    expect(readSpiffeBundle(new TextEncoder().encode('<html>'))).toMatchObject({ ok: false });
  });
});
