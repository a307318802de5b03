// `npm run demo`: a host with a software TPM gets a DevID and a Keylime agent certificate from a service made for this
// run, and one sees that they are good. Everything is in one temporary directory; nothing stays but with --keep.
import { spawn } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installLine, setup } from './setup.mjs';
import { startCertifiedSoftwareTpm, writePoliciesTrusting } from './software-tpm.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const omens = join(root, 'dist/src/cli/omens.js');
const hostName = 'tower.example.org';
const prefix = 'omens-demo-';

/** A fault that ends the demo with its message alone. */
class DemoFault extends Error {}

const { keep, json, stop, stopped } = readArguments();

/** What people read; with --json it goes to stderr, since stdout then belongs to one object. */
const say = (text = '') => (json ? process.stderr : process.stdout).write(`${text}\n`);

function readArguments() {
  const flag = { type: 'boolean', default: false };
  try {
    const { values, positionals } = parseArgs({
      options: { keep: flag, json: flag, stop: flag },
      allowPositionals: true,
    });
    if (positionals.length > (values.stop ? 1 : 0)) throw new Error(`${positionals.at(-1)} is not understood`);
    return { ...values, stopped: positionals[0] ?? null };
  } catch (error) {
    process.stderr.write(`demo: ${error.message}\nhint: npm run demo -- [--keep [--json]] | --stop [DIRECTORY]\n`);
    process.exit(2);
  }
}

/** Where demos are made: short, since the path of a socket is. */
const temporaryParent = () => (tmpdir().length > 40 ? '/tmp' : tmpdir());

/** The environment of our processes: what the user set for a service of theirs is not meant for this one. */
const cleanEnvironment = () =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(OMENS_|DATABASE_URL$|CREDENTIALS_DIRECTORY$|PG)/.test(name)),
  );

