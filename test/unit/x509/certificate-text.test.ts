// A certificate in words: every part is there, and nothing of a stranger's comes out raw.
import { describe, expect, test } from '@jest/globals';
import { describeCertificate } from '../../../src/x509/certificate-text.ts';
import type { CertificateText } from '../../../src/domain/certificate-text.ts';
import { ca, devidPlan, issued, serverPlan } from './authority.ts';

const root = ca('Test Root');
const issuer = ca('Test Issuing CA', { issuer: root });

const textOf = (der: Uint8Array): CertificateText => {
  const text = describeCertificate(der);
  if (!text.ok) throw new Error(text.error.detail);
  return text.value;
};

const valueOf = (text: CertificateText, title: string, name: string): string | undefined =>
  text.find((section) => section.title === title)?.lines.find((line) => line.name === name)?.value;

describe('the text of a server certificate', () => {
  const plan = serverPlan();
  const text = textOf(issued(plan, issuer));

  test('has its sections in the order of the certificate', () => {
    expect(text.map(({ title }) => title).slice(0, 5)).toEqual([
      'Certificate',
      'Issuer',
      'Validity',
      'Subject',
      'Public key',
    ]);
    expect(text.at(-1)?.title).toBe('Signature');
  });

  test('says purposes, names and places in words', () => {
    expect(valueOf(text, 'Extended key usage', 'serverAuth')).toBe('a TLS server');
    expect(valueOf(text, 'Key usage', 'digitalSignature')).toContain('TLS handshake');
    expect(valueOf(text, 'Basic constraints', 'CA')).toContain('end entity');
    expect(valueOf(text, 'Subject alternative name', 'DNS name')).toBe(plan.names.dnsNames[0]);
    expect(valueOf(text, 'Authority information access', 'Certificate of the issuer')).toBe(plan.issuerUrl);
    expect(valueOf(text, 'CRL distribution points', 'CRL')).toBe(plan.crlUrl);
    expect(valueOf(text, 'Issuer', 'Common name (CN)')).toBe('Test Issuing CA');
  });

  test('says which extensions are critical', () => {
    expect(text.find(({ title }) => title === 'Key usage')?.isCritical).toBe(true);
    expect(text.find(({ title }) => title === 'Subject alternative name')?.isCritical).toBe(false);
    expect(text.find(({ title }) => title === 'Subject')?.isCritical).toBeNull();
  });
});

test('a DevID tells its hardware and that its key was verified to live in a TPM', () => {
  const text = textOf(issued(devidPlan(), issuer));
  expect(valueOf(text, 'Subject alternative name', 'Hardware module name')).toMatch(/^TPM 2\.0, serial number \S+/);
  expect(valueOf(text, 'Certificate policies', 'verifiedTPMResidency')).toContain('live in a TPM');
  expect(valueOf(text, 'Extended key usage', 'tpmFixed')).toContain('no TLS stack accepts');
});

test('a CA says how long its path may be', () => {
  const text = textOf(issuer.der);
  expect(valueOf(text, 'Basic constraints', 'CA')).toContain('may sign certificates');
});

test('a name of a stranger becomes one line without control characters', () => {
  const hostile = ca('evil\nname\u202e\u001b[31m<script>');
  const name = valueOf(textOf(hostile.der), 'Subject', 'Common name (CN)')!;
  expect(name).not.toMatch(/[\u0000-\u001f\u202e]/);
  expect(name).toContain('<script>');
});

test('octets that are no certificate have no text', () => {
  expect(describeCertificate(new Uint8Array([1, 2, 3]))).toMatchObject({ ok: false });
});
