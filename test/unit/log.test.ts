// What the log says of a fault, and what it keeps to itself.
import { expect, test } from '@jest/globals';
import { edgeLog, logger } from '../../src/log.ts';

function loggedFault(fault: unknown): unknown {
  const lines: string[] = [];
  logger('error', { write: (line) => void lines.push(line) }).error('http.fault', { requestId: 'r', fault });
  const { fault: told } = JSON.parse(lines.join('')) as { fault: unknown };
  return told;
}

test('a fault is logged with its message, its stack and its causes', () => {
  const cause = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
  expect(loggedFault(new TypeError('no answer', { cause }))).toMatchObject({
    name: 'TypeError',
    message: 'no answer',
    stack: expect.stringContaining('log.test'),
    cause: { code: 'ECONNREFUSED', message: 'connection refused' },
  });
});

test('values that PostgreSQL repeats in an error are not logged', () => {
  const fault = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (value)=(s3cret) exists' });
  const told = JSON.stringify(loggedFault(fault));
  expect(told).toContain('23505');
  expect(told).not.toContain('s3cret');
});

test('a fault that is no error, or its own cause, is logged all the same', () => {
  expect(loggedFault('a text')).toBe('a text');
  expect(loggedFault(null)).toBe('null');
  const circular = new Error('round');
  circular.cause = circular;
  expect(loggedFault(circular)).toMatchObject({ message: 'round', cause: { message: 'round' } });
});

test('a fault of an edge is logged at every level of logging, a request is not', () => {
  const lines: string[] = [];
  const log = edgeLog(logger('error', { write: (line) => void lines.push(line) }));
  log('http.request', { status: 200 });
  log('http.fault', { fault: new Error('broken') });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('broken');
});
