// Problem documents: one table, nothing told that is not in it, and no reason of ours without a row.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { problems } from '../../../src/http/problem-table.ts';
import { problemTitle, renderProblem } from '../../../src/http/problems.ts';

const place = { publicUrl: 'https://omens.example.org', requestId: '01890a5d-ac96-774b-bcce-b302099a8057' };

describe('a problem document', () => {
  test('says rule, field and remedy', () => {
    const refusal = { reason: 'nameNotGranted', detail: 'no', field: 'dnsNames.0', accepted: 'a.example.org' };
    expect(renderProblem(refusal, place)).toEqual({
      status: 403,
      reason: 'nameNotGranted',
      headers: { 'Content-Type': 'application/problem+json' },
      document: {
        type: 'https://omens.example.org/problems/nameNotGranted',
        title: problems.nameNotGranted.title,
        status: 403,
        detail: 'no',
        instance: 'urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057',
        field: 'dnsNames.0',
        accepted: 'a.example.org',
      },
    });
  });

  test('of several refusals is the first one, and lists all', () => {
    const { document, status } = renderProblem(
      [
        { reason: 'keyTypeNotAllowed', detail: 'first', field: 'key' },
        { reason: 'malformedName', detail: 'second' },
      ],
      place,
    );
    expect(status).toBe(403);
    expect(document).toMatchObject({ type: 'https://omens.example.org/problems/keyTypeNotAllowed', detail: 'first' });
    expect(document.denials).toEqual([
      { reason: 'keyTypeNotAllowed', detail: 'first', field: 'key' },
      { reason: 'malformedName', detail: 'second' },
    ]);
  });

  test.each([
    ['a reason that nobody wrote down', { reason: 'diskFull', detail: 'ENOSPC: /var/lib/omens/key' }],
    ['a name of every object', { reason: 'constructor', detail: 'secret' }],
    [
      'one such among others',
      [
        { reason: 'malformedName', detail: 'secret' },
        { reason: 'diskFull', detail: 'secret' },
      ],
    ],
    ['no refusal at all', []],
  ])('tells nothing of %s', (_what, refusals) => {
    const { status, document } = renderProblem(refusals, place);
    expect(status).toBe(500);
    expect(JSON.stringify(document)).not.toMatch(/secret|ENOSPC|constructor|diskFull|malformedName/);
  });

  test('of a missing credential names the scheme, and of a wait the seconds', () => {
    expect(renderProblem({ reason: 'credentialsMissing', detail: '' }, place).headers['WWW-Authenticate']).toContain(
      'Bearer',
    );
    expect(renderProblem({ reason: 'unavailable', detail: '' }, place).headers['Retry-After']).toBe('5');
  });
});

test('a title is known for each type and for nothing else', () => {
  expect(problemTitle('badSignature')).toBe(problems.badSignature.title);
  expect(problemTitle('toString')).toBeNull();
});

/** Reasons of the CA's own ceremony: told to whoever starts it, never over HTTP. */
const ceremony = ['notACa', 'keyDoesNotMatch', 'chainIncomplete', 'notACertificate', 'caExpired', 'caCertificate'];
/** What a look at old evidence says of it: a member of the answer, no refusal. */
const ofEvidence = ['certifiedKeyDiffers'];

const neverOnTheWire = new Set([...ceremony, ...ofEvidence]);

describe.each(['enrollment', 'issuance', 'http'])('every reason written in src/%s', (folder) => {
  const root = new URL(`../../../src/${folder}/`, import.meta.url).pathname;
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'wire.ts')
    .map((file) => `${root}${file}`);
  test('has a row in the table', () => {
    const reasons = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\breason: '([a-zA-Z]+)'/g)].map(([, reason]) => reason!),
    );
    expect(reasons.length).toBeGreaterThan(0);
    expect([...new Set(reasons)].filter((reason) => !(reason in problems) && !neverOnTheWire.has(reason))).toEqual([]);
  });
});
