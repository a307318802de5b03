// Request signatures against RFC 9421: the base is built a second time here, by hand, after the text of the standard.
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { signRequest } from '../../../src/client/request-signing.ts';
import {
  authorityOf,
  contentDigest,
  keyIdOf,
  readSignature,
  signatureBase,
  signatureHeaders,
  type SignedMessage,
  splitTarget,
  verifySignature,
} from '../../../src/domain/request-signature.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
const keyId = createHash('sha256').update(spki).digest('base64url');
const nonce = 'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEfGhIjKlM';
const body = Buffer.from('{"hello": "world"}');
const parameters = { created: 1_618_884_473, keyId, nonce };

const get: SignedMessage = {
  method: 'GET',
  authority: 'omens.example.org:8443',
  path: '/v1/devices/self',
  query: '?',
  content: null,
};
const post: SignedMessage = {
  method: 'POST',
  authority: 'omens.example.org',
  path: '/v1/lineages/x/renewals',
  query: '?a=b%20c&d=',
  content: { type: 'application/json', digest: contentDigest(body) },
};

const signed = (message: SignedMessage): { 'signature-input': string; signature: string } =>
  signatureHeaders(
    message,
    parameters,
    new Uint8Array(sign('sha256', signatureBase(message, parameters), { key: privateKey, dsaEncoding: 'ieee-p1363' })),
  );

const read = (message: SignedMessage, headers: { 'signature-input': string; signature: string }, octets: Uint8Array) =>
  readSignature(message, { signatureInput: headers['signature-input'], signature: headers.signature, body: octets });

describe('what is signed', () => {
  test('the digest of a body is that of RFC 9530 and RFC 9421', () => {
    // RFC 9530 appendix B.1 and RFC 9421 §2.4 give this digest for these octets (with a line feed at the end in 9530 only).
    expect(contentDigest(Buffer.from('{"hello": "world"}\n'))).toBe(
      'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:',
    );
    expect(contentDigest(body)).toBe('sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:');
  });

  test('a request without a body has four components, and ? for its empty query', () => {
    expect(Buffer.from(signatureBase(get, parameters)).toString()).toBe(
      [
        '"@method": GET',
        '"@authority": omens.example.org:8443',
        '"@path": /v1/devices/self',
        '"@query": ?',
        `"@signature-params": ("@method" "@authority" "@path" "@query");created=1618884473;keyid="${keyId}";alg="ecdsa-p256-sha256";tag="omens-v1";nonce="${nonce}"`,
      ].join('\n'),
    );
  });

  test('a request with a body has its type and digest beside them', () => {
    expect(Buffer.from(signatureBase(post, parameters)).toString()).toBe(
      [
        '"@method": POST',
        '"@authority": omens.example.org',
        '"@path": /v1/lineages/x/renewals',
        '"@query": ?a=b%20c&d=',
        '"content-type": application/json',
        '"content-digest": sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:',
        `"@signature-params": ("@method" "@authority" "@path" "@query" "content-type" "content-digest");created=1618884473;keyid="${keyId}";alg="ecdsa-p256-sha256";tag="omens-v1";nonce="${nonce}"`,
      ].join('\n'),
    );
  });

  test('keyid is the digest of the SubjectPublicKeyInfo', () => expect(keyIdOf(spki)).toBe(keyId));

  test.each([
    ['Omens.Example.ORG', 'omens.example.org'],
    ['omens.example.org:443', 'omens.example.org'],
    ['omens.example.org:8443', 'omens.example.org:8443'],
    ['[::1]:8443', '[::1]:8443'],
  ])('the authority of %s is %s', (host, authority) => expect(authorityOf(host)).toBe(authority));

  test.each([
    ['/a/b?c=d?e', { path: '/a/b', query: '?c=d?e' }],
    ['/a', { path: '/a', query: '?' }],
    ['/a?', { path: '/a', query: '?' }],
    ['https://omens.example.org/a', null],
    ['*', null],
    ['/a#b', null],
    ['/a b', null],
    ['', null],
  ])('the target %s', (target, expected) => expect(splitTarget(target)).toEqual(expected));
});

