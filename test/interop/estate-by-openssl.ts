// A small estate made by OpenSSL's command alone: a root, an issuing CA below it, and leaves for servers and clients.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { opensslDirectory } from './openssl-directory.ts';

const caExtensions =
  'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n';

/** Certificates are files `<name>.crt` and `<name>.key` of its directory. */
export function estateByOpenssl() {
  const { path, openssl, write, remove } = opensslDirectory();
  const run = (...args: readonly string[]): void => {
    const { status, text } = openssl(...args);
    if (status !== 0) throw new Error(text);
  };
  const request = (name: string): void =>
    run(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
  const sign = (name: string, issuer: string, extensions: string, days = '2'): void => {
    const by = issuer === name ? ['-signkey', `${name}.key`] : ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`];
    run(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...by,
      '-set_serial',
      String(++serial),
      '-days',
      days,
      '-extfile',
      write(`${name}.ext`, extensions),
      '-out',
      `${name}.crt`,
    );
  };
  let serial = 1000;
  /** A CA; its own issuer where none is named. */
  const addCa = (name: string, issuer = name): void => {
    request(name);
    sign(name, issuer, `${caExtensions}${issuer === name ? '' : 'authorityKeyIdentifier=keyid\n'}`);
  };
  const addLeaf = (name: string, { issuer = 'issuing', purpose = 'serverAuth', san = 'IP:127.0.0.1' } = {}): void => {
    request(name);
    const names = san === '' ? '' : `subjectAltName=${san}\n`;
    sign(
      name,
      issuer,
      `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=${purpose}\n${names}authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n`,
    );
  };
  const pem = (name: string): string => readFileSync(join(path, `${name}.crt`), 'utf8');
  /** A file of several certificates. */
  const bundle = (file: string, ...names: readonly string[]): string =>
    join(path, write(file, names.map(pem).join('')));
  addCa('root');
  addCa('issuing', 'root');
  return { path, addCa, addLeaf, pem, bundle, at: (file: string): string => join(path, file), remove };
}
