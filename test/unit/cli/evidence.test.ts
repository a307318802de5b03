// `omens certs evidence`: what people read, and what scripts get.
import { expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import { evidence } from '../../http/support/evidence.ts';
import { fakeWorld } from '../../fakes/service.ts';

test('the evidence names who allowed it, the TPM, each check and each use', async () => {
  const world = fakeWorld({ certificateEvidence: evidence });
  expect(await run(['certs', 'evidence', evidence.certificate], world)).toBe(0);
  const out = world.out();
  expect(out).toMatch(/allowed by +enrollment token 5{8}-\S+, made by operator:anna:\S+/);
  expect(out).toMatch(/verified again +yes/);
  expect(out).toMatch(/recorded +activation +the TPM/);
  expect(out).toContain('Infineon OPTIGA(TM) RSA Root CA');
  expect(out).toMatch(/devid +000b[0-9a-f]{64} +0007005500000000/);
});

test('evidence that does not hold any more says why', async () => {
  const again = { state: 'fails', reason: 'unknownRoot', detail: 'the root is not known' } as const;
  const world = fakeWorld({
    certificateEvidence: { ...evidence, again, profile: { ...evidence.profile, unchanged: false } },
  });
  await run(['certs', 'evidence', 'x'], world);
  expect(world.out()).toMatch(/verified again +no: the root is not known \(unknownRoot\)/);
  expect(world.out()).toContain('which has changed since');
});

test('a certificate for a CSR has no TPM, and says that nothing is kept', async () => {
  const csr = { ...evidence, request: { kind: 'csr' }, tpm: null, again: { state: 'nothingKept' }, confirmations: [] };
  const world = fakeWorld({ certificateEvidence: csr });
  await run(['certs', 'evidence', 'x'], world);
  expect(world.out()).toContain('a CSR, which is not kept');
  expect(world.out()).toMatch(/verified again +nothing is kept/);
  expect(world.out()).not.toContain('endorsement key');
});

test('--json is the resource', async () => {
  const world = fakeWorld({ certificateEvidence: evidence });
  await run(['certs', 'evidence', 'x', '--json'], world);
  expect(JSON.parse(world.out())).toEqual(evidence);
});
