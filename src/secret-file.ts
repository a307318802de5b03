// One line of a file that nobody else can read: passphrases, tokens, URLs that are secrets. What it opens is for others.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { FileFault } from './checked-yaml.ts';
import { err, ok, type Result } from './domain/result.ts';

/** Longest secret in octets. */
const maxOctets = 1024;

/**
 * Reads the line, without the line feed at its end. Refuses a file that group or others can reach, except directly in
 * systemd's credentials directory, where systemd itself sees to the mode; refuses an empty or overlong one.
 */
export function readSecretLine(path: string, credentialsDirectory: string | undefined): Result<string, FileFault> {
  const fault = (detail: string, accepted: string): Result<never, FileFault> =>
    err({ reason: 'fileUnreadable', detail, field: path, accepted });
  const isCredential =
    credentialsDirectory !== undefined &&
    credentialsDirectory !== '' &&
    dirname(resolve(path)) === resolve(credentialsDirectory);
  const read = readPrivate(path, isCredential);
  if (!read.ok) return fault(read.error, isCredential ? 'a readable file' : 'a readable file of mode 0600');
  const line = read.value.replace(/\r?\n$/, '');
  if (line === '') return fault('is empty', 'one line');
  if (/[\r\n]/.test(line)) return fault('has several lines', 'one line');
  return ok(line);
}

/** Mode and content are of one open file, so that nothing is exchanged between the two looks. */
function readPrivate(path: string, isCredential: boolean): Result<string, string> {
  try {
    const file = openSync(path, 'r');
    try {
      const { mode, size } = fstatSync(file);
      if (!isCredential && (mode & 0o077) !== 0) {
        return err(`has mode 0${(mode & 0o777).toString(8)}: others than its owner can reach it`);
      }
      return size > maxOctets ? err(`has ${size} octets, more than ${maxOctets}`) : ok(readFileSync(file, 'utf8'));
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    return err(`cannot be read: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`);
  }
}
