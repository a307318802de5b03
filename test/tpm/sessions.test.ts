// HMAC sessions, parameter encryption and errors of use, against a software TPM: it checks every HMAC we compute.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { withEk } from '../../src/agent/tpm-endorsement.ts';
import { createSigningKey, signDigest } from '../../src/agent/tpm-keys.ts';
import { sign } from '../../src/tpm2/attestation.ts';
import { type Authorization, emptyPassword } from '../../src/tpm2/authorization.ts';
import { handleRanges, handlesFrom, readIdentity } from '../../src/tpm2/capability.ts';
import type { Tpm } from '../../src/tpm2/command.ts';
import { nvReadPublic } from '../../src/tpm2/nv.ts';
import {
  create,
  createPrimary,
  evictControl,
  flushContext,
  load,
  readPublic,
  withObject,
} from '../../src/tpm2/objects.ts';
import { parseTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { startAuthSession, withSession } from '../../src/tpm2/sessions.ts';
import { ekTemplates, signingKeyEcc, storagePrimaryEcc } from '../../src/tpm2/templates.ts';
import { TpmError } from '../../src/tpm2/tpm-error.ts';
import { verifyKeySignature } from '../../src/tpm2/verify.ts';

import { type SoftwareTpm, startSwtpm, withTpm } from './swtpm.ts';

let swtpm: SoftwareTpm;
beforeAll(async () => {
  swtpm = await startSwtpm();
});
afterAll(() => swtpm.stop());

const onTpm = <T>(use: Parameters<typeof withTpm<T>>[1]) => withTpm(`unix:${swtpm.socketPath}`, use);
const srk = { hierarchy: 'owner', template: storagePrimaryEcc } as const;
const keyPassword = Buffer.from('correct horse\0\0'); // trailing zeros are no part of a password
const message = Buffer.from('message');
const digest = createHash('sha256').update(message).digest();

/** The same TPM with octets of its answers, or of our commands, changed on the way. */
const tampered = (
  tpm: Tpm,
  change: { command?: (octets: Uint8Array) => void; response?: (octets: Uint8Array) => void },
): Tpm => ({
  ...tpm,
  transport: {
    ...tpm.transport,
    transceive: async (command) => {
      const sent = command.slice();
      change.command?.(sent);
      const response = await tpm.transport.transceive(sent);
      change.response?.(response);
      return response;
    },
  },
});

/** Makes a key with a password under the SRK, its password encrypted on the way, and hands SRK and blobs to `use`. */
async function withGuardedKey<T>(
  tpm: Tpm,
  use: (
    signWith: (authorization: Authorization, on?: Tpm) => Promise<Uint8Array>,
    publicArea: Uint8Array,
  ) => Promise<T>,
): Promise<T> {
  const { blobs, loaded } = await withObject(tpm, createPrimary(tpm, srk), async (parent) => {
    const blobs = await withSession(tpm, { type: 'hmac', hash: 'sha256', salt: parent }, (session) => {
      const authorization = { kind: 'session', session, encryptsCommand: true, encryptsResponse: true } as const;
      return create(tpm, { parent, template: signingKeyEcc, keyPassword, authorization });
    });
    return { blobs, loaded: await load(tpm, parent, blobs) };
  });
  return withObject(tpm, Promise.resolve(loaded), (key) =>
    use((authorization, on = tpm) => sign(on, { key, digest, authorization }), blobs.public),
  );
}

describe.each([
  ['the SRK (P-256)', 'sha256', (tpm: Tpm) => createPrimary(tpm, srk)],
  ['the SRK (P-256)', 'sha384', (tpm: Tpm) => createPrimary(tpm, srk)],
  [
    'the EK (RSA-2048)',
    'sha256',
    (tpm: Tpm) => createPrimary(tpm, { hierarchy: 'endorsement', template: ekTemplates['L-1'] }),
  ],
  [
    'the EK (P-384)',
    'sha384',
    (tpm: Tpm) => createPrimary(tpm, { hierarchy: 'endorsement', template: ekTemplates['H-3'] }),
  ],
] as const)('an HMAC session salted with %s, by %s', (_salt, hash, makeSalt) => {
  test('uses a key with a password that never travels, with the digest encrypted, again and again', async () => {
    await onTpm((tpm) =>
      withGuardedKey(tpm, (signWith, publicArea) =>
        withObject(tpm, makeSalt(tpm), (salt) =>
          withSession(tpm, { type: 'hmac', hash, salt }, async (session) => {
            for (let use = 0; use < 3; use += 1) {
              const signature = await signWith({
                kind: 'session',
                session,
                authValue: keyPassword,
                encryptsCommand: true,
              });
              const keyPublic = parseTpm2bPublic(publicArea);
              expect(verifyKeySignature({ signature, keyPublic, message })).toMatchObject({ ok: true });
            }
          }),
        ),
      ),
    );
  });
});

describe('in an HMAC session', () => {
  const inSession = (
    use: (input: {
      tpm: Tpm;
      signWith: (over?: { authValue?: Uint8Array }, on?: Tpm) => Promise<Uint8Array>;
    }) => Promise<void>,
  ) =>
    onTpm((tpm) =>
      withGuardedKey(tpm, (signWith) =>
        withObject(tpm, createPrimary(tpm, srk), (salt) =>
          withSession(tpm, { type: 'hmac', hash: 'sha256', salt }, (session) =>
            use({
              tpm,
              signWith: (over, on) => signWith({ kind: 'session', session, authValue: keyPassword, ...over }, on),
            }),
          ),
        ),
      ),
    );

  test('a wrong password is refused by the TPM', () =>
    inSession(async ({ signWith }) => {
      await expect(signWith({ authValue: Buffer.from('wrong') })).rejects.toMatchObject({
        name: 'TpmError',
        failure: { kind: 'auth', name: 'TPM_RC_BAD_AUTH' },
      });
    }));

  test('a command changed on the way is refused by the TPM', () =>
    inSession(async ({ tpm, signWith }) => {
      const flipDigest = (octets: Uint8Array) => void (octets[octets.length - 20]! ^= 1);
      await expect(signWith({}, tampered(tpm, { command: flipDigest }))).rejects.toMatchObject({
        failure: { kind: 'auth' },
      });
    }));

  test.each([
    ['the last octet of its HMAC', (octets: Uint8Array) => octets.length - 1],
    ['a parameter', () => 30],
    ['the attributes of the session', (octets: Uint8Array) => octets.length - 35],
  ])('a response with %s changed on the way is refused by us', (_what, position) =>
    inSession(async ({ tpm, signWith }) => {
      const flip = (octets: Uint8Array) => void (octets[position(octets)]! ^= 1);
      await expect(signWith({}, tampered(tpm, { response: flip }))).rejects.toMatchObject({
        name: 'TpmResponseForged',
      });
    }),
  );
});

test('a password on its way is not to be seen on the bus when the session encrypts', async () => {
  const seen: Uint8Array[] = [];
  await onTpm((tpm) =>
    withGuardedKey(tampered(tpm, { command: (octets) => void seen.push(octets) }), async () => undefined),
  );
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.some((octets) => Buffer.from(octets).includes('correct horse'))).toBe(false);
});

