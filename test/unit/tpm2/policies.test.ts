// The policy digests of the EK templates, recomputed from the definitions of the policy commands (TPM 2.0 Part 3).

import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { hashes } from '../../../src/tpm2/algorithms.ts';
import { TpmWriter } from '../../../src/tpm2/cursor.ts';
import { TPM_RH } from '../../../src/tpm2/name.ts';
import { ekPolicies } from '../../../src/tpm2/templates.ts';

type Hash = 'sha256' | 'sha384' | 'sha512';
const digest = (hash: Hash, octets: Uint8Array) => new Uint8Array(createHash(hash).update(octets).digest());
const CC = { PolicyOR: 0x171, PolicySecret: 0x151, PolicyAuthorizeNV: 0x192 };

/** policyDigest = H(H(old ‖ CC ‖ name) ‖ policyRef), with an empty policyRef. */
function policySecret(hash: Hash, handle: number) {
  const zero = new Uint8Array(hashes[hash].size);
  const inner = digest(hash, new TpmWriter().octets(zero).uint32(CC.PolicySecret).uint32(handle).finish());
  return digest(hash, inner);
}

/** The index that TCG reserves holds an authorized policy: its Name is that of a written index of these attributes. */
function policyAuthorizeNv(hash: Hash, index: number, authPolicy: Uint8Array) {
  const area = new TpmWriter()
    .uint32(index)
    .uint16(hashes[hash].id)
    .uint32(0x220f1008)
    .sized(authPolicy)
    .uint16(hashes[hash].size + 2)
    .finish();
  const name = new TpmWriter().uint16(hashes[hash].id).octets(digest(hash, area)).finish();
  const zero = new Uint8Array(hashes[hash].size);
  return digest(hash, new TpmWriter().octets(zero).uint32(CC.PolicyAuthorizeNV).octets(name).finish());
}

function policyOr(hash: Hash, ...branches: readonly Uint8Array[]) {
  const writer = new TpmWriter().octets(new Uint8Array(hashes[hash].size)).uint32(CC.PolicyOR);
  for (const branch of branches) writer.octets(branch);
  return digest(hash, writer.finish());
}

test.each(['sha256', 'sha384'] as const)('PolicyA and PolicyC with %s are what their commands compute', (hash) => {
  const a = policySecret(hash, TPM_RH.endorsement);
  expect(a).toEqual(ekPolicies.policyA[hash]);
  const index = { sha256: 0x01c07f01, sha384: 0x01c07f02 }[hash];
  expect(policyAuthorizeNv(hash, index, a)).toEqual(ekPolicies.policyC[hash]);
});

test.each([
  ['sha256', 0x01c07f01],
  ['sha384', 0x01c07f02],
  ['sha512', 0x01c07f03],
] as const)('PolicyB with %s is PolicyOR of PolicyA and PolicyC', (hash, index) => {
  const a = policySecret(hash, TPM_RH.endorsement);
  expect(policyOr(hash, a, policyAuthorizeNv(hash, index, a))).toEqual(ekPolicies.policyB[hash]);
});
