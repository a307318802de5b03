// JSON from outside: what JSON.parse takes and we do not, and the other way round never.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseStrictJson } from '../../../src/domain/strict-json.ts';

const parse = (text: string | Uint8Array) => parseStrictJson(Buffer.from(text));

describe('what is taken', () => {
  test('every document without strange keys that JSON.stringify writes, as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/"(?:__proto__|constructor|prototype)":/.test(text));
        expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
      }),
      { numRuns: 300, seed: 8259 },
    );
  });
  test('brackets, braces and colons inside of texts do not count', () => {
    expect(parse(JSON.stringify({ a: '[[[[[[[[[[[[[[[[{:"', b: '\\' }))).toMatchObject({ ok: true });
  });
  test('the same key in two objects', () => expect(parse('{"a":{"b":1},"c":{"b":2}}')).toMatchObject({ ok: true }));
  test('the same key in a list of objects', () => expect(parse('[{"b":1},{"b":2}]')).toMatchObject({ ok: true }));
  test('twelve levels', () => expect(parse('['.repeat(12) + ']'.repeat(12))).toMatchObject({ ok: true }));
});

describe('what is refused', () => {
  test.each([
    ['thirteen levels', '['.repeat(13) + ']'.repeat(13)],
    ['a key twice', '{"a":1,"a":1}'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":1}'],
    ['a key twice with an object between', '{"a":{"b":[1,{"c":2}]},"a":1}'],
    ['__proto__', '{"__proto__":{}}'],
    ['constructor, deep down', '{"a":[{"constructor":1}]}'],
    ['prototype', '{"prototype":1}'],
    ['a byte order mark', '\ufeff{}'],
    ['nothing', ''],
    ['a text that does not end', '{"a":"'],
    ['a colon in a list', '["a":1]'],
    ['a comma at the end', '[1,]'],
    ['two documents', '{}{}'],
    ['NaN', 'NaN'],
    ['single quotes', "{'a':1}"],
    ['a key that is no text', '{1:2}'],
  ])('%s', (_what, text) => expect(parse(text)).toMatchObject({ ok: false, error: { reason: 'malformedJson' } }));

  test('octets that are no UTF-8', () => {
    for (const octets of [
      [0x22, 0xff, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xc0, 0xaf, 0x22],
    ]) {
      expect(parse(Uint8Array.from(octets))).toMatchObject({ ok: false });
    }
  });

  test('a hundred thousand brackets, at once', () => {
    const begun = performance.now();
    expect(parse('['.repeat(100_000)).ok).toBe(false);
    expect(parse('"'.repeat(100_001)).ok).toBe(false);
    expect(parse('"\\'.repeat(50_000)).ok).toBe(false);
    expect(parse(`{"a":"${'x'.repeat(300_000)}"}`).ok).toBe(true);
    expect(parse(`{"a":"${'\\n'.repeat(150_000)}"}`).ok).toBe(true);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
