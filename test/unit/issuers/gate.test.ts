import { expect, test } from '@jest/globals';
import { generateKeyPairSync, verify } from 'node:crypto';
import { type Lint, LintedTbs, sign } from '../../../src/issuers/gate.ts';
import { signerFor } from '../../../src/issuers/signer.ts';

const lint = (findings: Lint['findings']): Lint => ({
  algorithm: 'ecdsaWithSHA256',
  assemble: (tbs, signature) => Buffer.concat([tbs, signature]),
  findings,
});
const signer = signerFor(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

test('what was linted is signed, octet for octet', async () => {
  const tbs = Buffer.from('to be signed');
  const linted = await LintedTbs.lint(
    tbs,
    lint(() => []),
  );
  tbs.fill(0);
  if (!(linted instanceof LintedTbs)) throw new Error('not linted');
  const signature = await sign(signer, linted);
  expect(verify('sha256', Buffer.from('to be signed'), signer.publicKey, signature)).toBe(true);
});

test('a permission is spent once', async () => {
  const linted = await LintedTbs.lint(
    Buffer.from('x'),
    lint(() => []),
  );
  if (!(linted instanceof LintedTbs)) throw new Error('not linted');
  await sign(signer, linted);
  await expect(sign(signer, linted)).rejects.toThrow('already signed');
});

test('findings come instead of a permission', async () => {
  const findings = [{ reason: 'bad', detail: 'it is bad' }];
  expect(
    await LintedTbs.lint(
      Buffer.from('x'),
      lint(() => findings),
    ),
  ).toEqual(findings);
});

test('the lint sees a signature that the issuer never made', async () => {
  let seen: Uint8Array = new Uint8Array();
  const linted = await LintedTbs.lint(
    Buffer.from('x'),
    lint((assembled) => {
      seen = assembled.subarray(1);
      return [];
    }),
  );
  expect(linted).toBeInstanceOf(LintedTbs);
  expect(verify('sha256', Buffer.from('x'), signer.publicKey, seen)).toBe(false);
});