describe('the TPM says what is wrong', () => {
  const failing = (kind: string, name: string) => ({ name: 'TpmError', failure: { kind, name } });

  test('when the EK is used by its empty password instead of its policy', () =>
    onTpm((tpm) =>
      withEk(tpm, { template: 'L-2', passwords: {} }, async (parent) => {
        await expect(create(tpm, { parent, template: signingKeyEcc })).rejects.toMatchObject(
          failing('auth', 'TPM_RC_AUTH_UNAVAILABLE'),
        );
      }),
    ));

  test('when the policy of the EK is not satisfied', () =>
    onTpm((tpm) =>
      withEk(tpm, { template: 'L-2', passwords: {} }, (parent) =>
        withSession(tpm, { type: 'policy', hash: 'sha256' }, async (session) => {
          const authorization = { kind: 'session', session } as const;
          await expect(create(tpm, { parent, template: signingKeyEcc, authorization })).rejects.toMatchObject(
            failing('policy', 'TPM_RC_POLICY_FAIL'),
          );
        }),
      ),
    ));

  test('when a handle or an NV index is not there', () =>
    onTpm(async (tpm) => {
      await expect(readPublic(tpm, 0x81000001)).rejects.toMatchObject(failing('handle', 'TPM_RC_HANDLE'));
      await expect(nvReadPublic(tpm, 0x01c00002)).rejects.toMatchObject(failing('handle', 'TPM_RC_HANDLE'));
      await expect(flushContext(tpm, 0x80000000)).rejects.toMatchObject(failing('handle', 'TPM_RC_HANDLE'));
      await expect(flushContext(tpm, 0x81000001)).rejects.toMatchObject(failing('handle', 'TPM_RC_VALUE'));
    }));

  test('when there is no free session', () =>
    onTpm(async (tpm) => {
      const sessions = [];
      for (let i = 0; i < 3; i += 1) sessions.push(await startAuthSession(tpm, { type: 'policy', hash: 'sha256' }));
      await expect(startAuthSession(tpm, { type: 'policy', hash: 'sha256' })).rejects.toMatchObject(
        failing('slots', 'TPM_RC_SESSION_MEMORY'),
      );
      for (const { handle } of sessions) await flushContext(tpm, handle);
    }));
});

