// Framing, retries and refusals of responses, with a transport that answers what it is told to.

import { describe, expect, test } from '@jest/globals';
import { getRandom, handlesFrom, readIdentity } from '../../../src/tpm2/capability.ts';
import { flushedAfter } from '../../../src/tpm2/objects.ts';
import type { Tpm } from '../../../src/tpm2/command.ts';
import { TpmWriter } from '../../../src/tpm2/cursor.ts';

const answer = (code: number, parameters: Uint8Array = new Uint8Array(0), tag = 0x8001) =>
  new TpmWriter()
    .uint16(tag)
    .uint32(10 + parameters.length)
    .uint32(code)
    .octets(parameters)
    .finish();
const randomAnswer = answer(0, new TpmWriter().sized(Uint8Array.of(1, 2, 3, 4)).finish());

/** A TPM that gives these answers, the last one for ever, and remembers what it was sent and how long it was left alone. */
function scripted(...answers: readonly Uint8Array[]) {
  const sent: Uint8Array[] = [];
  const waits: number[] = [];
  const tpm: Tpm = {
    transport: {
      kind: 'scripted',
      transceive: (command) => {
        sent.push(command);
        return Promise.resolve(answers[Math.min(sent.length, answers.length) - 1]!);
      },
      close: () => Promise.resolve(),
    },
    sleep: (milliseconds) => {
      waits.push(milliseconds);
      return Promise.resolve();
    },
    random: (length) => new Uint8Array(length),
  };
  return { tpm, sent, waits };
}

test('a command is framed with tag, size and code', async () => {
  const { tpm, sent } = scripted(randomAnswer);
  expect(await getRandom(tpm, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
  expect(Buffer.from(sent[0]!).toString('hex')).toBe('80010000000c0000017b0004');
});

describe('a command that the TPM wants again', () => {
  test.each([
    ['TPM_RC_RETRY', 0x922],
    ['TPM_RC_YIELDED', 0x908],
    ['TPM_RC_TESTING', 0x90a],
    ['TPM_RC_NV_RATE', 0x920],
  ])('by %s is repeated with growing pauses, octet by octet the same', async (_name, code) => {
    const { tpm, sent, waits } = scripted(answer(code), answer(code), answer(code), randomAnswer);
    expect(await getRandom(tpm, 4)).toHaveLength(4);
    expect(sent).toHaveLength(4);
    expect(new Set(sent.map((command) => Buffer.from(command).toString('hex'))).size).toBe(1);
    expect(waits).toEqual([10, 20, 50]);
  });

  test('for ever is given up after about twenty seconds', async () => {
    const { tpm, waits } = scripted(answer(0x922));
    await expect(getRandom(tpm, 4)).rejects.toMatchObject({ failure: { kind: 'retry' }, command: 'GetRandom' });
    expect(waits.reduce((sum, wait) => sum + wait, 0)).toBe(19_880);
  });
});

test('any other refusal is not repeated', async () => {
  const { tpm, sent } = scripted(answer(0x921));
  await expect(getRandom(tpm, 4)).rejects.toMatchObject({ failure: { kind: 'lockout' } });
  expect(sent).toHaveLength(1);
});

test.each([
  ['that is empty', new Uint8Array(0), 'needed'],
  ['whose size is wrong', Uint8Array.of(...randomAnswer, 0), 'the response says 16 octets and has 17'],
  ['with sessions where none were sent', answer(0, Uint8Array.of(0, 0), 0x8002), 'response tag 0x8002'],
  ['with trailing octets', answer(0, Uint8Array.of(0, 1, 7, 9)), '1 trailing octets'],
  [
    'with more octets than were asked for',
    answer(0, new TpmWriter().sized(new Uint8Array(5)).finish()),
    'above the limit of 4',
  ],
])('a response %s is malformed', async (_what, response, reason) => {
  await expect(getRandom(scripted(response).tpm, 4)).rejects.toMatchObject({
    name: 'MalformedTpmStructure',
    message: expect.stringContaining(reason),
  });
});

const capability = (kind: number, ...words: readonly number[]) =>
  answer(0, words.reduce((writer, word) => writer.uint32(word), new TpmWriter().uint8(0).uint32(kind)).finish());

test('a list of handles that says it is endless is malformed', async () => {
  await expect(handlesFrom(scripted(capability(1, 0xffffffff)).tpm, 0x80000000)).rejects.toMatchObject({
    reason: '4294967295 handles',
  });
});

test('another capability than the one asked for is malformed', async () => {
  await expect(handlesFrom(scripted(capability(6, 0)).tpm, 0x80000000)).rejects.toMatchObject({
    name: 'MalformedTpmStructure',
  });
});

test('maker, model, firmware and lockout of a TPM are read from its properties', async () => {
  const property = (number: number, value: number) => capability(6, 1, number, value);
  const { tpm } = scripted(
    property(0x106, 0x534c4239), // "SLB9"
    property(0x107, 0x36373000), // "670"
    capability(6, 0), // a property that it does not have
    property(0x109, 0),
    property(0x105, 0x49465800), // "IFX"
    property(0x10b, 0x00070055),
    property(0x10c, 0x00112200),
    property(0x200, 0x00000200),
  );
  expect(await readIdentity(tpm)).toEqual({
    manufacturer: 'IFX',
    vendorString: 'SLB9670',
    firmwareVersion: 0x0007005500112200n,
    isInLockout: true,
  });
});

describe('a slot that was taken', () => {
  test('is freed after use, and the result goes on', async () => {
    const { tpm, sent } = scripted(answer(0));
    expect(await flushedAfter(tpm, 0x80000001, async () => 'result')).toBe('result');
    expect(Buffer.from(sent[0]!).toString('hex')).toBe('80010000000e0000016580000001');
  });

  test('is freed after a failure, and the failure goes on even when freeing fails as well', async () => {
    const { tpm, sent } = scripted(answer(0x1c4));
    const failing = flushedAfter(tpm, 0x80000001, () => Promise.reject(new Error('the first failure')));
    await expect(failing).rejects.toThrow('the first failure');
    expect(sent).toHaveLength(1);
  });

  test('that cannot be freed is an error by itself', async () => {
    const { tpm } = scripted(answer(0x1c4));
    await expect(flushedAfter(tpm, 0x80000001, async () => 'result')).rejects.toMatchObject({
      command: 'FlushContext',
    });
  });
});
