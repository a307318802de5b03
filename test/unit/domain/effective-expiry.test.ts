// The earliest end of what a certificate depends on, and whose end it is.
import { expect, test } from '@jest/globals';
import { effectiveExpiry, noLimits, pathEnds } from '../../../src/domain/effective-expiry.ts';

const at = (day: number): Date => new Date(Date.UTC(2026, 0, day));

test('the earliest end counts, and of equal ones the nearest to the certificate', () => {
  expect(effectiveExpiry(at(9), noLimits)).toEqual({ notAfter: at(9), limitedBy: 'leaf' });
  expect(effectiveExpiry(at(9), { ...noLimits, issuer: at(9), root: at(10) }).limitedBy).toBe('leaf');
  expect(effectiveExpiry(at(9), { ...noLimits, crl: at(5), endorsementCertificate: at(4) })).toEqual({
    ...{ notAfter: at(4), limitedBy: 'endorsementCertificate' },
  });
  expect(effectiveExpiry(at(9), { ...noLimits, issuer: at(3), trustAnchor: at(3) }).limitedBy).toBe('issuer');
});

test('of a path the earliest end below the root counts for the issuer; an unknown parent and a circle end it', () => {
  const issuers = new Map([
    ['leafCa', { id: 'leafCa', parentId: 'middle', notAfter: at(8) }],
    ['middle', { id: 'middle', parentId: 'root', notAfter: at(6) }],
    ['root', { id: 'root', parentId: null, notAfter: at(7) }],
    ['circle', { id: 'circle', parentId: 'circle', notAfter: at(7) }],
  ]);
  expect(pathEnds(issuers, 'leafCa')).toEqual({ issuer: at(6), root: at(7), rootId: 'root' });
  expect(pathEnds(issuers, 'root')).toEqual({ issuer: null, root: at(7), rootId: 'root' });
  expect(pathEnds(issuers, 'nobody')).toEqual({ issuer: null, root: null, rootId: null });
  expect(pathEnds(issuers, 'circle').root).toBeNull();
});
