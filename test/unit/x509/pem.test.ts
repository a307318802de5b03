import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodePem, encodePem, pemLength } from '../../../src/x509/pem.ts';

const limits = { labels: ['CERTIFICATE'], maxCharacters: 10_000, maxBlocks: 2 };
const block = encodePem('CERTIFICATE', new Uint8Array(100).fill(7));

describe('PEM text', () => {
  test('survives writing and reading, and its length is known beforehand', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), (octets) => {
        const text = encodePem('CERTIFICATE', octets);
        expect(text).toHaveLength(pemLength('CERTIFICATE', octets.length));
        expect(decodePem(text, limits)).toEqual({ ok: true, value: [{ label: 'CERTIFICATE', der: octets }] });
      }),
    );
  });

  test('has lines of 64 characters', () => {
    const lines = block.split('\n').slice(1, -2);
    expect(lines.slice(0, -1).every((line) => line.length === 64)).toBe(true);
  });

  test('may hold several blocks, with CRLF and empty lines', () => {
    const text = `\r\n${block}\n${block}`.replaceAll('\n', '\r\n');
    expect(decodePem(text, limits)).toMatchObject({ ok: true, value: [{}, {}] });
  });
});

describe('refused is', () => {
  test.each([
    ['an empty text', '', 'malformedPem'],
    ['text before a block', `subject=CN = x\n${block}`, 'malformedPem'],
    ['text behind a block', `${block}x`, 'malformedPem'],
    ['a header inside a block', block.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n'), 'malformedPem'],
    ['a block without end', block.replace(/-----END.*\n/, ''), 'malformedPem'],
    ['a block that ends as another', block.replace('END CERTIFICATE', 'END X509 CRL'), 'malformedPem'],
    ['a block within a block', block.replace('-----\n', '-----\n-----BEGIN CERTIFICATE-----\n'), 'malformedPem'],
    ['a block without content', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', 'malformedPem'],
    ['base64 without its padding', block.replace(/==\n/, '\n'), 'malformedPem'],
    ['padding that is not canonical', block.replace(/.==\n/, 'x==\n'), 'malformedPem'],
    ['padding in the middle', block.replace('\nBwc', '\nBw=\nc'), 'malformedPem'],
    ['base64url', block.replace('\nBwcH', '\nBw-_'), 'malformedPem'],
    ['another label', block.replaceAll('CERTIFICATE', 'PRIVATE KEY'), 'unexpectedPemLabel'],
    ['one block too many', block.repeat(3), 'tooManyPemBlocks'],
    ['a text that is too long', block.repeat(100), 'pemTooLarge'],
  ])('%s', (_, text, reason) => {
    expect(text).not.toBe(block);
    expect(decodePem(text, limits)).toMatchObject({ ok: false, error: { reason } });
  });
});
