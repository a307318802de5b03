import { expect, test } from '@jest/globals';
import { DEFAULT_TPM_SPEC, parseTpmSpec } from '../../../src/agent/tpm-open.ts';

test.each([
  [DEFAULT_TPM_SPEC, { kind: 'device', path: '/dev/tpmrm0' }],
  ['unix:/run/swtpm/s', { kind: 'socket', address: { path: '/run/swtpm/s' } }],
  ['tcp:127.0.0.1:2321', { kind: 'socket', address: { host: '127.0.0.1', port: 2321 } }],
  ['tcp:[::1]:2321', { kind: 'socket', address: { host: '::1', port: 2321 } }],
  ['tcti:tabrmd:bus_type=system', { kind: 'tcti', configuration: 'tabrmd:bus_type=system' }],
])('%s names a TPM', (text, spec) => {
  expect(parseTpmSpec(text)).toEqual({ ok: true, value: spec });
});

test.each([
  '',
  '/dev/tpmrm0',
  'device:',
  'device:tpmrm0',
  'unix:',
  'tcp:host',
  'tcp:host:0',
  'tcp:host:65536',
  'tcp:a:b:1',
  'mssim:x',
])('"%s" is refused with what would be accepted', (text) => {
  expect(parseTpmSpec(text)).toMatchObject({
    ok: false,
    error: { reason: 'malformedTpmSpec', accepted: expect.stringContaining('device:/dev/tpmrm0') },
  });
});
