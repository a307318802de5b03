// The passphrase of the issuer keys: one line of a file that nobody else can read. What it opens is for issuers/.
import type { FileFault } from './checked-yaml.ts';
import { err, type Result } from './domain/result.ts';
import { readSecretLine } from './secret-file.ts';

/** Where the passphrase is, and the directory of systemd's credentials, if any. */
export type PassphraseSource = {
  readonly passphraseFile: string | null;
  readonly credentialsDirectory?: string | undefined;
};

/** Reads the passphrase as every secret is read. The caller wraps it at once in a Secret. */
export function readPassphrase({ passphraseFile, credentialsDirectory }: PassphraseSource): Result<string, FileFault> {
  if (passphraseFile !== null) return readSecretLine(passphraseFile, credentialsDirectory);
  return err({
    reason: 'fileUnreadable',
    detail: 'no passphrase is configured',
    field: 'passphraseFile',
    accepted: 'passphraseFile in omens.yaml, or LoadCredential=passphrase:… in the unit',
  });
}
