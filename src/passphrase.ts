// The passphrase of the issuer keys: one line of a file that nobody else can read. What it opens is for issuers/.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { FileFault } from './checked-yaml.ts';
import { err, ok, type Result } from './domain/result.ts';

/** Where the passphrase is, and the directory of systemd's credentials, if any. */
export type PassphraseSource = {
  readonly passphraseFile: string | null;
  readonly credentialsDirectory?: string | undefined;
};

/** Longest passphrase in octets. */
const maxOctets = 1024;

/**
 * Reads the passphrase, without the line feed at its end. Refuses a file that group or others can read, except directly
 * in systemd's credentials directory, where systemd itself sees to the mode; refuses an empty or overlong one. The
 * caller wraps it at once in a Secret.
 */
export function readPassphrase(source: PassphraseSource): Result<string, FileFault> {
  const { passphraseFile, credentialsDirectory } = source;
  const fault = (detail: string, accepted: string): Result<never, FileFault> =>
    err({ reason: 'fileUnreadable', detail, field: passphraseFile ?? 'passphraseFile', accepted });
  if (passphraseFile === null) {
    return fault(
      'no passphrase is configured',
      'passphraseFile in omens.yaml, or LoadCredential=passphrase:… in the unit',
    );
  }
  const isCredential =
    credentialsDirectory !== undefined &&
    credentialsDirectory !== '' &&
    dirname(resolve(passphraseFile)) === resolve(credentialsDirectory);
  const read = readPrivate(passphraseFile, isCredential);
  if (!read.ok) return fault(read.error, isCredential ? 'a readable file' : 'a readable file of mode 0600');
  const passphrase = read.value.replace(/\r?\n$/, '');
  if (passphrase === '') return fault('is empty', 'one line');
  if (/[\r\n]/.test(passphrase)) return fault('has several lines', 'one line');
  return ok(passphrase);
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