describe('what is accepted', () => {
  test.each([
    ['without a body', get, new Uint8Array()],
    ['with a body', post, body],
  ])('a request %s, as we sign it', (_what, message, octets) => {
    const found = read(message, signed(message), octets);
    expect(found).toMatchObject({ ok: true, value: { parameters } });
    expect(found.ok && verifySignature(message, found.value, spki)).toEqual({ ok: true, value: parameters });
  });

  test('what the client signs verifies under the rules of the standard, not only under ours', async () => {
    const headers = await signRequest(
      {
        subjectPublicKeyInfo: spki,
        sign: async (message) =>
          new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
      },
      {
        method: 'POST',
        authority: 'omens.example.org',
        path: '/p',
        query: '?',
        body,
        nonce,
        created: new Date(1_618_884_473_999),
      },
    );
    const input = headers['signature-input']!;
    const lines = ['"@method": POST', '"@authority": omens.example.org', '"@path": /p', '"@query": ?'];
    lines.push(`"content-type": ${headers['content-type']!}`, `"content-digest": ${headers['content-digest']!}`);
    const base = [...lines, `"@signature-params": ${input.slice('omens='.length)}`].join('\n');
    const octets = Buffer.from(/^omens=:(.*):$/.exec(headers['signature']!)![1]!, 'base64');
    expect(octets).toHaveLength(64);
    expect(verify('sha256', Buffer.from(base), { key: publicKey, dsaEncoding: 'ieee-p1363' }, octets)).toBe(true);
    expect(input).toContain(';created=1618884473;');
  });
});

