// CA keys at rest: PKCS #8, encrypted (RFC 8018 PBES2, AES-256-CBC), in files of mode 0600. Nothing here signs.
import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { messageOf } from '../domain/thrown.ts';

/** Key types of CAs: P-256 by default; RSA-4096 for relying parties or policies that want it. */
export type IssuerKeyType = 'ec-p256' | 'rsa-4096';

export type KeyFileReason = 'keyFileUnreadable' | 'wrongPassphrase' | 'caKeyTypeNotAllowed' | 'keyFileNotEncrypted';

const generate = promisify(generateKeyPair);

/** A new CA key. */
export async function generateIssuerKey(type: IssuerKeyType): Promise<KeyObject> {
  const { privateKey } =
    type === 'ec-p256'
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength: 4096, publicExponent: 65537 });
  return privateKey;
}

/** Writes a key, encrypted, to a file that must not exist yet; it and its directory entry are durable on return. */
export async function writeKeyFile(path: string, key: KeyObject, passphrase: string): Promise<void> {
  const pem = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(pem);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads a CA key. An unencrypted key is refused unless `acceptPlain`, which only an import may say. */
export async function readKeyFile(
  path: string,
  passphrase: string,
  options: { readonly acceptPlain: boolean } = { acceptPlain: false },
): Promise<Result<KeyObject, Refusal<KeyFileReason>>> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    return err({ reason: 'keyFileUnreadable', detail: `${path}: ${messageOf(error)}`, field: path });
  }
  const isEncrypted = pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----') || pem.includes('ENCRYPTED');
  if (!isEncrypted && !options.acceptPlain) {
    return err({
      reason: 'keyFileNotEncrypted',
      detail: `${path} holds a private key in the clear`,
      accepted: 'PKCS #8 encrypted: openssl pkcs8 -topk8 -v2 aes-256-cbc',
    });
  }
  return parseKey(pem, passphrase, path);
}

function parseKey(pem: string, passphrase: string, path: string): Result<KeyObject, Refusal<KeyFileReason>> {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, passphrase });
  } catch (error) {
    return err({ reason: 'wrongPassphrase', detail: `${path} does not open with the passphrase: ${messageOf(error)}` });
  }
  const details = key.asymmetricKeyDetails;
  const isP256 = key.asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1';
  const isRsa =
    key.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= 2048 && details?.publicExponent === 65537n;
  if (isP256 || isRsa) return ok(key);
  return err({
    reason: 'caKeyTypeNotAllowed',
    detail: `${path} holds a key of type ${key.asymmetricKeyType ?? 'unknown'} ${details?.namedCurve ?? ''}`.trim(),
    accepted: 'ECDSA P-256, or RSA of at least 2048 bits with exponent 65537',
  });
}
