// One of the stand-alone variants in a process of its own: @peculiar/x509, pkijs, or the openssl program once per
// certificate. None of them has a database.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answering } from './child.ts';
import { type LibraryIssue, type LibraryIssuer, peculiarIssue, pkijsIssue } from './libraries.ts';
import { processorTimeOfEndedChildren } from './processor-time.ts';
import { nameOf, readRequests } from './requests.ts';
import { run, type RunInput } from './run.ts';

export type LibraryInput = {
  readonly variant: 'peculiar' | 'pkijs' | 'openssl';
  readonly requestsFile: string;
  /** Holds `ca.pem` and `ca.key.pem`, and takes openssl's extension file. */
  readonly directory: string;
  /** Base64 of DER, DER and octets. */
  readonly issuer: {
    readonly certificate: string;
    readonly privateKey: string;
    readonly subjectKeyIdentifier: string;
  };
  readonly issuerUrl: string;
  readonly crlUrl: string;
};

/** `openssl x509 -req` with the same eight extensions; the name comes from the environment. */
function opensslIssue({ directory, issuerUrl, crlUrl }: LibraryInput): (der: Buffer, item: number) => Promise<Buffer> {
  const extensions = join(directory, 'extensions.cnf');
  writeFileSync(
    extensions,
    [
      'authorityKeyIdentifier=keyid:always',
      'subjectKeyIdentifier=hash',
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      'extendedKeyUsage=serverAuth',
      'subjectAltName=DNS:$ENV::BENCH_NAME',
      `authorityInfoAccess=caIssuers;URI:${issuerUrl}`,
      `crlDistributionPoints=URI:${crlUrl}`,
      '',
    ].join('\n'),
  );
  return (der, item) =>
    new Promise((resolve, reject) => {
      const child = spawn(
        'openssl',
        [
          ...['x509', '-req', '-inform', 'DER', '-outform', 'DER', '-days', '1', '-sha256'],
          ...['-CA', join(directory, 'ca.pem'), '-CAkey', join(directory, 'ca.key.pem')],
          ...['-set_serial', `0x4${randomBytes(16).toString('hex').slice(1)}`, '-extfile', extensions],
        ],
        { env: { PATH: process.env['PATH'], BENCH_NAME: nameOf(item) }, stdio: 'pipe' },
      );
      const output: Buffer[] = [];
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      child.on('error', reject);
      child.on('close', (code) => (code === 0 ? resolve(Buffer.concat(output)) : reject(new Error(said))));
      child.stdin.end(der);
    });
}

async function issueFor(input: LibraryInput): Promise<LibraryIssue | ReturnType<typeof opensslIssue>> {
  if (input.variant === 'openssl') return opensslIssue(input);
  const issuer: LibraryIssuer = {
    certificateDer: Buffer.from(input.issuer.certificate, 'base64'),
    privateKeyPkcs8: Buffer.from(input.issuer.privateKey, 'base64'),
    subjectKeyIdentifier: Buffer.from(input.issuer.subjectKeyIdentifier, 'base64'),
    issuerUrl: input.issuerUrl,
    crlUrl: input.crlUrl,
  };
  return input.variant === 'peculiar' ? peculiarIssue(issuer) : pkijsIssue(issuer);
}

await answering(async (input: LibraryInput) => {
  const requests = readRequests(input.requestsFile);
  const issue = await issueFor(input);
  const work = (item: number): Promise<Uint8Array> => issue(requests[item]!, item);
  return {
    sample: async (item: number) => Buffer.from(await work(item)).toString('base64'),
    run: async (wanted: RunInput) => {
      const before = processorTimeOfEndedChildren(process.pid);
      const output = await run(wanted, work);
      const ofPrograms = (processorTimeOfEndedChildren(process.pid) - before) * 1000;
      return { ...output, cpuMicroseconds: output.cpuMicroseconds + ofPrograms };
    },
  };
});
