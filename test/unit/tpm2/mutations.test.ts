// Seeded mutations of good octets: every one is refused with a reason or means the same; none is a fault.

import { sign } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { encodeTpmsAttest } from '../../../src/tpm2/attest.ts';
import { parsed } from '../../../src/tpm2/cursor.ts';
import { checkEndorsementKey } from '../../../src/tpm2/endorsement-key.ts';
import { checkAttestationKey, checkSigningKey } from '../../../src/tpm2/key-checks.ts';
import { makeCredential } from '../../../src/tpm2/make-credential.ts';
import { nameOf } from '../../../src/tpm2/name.ts';
import { encodeTpm2bPublic, parseTpm2bPublic } from '../../../src/tpm2/public-area.ts';
import { encodeTpmtSignature } from '../../../src/tpm2/signature.ts';
import { signingKeyRsa } from '../../../src/tpm2/templates.ts';
import { verifyCertify, verifyKeySignature } from '../../../src/tpm2/verify.ts';
import { certification, certifyAttest, countedOctets, devid, publicAreas, rsaKey } from './samples.ts';

/** A random integer in [0, limit), always from the same sequence. */
function dice(): (limit: number) => number {
  const octets = countedOctets();
  return (limit) => Buffer.from(octets(4)).readUInt32BE() % limit;
}

/** Sets, flips, removes, inserts or doubles something. */
function mutated(octets: Uint8Array, roll: (limit: number) => number): Uint8Array {
  const list = [...octets];
  const at = roll(list.length);
  const change = [
    () => list.splice(at, 1, roll(256)),
    () => list.splice(at, 1, octets[at]! ^ (1 << roll(8))),
    () => list.splice(at, 1 + roll(4)),
    () => list.splice(at, 0, roll(256)),
    () => list.splice(at, 2, 0xff, 0xff),
    () => list.splice(at),
    () => list.push(...octets.slice(at)),
  ];
  change[roll(change.length)]!();
  return Uint8Array.from(list);
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

test('no mutation of a certification is accepted', () => {
  const good = certification();
  const roll = dice();
  const reasons = new Map<string, number>();
  for (let i = 0; i < 1500; i += 1) {
    const field = (['attest', 'signature', 'akPublic', 'certifiedPublic'] as const)[roll(4)]!;
    let input: Parameters<typeof verifyCertify>[0] = good;
    if (field === 'attest' || field === 'signature') {
      const octets = mutated(good[field], roll);
      if (same(octets, good[field])) continue;
      input = { ...good, [field]: octets };
    } else {
      const octets = mutated(encodeTpm2bPublic(good[field]), roll);
      const area = parsed(() => parseTpm2bPublic(octets));
      if (!area.ok || same(octets, encodeTpm2bPublic(good[field]))) continue;
      // A bit of the AK's public area that says nothing about its signature may differ: its Name is what activation binds.
      if (field === 'akPublic' && checkAttestationKey(area.value).ok) continue;
      input = { ...good, [field]: area.value };
    }
    const result = verifyCertify(input);
    if (result.ok) throw new Error(`accepted ${field}: ${JSON.stringify(input)}`);
    reasons.set(result.error.reason, (reasons.get(result.error.reason) ?? 0) + 1);
  }
  expect([...reasons.keys()]).toEqual(
    expect.arrayContaining(['malformedAttest', 'malformedSignature', 'badSignature', 'certifiedNameMismatch']),
  );
});

test('no mutation of a signature by RSASSA is accepted', () => {
  const signer = rsaKey(signingKeyRsa);
  const message = encodeTpmsAttest(certifyAttest(nameOf(devid().area)));
  const octets = new Uint8Array(sign('sha256', message, signer.privateKey));
  const good = encodeTpmtSignature({ scheme: 'rsassa', hash: 'sha256', octets });
  expect(verifyKeySignature({ signature: good, keyPublic: signer.area, message })).toMatchObject({ ok: true });
  const roll = dice();
  const reasons = new Set<string>();
  for (let i = 0; i < 500; i += 1) {
    const signature = mutated(good, roll);
    if (same(signature, good)) continue;
    const result = verifyKeySignature({ signature, keyPublic: signer.area, message });
    if (result.ok) throw new Error(`accepted ${Buffer.from(signature).toString('hex')}`);
    reasons.add(result.error.reason);
  }
  expect([...reasons]).toEqual(expect.arrayContaining(['malformedSignature', 'badSignature']));
});

test('no mutation of a public area makes the checks or the credential fail otherwise than by a reason', () => {
  const roll = dice();
  const random = countedOctets();
  const areas = Object.values(publicAreas());
  let accepted = 0;
  for (let i = 0; i < 3000; i += 1) {
    const octets = mutated(encodeTpm2bPublic(areas[roll(areas.length)]!), roll);
    const area = parsed(() => parseTpm2bPublic(octets));
    if (!area.ok) continue;
    checkAttestationKey(area.value);
    checkSigningKey(area.value, 'devid');
    const ek = checkEndorsementKey(area.value);
    if (!ek.ok) continue;
    accepted += 1; // another RSA modulus is another key: nobody can open this, but it is well-formed
    const objectName = nameOf(area.value);
    makeCredential({ endorsementKey: ek.value, objectName, credential: new Uint8Array(32), random });
  }
  expect(accepted).toBeGreaterThan(10);
});
