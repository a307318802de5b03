// What the agent reads from a host, and whom it makes the owner of what.
import { describe, expect, test } from '@jest/globals';
import { accountsIn } from '../../../src/agent/accounts.ts';
import { addedInVersion2, parseState } from '../../../src/agent/agent-state.ts';
import { ownership } from '../../../src/agent/ownership.ts';
import { fullNameIn } from '../../../src/agent/own-name.ts';
import { rawSignature } from '../../../src/agent/request-key.ts';
import { tpmAdvice } from '../../../src/agent/tpm-advice.ts';
import { encodeTpmtSignature } from '../../../src/tpm2/signature.ts';
import { describeResponseCode } from '../../../src/tpm2/response-codes.ts';
import { TpmError } from '../../../src/tpm2/tpm-error.ts';

const accounts = accountsIn(
  'root:x:0:0::/root:/bin/sh\nspire:x:990:980::/:/bin/false\nkeylime:x:991:981::/:/bin/false\n',
  'root:x:0:\ntss:x:112:keylime\nspire:x:980:\nodd\nbad:x:y:\n',
);

describe('the owner of a file', () => {
  test('is passed over where its reader is there and not in the group', () => {
    const owner = [
      { user: 'root', group: 'tss', reader: 'spire' },
      { user: 'root', group: 'spire' },
    ];
    expect(ownership({ owner, mode: 0o640 }, accounts)).toMatchObject({ owner: { uid: 0, gid: 980 } });
    const member = accountsIn('spire:x:990:980::/:/bin/false\n', 'tss:x:112:keylime,spire\nspire:x:980:\n');
    expect(ownership({ owner, mode: 0o640 }, member)).toMatchObject({ owner: { uid: 0, gid: 112 } });
    const without = accountsIn('', 'tss:x:112:\nspire:x:980:\n');
    expect(ownership({ owner, mode: 0o640 }, without)).toMatchObject({ owner: { uid: 0, gid: 112 } });
  });
  const rule = [
    { user: 'keylime', group: 'spire' },
    { user: 'keylime', group: 'tss' },
  ];
  test('is the first of the rule whose names the host has', () => {
    expect(ownership({ owner: rule, mode: 0o640 }, accounts)).toMatchObject({ owner: { uid: 991, gid: 980 } });
    const without = { ...accounts, groups: accountsIn('', 'tss:x:112:\n').groups };
    expect(ownership({ owner: rule, mode: 0o640 }, without)).toMatchObject({ owner: { uid: 991, gid: 112 } });
  });
  test('brings a mode of its own along', () => {
    const forSpire = [
      { user: 'spire', group: 'root', mode: 0o400 },
      { user: 'root', group: 'root' },
    ];
    expect(ownership({ owner: forSpire, mode: 0o600 }, accounts)).toMatchObject({ owner: { uid: 990 }, mode: 0o400 });
    const nobody = accountsIn('', '');
    expect(ownership({ owner: forSpire, mode: 0o600 }, nobody)).toMatchObject({ owner: { uid: 0 }, mode: 0o600 });
    expect(ownership({ owner: rule, mode: 0o640 }, nobody)).toMatchObject({ owner: null, mode: 0o640 });
  });
});

test('the full name of a host comes from its hosts file', () => {
  const hosts = '127.0.0.1 localhost\n127.0.1.1 Tower.Example.org tower # here\n';
  expect(fullNameIn(hosts, 'tower')).toBe('tower.example.org');
  expect(fullNameIn(hosts, 'other')).toBeNull();
  expect(fullNameIn('127.0.0.1 localhost.localdomain localhost', 'localhost')).toBeNull();
});

test('a state of version 1 is taken over, with nothing kept of any target', () => {
  const { identity, kept, ...first } = {
    ...{ server: {}, hostName: 'tower.example.org', tpm: 'device:/dev/tpmrm0', keys: {} },
    ...{ enrollment: null, spentToken: null, device: null, installed: [], ...addedInVersion2 },
  };
  expect(parseState(JSON.stringify({ ...first, version: 1 }), 'state.json')).toEqual({
    ...first,
    ...{ version: 2, identity, kept },
  });
});

test('a state that this program did not write is refused with the file that it is in', () => {
  for (const text of ['', 'null', '{}', '{"version":3}', '{"version":2}', '{"version":1}']) {
    expect(() => parseState(text, '/var/lib/omens/agent/state.json')).toThrow('/var/lib/omens/agent/state.json');
  }
});

test('a signature of the TPM travels as 64 octets, leading zeros restored', () => {
  const short = { scheme: 'ecdsa', hash: 'sha256', r: Uint8Array.of(1), s: new Uint8Array(32).fill(7) } as const;
  const raw = rawSignature(encodeTpmtSignature(short));
  expect(raw).toHaveLength(64);
  expect([...raw.subarray(30, 33)]).toEqual([0, 1, 7]);
});

test('every kind of TPM failure says what was being done and what to do next', () => {
  const codes = {
    auth: 0x9a2,
    lockout: 0x921,
    slots: 0x902,
    handle: 0x18b,
    integrity: 0x1df,
    state: 0x100,
    retry: 0x922,
  };
  const told = Object.values(codes).map((code) => {
    const failure = tpmAdvice(new TpmError('Load', describeResponseCode(code)), 'solving the challenge');
    expect(failure?.message).toContain('while solving the challenge');
    expect(failure?.hints.length).toBeGreaterThan(0);
    return failure?.hints.join();
  });
  expect(new Set(told).size).toBe(told.length);
  expect(tpmAdvice(new Error('something else'), 'x')).toBeNull();
});
