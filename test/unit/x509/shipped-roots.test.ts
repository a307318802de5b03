// The vendor certificates that are shipped, read by the reader that will have to follow them.
import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import { loadPolicies } from '../../../src/policies.ts';
import { readCertificate } from '../../../src/x509/certificate.ts';
import { loadEndorsementPolicy } from '../../../src/x509/endorsement-chain.ts';

const policies = loadPolicies(join(import.meta.dirname, '../../../policies'));
const shipped = policies.ok ? policies.value : null;

test('every shipped root and intermediate can stand in a path', () => {
  const loaded = loadEndorsementPolicy({
    roots: shipped?.endorsementRoots ?? [],
    intermediates: shipped?.endorsementIntermediates ?? [],
  });
  expect(loaded.ok ? [] : loaded.error).toEqual([]);
  expect(loaded.ok && loaded.value.anchors.length).toBe(shipped?.endorsementRoots.length);
});

test('the trailing zero bits of Infineon’s keyUsage are let pass by name, and not otherwise', () => {
  const der =
    shipped?.endorsementRoots.find(({ file }) => file.includes('infineon-optiga-rsa-root'))?.der ?? new Uint8Array();
  expect(readCertificate(der)).toMatchObject({ ok: false, error: { reason: 'malformedCertificate' } });
  const tolerant = readCertificate(der, ['paddedKeyUsage']);
  expect(tolerant.ok && tolerant.value.keyUsage).toEqual(['keyCertSign', 'cRLSign']);
});
