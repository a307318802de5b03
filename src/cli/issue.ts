// `omens issue`: a certificate for a CSR, as files. Repeating it after a crash or a lost reply makes no second one.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { messageOf } from '../domain/thrown.ts';
import type { CertificateBody, CertificateResource } from '../domain/wire.ts';
import { CommandFailure } from './failure.ts';
import { print } from './output.ts';
import { ask, type ClientOptions, withClientOptions } from './settings.ts';
import type { World } from './world.ts';

type IssueOptions = ClientOptions & { readonly profile: string; readonly csr: string; readonly out: string };

/** Adds the command. */
export function addIssueCommand(program: Command, world: World): void {
  withClientOptions(program.command('issue').description('a certificate for a CSR'))
    .requiredOption('--profile <name>', 'the profile')
    .requiredOption('--csr <file>', 'PKCS #10, PEM or DER')
    .requiredOption('--out <directory>', 'where certificate.pem, chain.pem and fullchain.pem go')
    .action((options: IssueOptions) => issue(world, options));
}

async function issue(world: World, options: IssueOptions): Promise<void> {
  const body: CertificateBody = { profile: options.profile, csr: readRequest(options.csr).toString('base64url') };
  makeDirectory(options.out);
  const attempt = attemptFor(join(options.out, '.omens-attempt.json'), body);
  const resource = await ask(world, options, async (service) => {
    const answer = await service.issue(body, attempt.key);
    // A refusal decided: the next attempt is another one. Where no answer came, nobody knows yet.
    if (!answer.ok && answer.error.reason === 'problem' && answer.error.problem.status < 500) attempt.done();
    return answer;
  });
  for (const [name, text] of filesOf(resource)) replaceFile(join(options.out, name), text);
  attempt.done();
  print(world, options, {
    resource,
    text: ({ subject, notAfter, certificate }) => `${subject}, good until ${notAfter}, ${certificate}\n`,
  });
  world.stderr(
    `omens: wrote ${filesOf(resource)
      .map(([name]) => join(options.out, name))
      .join(', ')}\n`,
  );
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const isFile = code === 'EEXIST' || code === 'ENOTDIR';
    throw new CommandFailure(`--out ${path} ${isFile ? 'is a file' : `cannot be made: ${messageOf(cause)}`}`, {
      hints: ['--out names a directory; it is made where there is none'],
      cause,
    });
  }
}

const filesOf = ({ pem, chain }: CertificateResource): readonly (readonly [name: string, text: string])[] => [
  ['chain.pem', chain],
  ['fullchain.pem', pem + chain],
  ['certificate.pem', pem],
];

/** The octets of a CSR; PEM is taken apart, anything else is believed to be DER: the service reads it strictly. */
function readRequest(file: string): Buffer {
  let octets: Buffer;
  try {
    octets = readFileSync(file);
  } catch (cause) {
    throw new CommandFailure(`cannot read ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
  const block = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END/.exec(
    octets.toString('latin1'),
  );
  if (block?.[1] !== undefined) return Buffer.from(block[1], 'base64');
  if (octets[0] === 0x30) return octets;
  throw new CommandFailure(`${file} is no certification request`, {
    hints: ['openssl req -new -key K -out F makes one'],
  });
}

/**
 * The Idempotency-Key of this very request: the one that an earlier attempt left beside the output, or a new one that is
 * written before it is used. `done` forgets it, since the next call wants a new certificate.
 */
function attemptFor(path: string, body: CertificateBody): { readonly key: string; readonly done: () => void } {
  const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const key = earlierKey(path, digest) ?? randomBytes(24).toString('base64url');
  replaceFile(path, `${JSON.stringify({ key, digest })}\n`);
  return { key, done: () => rmSync(path, { force: true }) };
}

function earlierKey(path: string, digest: string): string | null {
  if (!existsSync(path)) return null;
  try {
    const left = JSON.parse(readFileSync(path, 'utf8')) as { readonly key?: unknown; readonly digest?: unknown };
    return left.digest === digest && typeof left.key === 'string' ? left.key : null;
  } catch {
    return null;
  }
}

function replaceFile(path: string, text: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(temporary, text, { flag: 'wx', mode: 0o644, flush: true });
  renameSync(temporary, path);
}
