// A whole server as a process of its own, in a temporary directory, as tests start, kill and start it again. Kept free of
// jest, so that the bench can use it too.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { initialize } from '../../../src/init.ts';

export type Estate = {
  readonly directory: string;
  readonly configFile: string;
  readonly url: string;
  /** Of the first administrator. */
  readonly token: string;
  /** PEM of the estate's root. */
  readonly caPem: string;
};

export type Reply = {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
};

const dist = join(import.meta.dirname, import.meta.dirname.includes('/dist/') ? '../../..' : '../../../dist');

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

export type EstateOptions = {
  /** Further lines of omens.yaml. */
  readonly config?: readonly string[];
  readonly keyType?: 'ec-p256' | 'rsa-4096';
  readonly databaseUrl?: string;
  /** An issuing CA that exists already; its root is the last certificate of `chainFile`. */
  readonly importEstate?: NonNullable<Parameters<typeof initialize>[0]['importEstate']>;
};

/** Initializes a server in a fresh directory; nothing runs afterwards. */
export async function initializeEstate(options: EstateOptions = {}): Promise<Estate> {
  const directory = mkdtempSync(join(tmpdir(), 'omens-e2e-'));
  chmodSync(directory, 0o755); // PostgreSQL runs as another user and must get there
  const passphraseFile = join(directory, 'passphrase');
  writeFileSync(passphraseFile, `${randomBytes(16).toString('hex')}\n`, { mode: 0o600 });
  const [port, plainPort] = [await freePort(), await freePort()];
  const configFile = join(directory, 'omens.yaml');
  const lines = [
    `dataDirectory: ${join(directory, 'data')}`,
    `passphraseFile: ${passphraseFile}`,
    `listen: 127.0.0.1:${port}`,
    `plainListen: 127.0.0.1:${plainPort}`,
    ...(options.databaseUrl === undefined ? [] : [`databaseUrl: ${options.databaseUrl}`]),
    ...(options.config ?? []),
  ];
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  const server = (await import(join(dist, 'src/init.js'))) as typeof import('../../../src/init.ts');
  const report = await server.initialize({
    configFile,
    env: { PATH: process.env['PATH'] },
    keyType: options.keyType ?? 'ec-p256',
    ...(options.importEstate === undefined ? {} : { importEstate: options.importEstate }),
  });
  if (!report.ok) throw new Error(JSON.stringify(report.error));
  const made = report.value.rootKeyFiles.find((path) => path.includes('estate-root'))?.replace(/\.key\.pem$/, '.crt');
  return {
    directory,
    configFile,
    url: `https://127.0.0.1:${port}`,
    token: report.value.operatorToken.token ?? '',
    caPem: readFileSync(made ?? options.importEstate?.chainFile ?? '', 'utf8'),
  };
}

export type ServerProcess = {
  readonly child: ChildProcess;
  readonly databaseUrl: string;
  /** Ends it as an operator would; resolves when it is gone. */
  readonly stop: () => Promise<void>;
  /** kill -9; the PostgreSQL of its own goes on. */
  readonly kill: () => Promise<void>;
  readonly ended: Promise<number | null>;
  readonly log: () => string;
};

/** Starts the server of an estate, with a fault where `environment` says so. Resolves when it listens. */
export async function startServer(
  estate: Estate,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [join(dist, 'test/e2e/support/faulty-server.js'), estate.configFile], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, log] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('\n')) resolve(output);
    });
    void ended.then((code) => reject(new Error(`the server ended with ${code} before it listened:\n${log}`)));
  });
  const { databaseUrl } = JSON.parse(line) as { databaseUrl: string };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return { child, databaseUrl, ended, log: () => log, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}

/** Ends the PostgreSQL that a killed server left, and removes everything; no server may run. */
export async function endEstate(estate: Estate): Promise<void> {
  try {
    await (await startServer(estate)).stop();
  } finally {
    removeEstate(estate);
  }
}

/** Removes what an estate left; its server and PostgreSQL must be stopped. */
export const removeEstate = (estate: Estate): void => {
  rmSync(estate.directory, { recursive: true, force: true });
};

export type Call = {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly agent?: Agent;
};

/** One HTTPS request to an estate's server, its chain checked. Rejects when the connection does. */
export const call = (estate: Estate, path: string, options: Call = {}): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const outgoing = request(
      `${estate.url}${path}`,
      {
        method: options.method ?? (body === undefined ? 'GET' : 'POST'),
        ca: estate.caPem,
        ...(options.agent === undefined ? {} : { agent: options.agent }),
        headers: {
          authorization: `Bearer ${options.token ?? estate.token}`,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...options.headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            body: Buffer.concat(chunks).toString(),
            headers: incoming.headers,
          }),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
