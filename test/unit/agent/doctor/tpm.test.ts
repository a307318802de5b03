// What the answers of a TPM mean; the answers themselves: test/tpm/doctor.test.ts.
import { expect, test } from '@jest/globals';
import type { AgentState } from '../../../../src/agent/agent-state.ts';
import { tpmFindings } from '../../../../src/agent/doctor/tpm-checks.ts';
import type { TpmFacts } from '../../../../src/agent/doctor/tpm-facts.ts';

type Present = Extract<TpmFacts, { state: 'present' }>;

const facts = (over: Partial<Present> = {}): Present => ({
  ...{ state: 'present', isInLockout: false, lockoutCounter: 0, maxAuthFail: 32, hashEk: 'aa', keys: [] },
  ...over,
});

const enrolledAs = (keylimeUuid: string | null): AgentState =>
  ({ device: { id: 'd', hostName: 'tower.example.lan', keylimeUuid } }) as unknown as AgentState;

const told = (over: Partial<Present>, uuid: string | null = 'aa'): readonly string[] =>
  tpmFindings(facts(over), enrolledAs(uuid)).map(({ check, level }) => `${check} ${level}`);

test.each<[string, Partial<Present>, string | null, readonly string[]]>([
  ['is well', {}, 'aa', ['tpm ok']],
  ['of a host without a Keylime UUID is not compared', {}, null, ['tpm ok']],
  ['whose RSA key cannot be made is not compared', { hashEk: null }, 'aa', ['tpm ok']],
  ['is another one', { hashEk: 'bb' }, 'aa', ['tpm-replaced critical']],
  ['is locked', { isInLockout: true }, 'aa', ['tpm-lockout critical']],
  ['is half way to being locked', { lockoutCounter: 16 }, 'aa', ['tpm-lockout warning']],
  ['has some wrong passwords behind it', { lockoutCounter: 15 }, 'aa', ['tpm ok']],
  ['has lost a key', { keys: [{ name: 'request key', fault: 'integrity' }] }, 'aa', ['tpm-key critical']],
])('a TPM that %s', (_, over, uuid, expected) => {
  expect(told(over, uuid)).toEqual(expected);
});

test('a lost key under the same EK is told as a cleared TPM, and may be made anew at once', () => {
  const keys = [{ name: 'request key', fault: 'integrity' }];
  const [same] = tpmFindings(facts({ keys }), enrolledAs('aa'));
  expect(same?.detail).toContain('cleared');
  expect(same?.fix).toBe('omens agent enroll --new-keys');
  const [, other] = tpmFindings(facts({ keys, hashEk: 'bb' }), enrolledAs('aa'));
  expect(other?.fix).toContain('tpm-cleared-or-board-replaced.md');
});