test('a key can be made persistent and removed again; a handle in use is refused', () =>
  onTpm(async (tpm) => {
    const persistentHandle = 0x81000001;
    await withObject(tpm, createPrimary(tpm, srk), async (object) => {
      await evictControl(tpm, { object, persistentHandle });
      expect(await readPublic(tpm, persistentHandle)).toMatchObject({ name: object.name, area: object.area });
      await expect(evictControl(tpm, { object, persistentHandle })).rejects.toMatchObject({
        failure: { name: 'TPM_RC_NV_DEFINED' },
      });
    });
    await evictControl(tpm, { object: await readPublic(tpm, persistentHandle), persistentHandle });
    expect(await handlesFrom(tpm, handleRanges.persistent)).toEqual([]);
  }));

test("other programs' wrong passwords lock the TPM, and our keys still work, since they are noDA", async () => {
  await onTpm(async (tpm) => {
    const ours = await createSigningKey(tpm);
    const template = { ...signingKeyEcc, attributes: signingKeyEcc.attributes & ~0x400 };
    await withObject(tpm, createPrimary(tpm, srk), async (parent) => {
      const blobs = await create(tpm, { parent, template, keyPassword });
      await withObject(tpm, load(tpm, parent, blobs), async (key) => {
        const kinds: string[] = [];
        for (let tries = 0; tries < 4; tries += 1)
          await sign(tpm, { key, digest, authorization: emptyPassword }).catch((error: unknown) =>
            kinds.push(error instanceof TpmError ? error.failure.kind : 'fault'),
          );
        expect(kinds).toEqual(['auth', 'auth', 'auth', 'lockout']);
      });
    });
    expect(await readIdentity(tpm)).toMatchObject({ isInLockout: true });
    await expect(signDigest(tpm, { key: ours, digest })).resolves.toHaveLength(72);
  });
});

test('nothing is left in the TPM after all this', () =>
  onTpm(async (tpm) => {
    expect(await handlesFrom(tpm, handleRanges.transient)).toEqual([]);
    expect(await handlesFrom(tpm, handleRanges.loadedSession)).toEqual([]);
  }));
