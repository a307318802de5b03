import { expect, test } from '@jest/globals';
import { describeResponseCode } from '../../../src/tpm2/response-codes.ts';
import { TpmError } from '../../../src/tpm2/tpm-error.ts';

test.each([
  [0x9a2, 'TPM_RC_BAD_AUTH', 'auth', { of: 'session', number: 1 }],
  [0x98e, 'TPM_RC_AUTH_FAIL', 'auth', { of: 'session', number: 1 }],
  [0x921, 'TPM_RC_LOCKOUT', 'lockout', { of: 'command' }],
  [0x12f, 'TPM_RC_AUTH_UNAVAILABLE', 'auth', { of: 'command' }],
  [0xa9d, 'TPM_RC_POLICY_FAIL', 'policy', { of: 'session', number: 2 }],
  [0x902, 'TPM_RC_OBJECT_MEMORY', 'slots', { of: 'command' }],
  [0x903, 'TPM_RC_SESSION_MEMORY', 'slots', { of: 'command' }],
  [0x18b, 'TPM_RC_HANDLE', 'handle', { of: 'handle', number: 1 }],
  [0x910, 'TPM_RC_REFERENCE_H0', 'handle', { of: 'command' }],
  [0x14c, 'TPM_RC_NV_DEFINED', 'other', { of: 'command' }],
  [0x1df, 'TPM_RC_INTEGRITY', 'integrity', { of: 'parameter', number: 1 }],
  [0x100, 'TPM_RC_INITIALIZE', 'state', { of: 'command' }],
  [0x922, 'TPM_RC_RETRY', 'retry', { of: 'command' }],
  [0x908, 'TPM_RC_YIELDED', 'retry', { of: 'command' }],
  [0x90a, 'TPM_RC_TESTING', 'retry', { of: 'command' }],
  [0x920, 'TPM_RC_NV_RATE', 'retry', { of: 'command' }],
  [0x3e0, 'TPM_RC_TICKET', 'other', { of: 'parameter', number: 3 }],
  [0x17f, 'TPM_RC_0x17f', 'other', { of: 'command' }],
])('response code 0x%s is %s', (code, name, kind, subject) => {
  expect(describeResponseCode(code)).toMatchObject({ code, name, kind, subject, layer: 0 });
});

test('the layer of a resource manager is taken off the code and kept', () => {
  expect(describeResponseCode(0xb0903)).toMatchObject({ code: 0x903, layer: 0x0b, kind: 'slots' });
});

test('flushing an unknown handle is about the handle, although the TPM calls it a parameter', () => {
  expect(describeResponseCode(0x1c4, 0x165).kind).toBe('handle');
  expect(describeResponseCode(0x1c4, 0x131).kind).toBe('other');
});

test('an error says command, name, subject and code in one line', () => {
  const error = new TpmError('Load', describeResponseCode(0x1df));
  expect(error.message).toBe('TPM2_Load: TPM_RC_INTEGRITY (parameter 1) 0x1df');
  expect(error.failure.hint).toContain('enroll this host again');
});
