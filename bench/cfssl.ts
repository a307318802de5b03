// cfssl beside us: the newest version that the Go toolchain here can build from the module proxy, into a cache outside
// the tree; else a cfssl on PATH (Debian's golang-cfssl is of 2016); else none, said aloud.
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Newest first; each needs a newer Go than the next. */
const versions = ['latest', 'v1.6.5'] as const;

export type Cfssl = { readonly program: string; readonly label: string; readonly remarks: readonly string[] };

const cacheDirectory = (): string => join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'omens-bench');

/** The program and what it is, or why there is none. */
export async function findCfssl(): Promise<Cfssl | string> {
  const go = ['/usr/local/go/bin/go', ...onPath('go')].find((path) => existsSync(path));
  const remarks: string[] = [];
  for (const version of go === undefined ? [] : versions) {
    const built = await buildCfssl(go ?? '', version);
    if (typeof built !== 'string') return { ...built, remarks };
    remarks.push(`the newest cfssl could not be had: cfssl@${version}: ${built}`);
  }
  const [installed] = onPath('cfssl');
  if (installed !== undefined) {
    return { program: installed, label: 'cfssl on PATH (Debian: of 2016)', remarks };
  }
  return ['no Go that builds cfssl, and no cfssl on PATH', ...remarks].join('; ');
}

const onPath = (name: string): readonly string[] =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .filter((path) => existsSync(path));

async function buildCfssl(go: string, version: string): Promise<Omit<Cfssl, 'remarks'> | string> {
  const bin = join(cacheDirectory(), version);
  const program = join(bin, 'cfssl');
  const env = { ...process.env, GOPATH: join(cacheDirectory(), 'go'), GOBIN: bin, GOFLAGS: '-mod=mod' };
  const name = `github.com/cloudflare/cfssl/cmd/cfssl@${version}`;
  try {
    if (!existsSync(program)) {
      process.stderr.write(`bench: go install ${name}\n`);
      await execute(go, ['install', name], { env, timeout: 600_000 });
    }
    const { stdout } = await execute(go, ['version', '-m', program]);
    const module = /^\tmod\tgithub\.com\/cloudflare\/cfssl\t(\S+)/m.exec(stdout)?.[1] ?? version;
    return { program, label: `cfssl ${module}, ${/: (go\S+)/.exec(stdout)?.[1] ?? 'go'}` };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return said.trim().split('\n').at(-1) ?? said;
  }
}

export type CfsslOptions = {
  readonly program: string;
  /** Holds `ca.pem`, `ca.key.pem`, `tls.pem` and `tls.key.pem`. */
  readonly directory: string;
  readonly port: number;
  readonly issuerUrl: string;
  readonly crlUrl: string;
};

export type RunningCfssl = {
  readonly pid: number;
  readonly url: string;
  readonly hmacKeyHex: string;
  readonly stop: () => Promise<void>;
};

/** Starts `cfssl serve` on loopback with TLS and an authenticated signing profile like ours. */
export async function startCfssl(options: CfsslOptions): Promise<RunningCfssl> {
  const { program, directory, port } = options;
  const hmacKeyHex = randomBytes(16).toString('hex');
  const config = join(directory, 'cfssl.json');
  const profile = {
    usages: ['digital signature', 'server auth'],
    expiry: '24h',
    backdate: '1m',
    auth_key: 'bench',
    issuer_urls: [options.issuerUrl],
    crl_url: options.crlUrl,
  };
  const keys = { bench: { type: 'standard', key: hmacKeyHex } };
  writeFileSync(config, JSON.stringify({ signing: { default: profile }, auth_keys: keys }), { mode: 0o600 });
  const file = (name: string): string => join(directory, name);
  const child = spawn(
    program,
    [
      ...['serve', '-address', '127.0.0.1', '-port', String(port), '-loglevel', '4', '-config', config],
      ...['-ca', file('ca.pem'), '-ca-key', file('ca.key.pem')],
      ...['-tls-cert', file('tls.pem'), '-tls-key', file('tls.key.pem')],
    ],
    { stdio: 'ignore', cwd: directory },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await listening(port);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  return { pid: child.pid ?? 0, url: `https://127.0.0.1:${port}/api/v1/cfssl/authsign`, hmacKeyHex, stop };
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 250; tries += 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => socket.end(() => resolve(true)));
      socket.once('error', () => resolve(false));
    });
    if (isOpen) return;
    await sleep(20);
  }
  throw new Error(`cfssl does not listen on port ${port}`);
}