/** Runs a program to its end; its stderr is shown, its stdout answered. */
async function run(program, args, { env = {}, show = true, mayFail = false } = {}) {
  const child = spawn(program, args, {
    env: { ...cleanEnvironment(), ...env },
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
  const [code] = await once(child, 'close');
  if (show && output.stderr !== '') say(output.stderr.trimEnd());
  if (code !== 0 && !mayFail) throw new DemoFault(`${program} ${args.join(' ')} failed\n${output.stderr}`);
  return { code, ...output };
}

/** The command as a user types it, shown before it runs. */
async function command(args, options = {}) {
  say(`\n$ omens ${args.join(' ')}`);
  const { stdout } = await run(process.execPath, [omens, ...args], options);
  return stdout;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const writeSecret = (path, text) => fs.writeFileSync(path, text, { mode: 0o600 });

async function writeConfiguration(directory) {
  const [port, plainPort] = [await freePort(), await freePort()];
  const passphraseFile = join(directory, 'passphrase');
  writeSecret(passphraseFile, `${randomBytes(24).toString('base64url')}\n`);
  const path = join(directory, 'omens.yaml');
  const lines = [
    `dataDirectory: ${join(directory, 'data')}`,
    `rootKeyDirectory: ${join(directory, 'root-keys')}`,
    `policiesDirectory: ${join(directory, 'policies')}`,
    `listen: 127.0.0.1:${port}`,
    `plainListen: 127.0.0.1:${plainPort}`,
    `passphraseFile: ${passphraseFile}`,
    'logLevel: error',
  ];
  fs.writeFileSync(path, `${lines.join('\n')}\n`);
  return { path, url: `https://127.0.0.1:${port}` };
}

/** Starts the server and waits until it says that it serves. Its output is a file, so that it holds nothing of ours. */
async function startServer(directory, config) {
  const log = join(directory, 'serve.log');
  const output = fs.openSync(log, 'w', 0o600);
  const child = spawn(process.execPath, [omens, 'serve', '--config', config.path], {
    env: cleanEnvironment(),
    cwd: '/',
    detached: keep,
    stdio: ['ignore', output, output],
  });
  fs.closeSync(output);
  if (keep) child.unref();
  const isDead = () => child.exitCode !== null || child.signalCode !== null;
  const server = {
    pid: child.pid,
    stop: async () => {
      if (isDead()) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
  for (let tries = 0; tries < 600; tries += 1) {
    const told = fs.readFileSync(log, 'utf8');
    if (told.includes('omens: serving ')) return server;
    if (isDead()) throw new DemoFault(`the server did not start\n${told}`);
    await sleep(100);
  }
  await server.stop();
  throw new DemoFault(`the server does not serve\n${fs.readFileSync(log, 'utf8')}`);
}

/** Shows that the certificates are good for what they are for, and for nothing else. */
async function showCertificates(directory, host) {
  const caRoot = join(directory, 'root.pem');
  const files = [join(host, 'var/lib/tpm2-devid/devid.crt'), join(host, 'etc/keylime/certs/agent.crt')];
  for (const file of files) {
    const name = file.slice(host.length);
    const verify = ['verify', '-x509_strict', '-CAfile', caRoot, '-untrusted', file];
    say(`\n$ openssl verify -x509_strict … ${name}`);
    say((await run('openssl', [...verify, file], { show: false })).stdout.replaceAll(host, '').trimEnd());
    const asClient = await run('openssl', [...verify, '-purpose', 'sslclient', file], { show: false, mayFail: true });
    if (asClient.code === 0) throw new DemoFault(`${name} passes as a TLS client certificate`);
    say(`as a TLS client (-purpose sslclient): refused, as it must be`);
  }
  const devId = new X509Certificate(fs.readFileSync(files[0]));
  const area = fs.readFileSync(join(host, 'var/lib/tpm2-devid/devid.pub'));
  const { x, y } = devId.publicKey.export({ format: 'jwk' });
  const isSame = [x, y].every((coordinate) => area.includes(Buffer.from(coordinate, 'base64url')));
  if (!isSame) throw new DemoFault('the DevID certifies another key than the one in the TPM');
  say(`\nthe DevID certifies exactly the TPM key of devid.pub: ${devId.subject}`);
}

async function databaseOf(directory) {
  const { openEmbedded } = await import(join(root, 'dist/src/storage/embedded/server.js'));
  // It runs already, so this only finds it and says how to reach it.
  return openEmbedded({ dataDirectory: join(directory, 'data'), log: () => undefined, randomBytes });
}

async function demo(directory, undo) {
  const host = join(directory, 'host');
  fs.mkdirSync(host);
  say('A software TPM, whose EK certificate comes from a CA made for this run.');
  const tpm = await startCertifiedSoftwareTpm({ directory: join(directory, 'tpm'), detached: keep });
  undo.push(tpm.stop);
  await writePoliciesTrusting({ from: join(root, 'policies'), directory: join(directory, 'policies'), tpm });
  const config = await writeConfiguration(directory);

  const operatorToken = (await command(['init', '--config', config.path])).trim();
  writeSecret(join(directory, 'operator-token'), `${operatorToken}\n`);
  say(`\n$ omens serve --config ${config.path} &`);
  const server = await startServer(directory, config);
  undo.push(server.stop);
  say(`serving ${config.url} on a PostgreSQL of its own`);

  const caFile = join(directory, 'root.pem');
  const made = fs.readdirSync(join(directory, 'root-keys')).find((name) => /^estate-.*\.crt$/.test(name));
  fs.copyFileSync(join(directory, 'root-keys', made), caFile);
  const env = { OMENS_URL: config.url, OMENS_TOKEN_FILE: join(directory, 'operator-token'), OMENS_CA_FILE: caFile };
  const caBundle = join(directory, 'ca-bundle.pem');
  fs.writeFileSync(caBundle, await command(['issuers', 'bundle'], { env }));
  const tokenFile = join(directory, 'enrollment-token');
  writeSecret(tokenFile, await command(['tokens', 'create', '--host', hostName, '--address', '127.0.0.1'], { env }));

  const where = ['--root', host, '--tpm', `unix:${tpm.socketPath}`];
  const enroll = ['agent', 'enroll', '--token-file', tokenFile, '--hostname', hostName, ...where];
  say((await command(enroll)).trimEnd());
  await showCertificates(directory, host);
  say((await command(['agent', 'renew', '--target', 'keylime-agent', '--force', ...where])).trimEnd());
  say((await command(['agent', 'status', ...where])).trimEnd());
  say((await command(['report', 'expiry'], { env })).trimEnd());

  const database = await databaseOf(directory);
  return {
    url: config.url,
    caBundle,
    operatorToken,
    hostDirectory: host,
    tpmSocket: tpm.socketPath,
    databaseUrl: database.databaseUrl,
    pids: [server.pid, tpm.pid, database.pid],
    stop: `${process.execPath} ${fileURLToPath(import.meta.url)} --stop ${directory}`,
  };
}

/** Whether a process is one of a demo in this directory, whoever has its number now. */
function isOurs(pid, directory) {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
  } catch {
    return false;
  }
}

/** Ends the named demo, or every one that this user kept. The server goes first: it stops its own PostgreSQL. */
async function stopKept() {
  const parent = temporaryParent();
  const all = fs.readdirSync(parent).filter((name) => name.startsWith(prefix));
  const kept = all.flatMap((name) => {
    const directory = join(parent, name);
    const record = join(directory, 'kept.json');
    const isAsked = stopped === null || stopped === directory;
    const isKept = isAsked && fs.existsSync(record) && fs.statSync(record).uid === process.getuid();
    return isKept ? [{ directory, pids: JSON.parse(fs.readFileSync(record, 'utf8')).pids }] : [];
  });
  for (const { directory, pids } of kept) {
    for (const pid of pids) {
      if (isOurs(pid, directory)) process.kill(pid, 'SIGTERM');
      for (let tries = 0; tries < 300 && isOurs(pid, directory); tries += 1) await sleep(100);
      if (isOurs(pid, directory)) throw new DemoFault(`process ${pid} of ${directory} does not end`);
    }
    fs.rmSync(directory, { recursive: true, force: true });
    say(`stopped and removed ${directory}`);
  }
  if (kept.length === 0) say('no demo was kept');
}

async function main() {
  if (stop) return stopKept();
  if (json && !keep) throw new DemoFault('--json describes what stays running: it needs --keep');
  const { missing } = setup({ suites: ['demo'] });
  if (missing.length > 0) {
    const programs = missing.map((tool) => tool.program ?? tool.library).join(', ');
    throw new DemoFault(`needs ${programs}; as root: ${installLine(missing)}`);
  }
  // Traversable, because root's PostgreSQL runs as another user; every secret inside is closed by itself.
  const directory = fs.mkdtempSync(join(temporaryParent(), prefix));
  fs.chmodSync(directory, 0o711);
  const undo = [() => fs.rmSync(directory, { recursive: true, force: true })];
  const undoAll = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void undoAll().then(() => process.exit(130)));
  try {
    const kept = await demo(directory, undo);
    if (!keep) {
      say(`\nAPI and operator page were at ${kept.url}. To look around: npm run demo -- --keep`);
      return await undoAll();
    }
    writeSecret(join(directory, 'kept.json'), JSON.stringify(kept));
    say(`\nThe operator page is at ${kept.url}: sign in with the line of ${join(directory, 'operator-token')}.`);
    say(`The API is there too; CA and host are in ${directory}.`);
    say('npm run -s demo -- --stop ends and removes all of it.');
    if (json) process.stdout.write(`${JSON.stringify(kept)}\n`);
    undo.length = 0;
  } catch (error) {
    await undoAll();
    throw error;
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`demo: ${error instanceof DemoFault ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