describe('what is refused', () => {
  const good = signed(post);
  const input = good['signature-input'];
  const changes: readonly [string, string][] = [
    ['a component left out', input.replace(' "@query"', '')],
    ['the digest left out', input.replace(' "content-digest"', '')],
    ['a component too many', input.replace('"content-digest"', '"content-digest" "date"')],
    ['components in another order', input.replace('"@method" "@authority"', '"@authority" "@method"')],
    ['a component twice', input.replace('"@method"', '"@method" "@method"')],
    ['a component with a parameter', input.replace('"@method"', '"@method";req')],
    ['@target-uri in place of its parts', input.replace('"@path" "@query"', '"@target-uri"')],
    ['no components', input.replace(/\(.*?\)/, '()')],
    ['no created', input.replace(/;created=\d+/, '')],
    ['created as text', input.replace(/created=(\d+)/, 'created="$1"')],
    ['created with a leading zero', input.replace('created=', 'created=0')],
    ['created below zero', input.replace('created=', 'created=-')],
    ['expires', input.replace(';keyid', ';expires=1918884473;keyid')],
    ['no keyid', input.replace(/;keyid="[^"]*"/, '')],
    ['a keyid of another length', input.replace(/keyid="./, 'keyid="')],
    ['another algorithm', input.replace('ecdsa-p256-sha256', 'ecdsa-p384-sha384')],
    ['a symmetric algorithm', input.replace('ecdsa-p256-sha256', 'hmac-sha256')],
    ['no algorithm', input.replace(';alg="ecdsa-p256-sha256"', '')],
    ['another tag', input.replace('omens-v1', 'omens-v2')],
    ['no tag', input.replace(';tag="omens-v1"', '')],
    ['no nonce', input.replace(/;nonce="[^"]*"/, '')],
    ['a nonce that ends the text', input.replace(/nonce="./, 'nonce="\\"')],
    ['parameters in another order', input.replace(/;tag="omens-v1"(;nonce="[^"]*")/, '$1;tag="omens-v1"')],
    ['a parameter twice', `${input};nonce="${nonce}"`],
    ['another label', input.replace('omens=', 'sig1=')],
    ['two signatures', `${input}, ${input.replace('omens=', 'sig1=')}`],
    ['a space at the end', `${input} `],
    ['a space after a semicolon', input.replace(';created', '; created')],
    ['a line feed', input.replace(';created', '\n;created')],
    ['nothing', ''],
  ];
  test.each(changes)('Signature-Input with %s', (_what, changed) => {
    expect(changed).not.toBe(input);
    expect(read(post, { ...good, 'signature-input': changed }, body)).toMatchObject({
      ok: false,
      error: { reason: 'malformedRequestSignature', field: 'signature-input' },
    });
  });

  const octets = Buffer.from(good.signature.slice('omens=:'.length, -1), 'base64');
  test.each([
    ['another label', good.signature.replace('omens=', 'sig1=')],
    ['63 octets', `omens=:${octets.subarray(1).toString('base64')}:`],
    ['65 octets', `omens=:${Buffer.concat([octets, Buffer.of(0)]).toString('base64')}:`],
    [
      'DER instead of r ‖ s',
      `omens=:${sign('sha256', signatureBase(post, parameters), privateKey).toString('base64')}:`,
    ],
    ['base64url', `omens=:${octets.toString('base64url')}:`],
    ['no colons', good.signature.replaceAll(':', '')],
    ['a parameter', `${good.signature};a`],
    ['two signatures', `${good.signature}, ${good.signature}`],
    ['nothing', ''],
  ])('Signature with %s', (_what, changed) => {
    expect(read(post, { ...good, signature: changed }, body)).toMatchObject({
      ok: false,
      error: { reason: 'malformedRequestSignature', field: 'signature' },
    });
  });

  test('base64 whose last bits are not zero', () => {
    const zero = Buffer.alloc(64).toString('base64');
    const slack = `omens=:${zero.replace(/A==$/, 'B==')}:`;
    expect(read(post, { ...good, signature: slack }, body)).toMatchObject({ error: { field: 'signature' } });
  });

  test('a body that is not the one of the digest', () => {
    expect(read(post, good, Buffer.from('{"hello": "moon!"}'))).toMatchObject({
      error: { reason: 'contentDigestDiffers' },
    });
  });

  test.each([
    ['another hash beside it', `${contentDigest(body)}, sha-512=:AAAA:`],
    ['another hash', 'sha-512=:AAAA:'],
    ['no digest', ''],
  ])('a Content-Digest with %s', (_what, digest) => {
    const message = { ...post, content: { type: 'application/json', digest } };
    expect(read(message, signed(message), body)).toMatchObject({ error: { reason: 'contentDigestDiffers' } });
  });

  test('a body that the signature does not speak of, and a digest without a body', () => {
    expect(read(get, signed(get), body)).toMatchObject({ error: { reason: 'malformedRequestSignature' } });
    expect(read(post, signed(post), new Uint8Array())).toMatchObject({
      error: { reason: 'malformedRequestSignature' },
    });
  });

  test.each<[string, SignedMessage]>([
    ['method', { ...post, method: 'PUT' }],
    ['authority', { ...post, authority: 'evil.example.org' }],
    ['path', { ...post, path: '/v1/lineages/y/renewals' }],
    ['query', { ...post, query: '?' }],
    ['type', { ...post, content: { type: 'text/plain', digest: contentDigest(body) } }],
  ])('a signature over another %s', (_what, message) => {
    const found = read(message, good, body);
    expect(found.ok && verifySignature(message, found.value, spki)).toMatchObject({
      ok: false,
      error: { reason: 'wrongRequestSignature' },
    });
  });

  test('a key that is not the one of the keyid, or not on P-256', () => {
    const found = read(post, good, body);
    if (!found.ok) throw new Error('not read');
    const keys = [
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    ];
    for (const key of keys) {
      const other = new Uint8Array(key.publicKey.export({ format: 'der', type: 'spki' }));
      expect(verifySignature(post, found.value, other)).toMatchObject({ error: { reason: 'wrongRequestSignature' } });
      const claimed = { ...found.value, parameters: { ...parameters, keyId: keyIdOf(other) } };
      expect(verifySignature(post, claimed, other)).toMatchObject({ error: { reason: 'wrongRequestSignature' } });
    }
  });

  test('r or s of zero', () => {
    const zero = { parameters, signature: new Uint8Array(64) };
    expect(verifySignature(post, zero, spki)).toMatchObject({ error: { reason: 'wrongRequestSignature' } });
  });

  test('any one character of either field changed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('signature-input' as const, 'signature' as const),
        fc.nat(),
        fc.integer({ min: 0x20, max: 0x7e }),
        (field, at, code) => {
          const text = good[field];
          const place = at % text.length;
          const changed = text.slice(0, place) + String.fromCharCode(code) + text.slice(place + 1);
          fc.pre(changed !== text);
          const found = read(post, { ...good, [field]: changed }, body);
          return !found.ok || !verifySignature(post, found.value, spki).ok;
        },
      ),
      { numRuns: 400, seed: 9421 },
    );
  });
});
