// Software TPMs (swtpm) for tests and the demo: bare ones, and ones whose EK certificates come from a CA made for the
// run. Plain JavaScript, built-ins only. Nothing here is for production.

import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { access, appendFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The programs needed, with their Debian packages. */
const softwareTpmPrograms = { swtpm: 'swtpm', swtpm_setup: 'swtpm-tools', swtpm_localca: 'swtpm-tools' };

/**
 * Starts swtpm over the state in `directory` (made if missing; an empty one is a new TPM) on the unix socket
 * `<directory>/s`, control socket `<directory>/s.ctrl`. It serves one data connection at a time. `detached` lets it
 * outlive this process and hold none of its file descriptors.
 *
 * @param {{ directory: string, detached?: boolean }} options
 * @returns {Promise<{ socketPath: string, pid: number, stop: () => Promise<void> }>}
 */
export async function startSoftwareTpm({ directory, detached = false }) {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const socketPath = join(directory, 's');
  if (socketPath.length > 100) throw new Error(`${socketPath} is too long for a unix socket`);
  const child = spawn(
    'swtpm',
    [
      ...['socket', '--tpm2', '--tpmstate', `dir=${directory}`, '--flags', 'not-need-init,startup-clear'],
      ...['--server', `type=unixio,path=${socketPath}`, '--ctrl', `type=unixio,path=${socketPath}.ctrl`],
    ],
    { stdio: 'ignore', detached, cwd: '/' },
  );
  await once(child, 'spawn');
  if (detached) child.unref();
  const exited = new Promise((resolve) => child.once('exit', resolve));
  try {
    await listening(socketPath, () => child.exitCode !== null || child.signalCode !== null);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  };
  return { socketPath, pid: child.pid ?? 0, stop };
}

/**
 * Makes a TPM whose EK certificates (RSA-2048 and P-384) are signed by a CA made for it, in `directory`, and starts it.
 * With `authority` another TPM's directory of the same run is the place of the CA, so that several TPMs share one.
 *
 * @param {{ directory: string, authority?: string, detached?: boolean, id?: string }} options
 * @returns {Promise<{ socketPath: string, pid: number, ekRootPem: string, ekIntermediatePem: string,
 *   stop: () => Promise<void> }>}
 */
export async function startCertifiedSoftwareTpm({
  directory,
  authority = join(directory, 'ca'),
  detached,
  id = 'swtpm',
}) {
  const state = join(directory, 'tpm');
  await mkdir(state, { recursive: true, mode: 0o700 });
  await mkdir(authority, { recursive: true, mode: 0o700 });
  const config = await writeConfiguration(directory, authority);
  await run('swtpm_setup', [
    ...['--tpm2', '--tpmstate', state, '--config', config, '--vmid', id],
    ...['--create-ek-cert', '--create-platform-cert', '--lock-nvram', '--overwrite'],
    ...(process.getuid?.() === 0 ? ['--runas', 'root'] : []),
  ]);
  const ekRootPem = await readFile(join(authority, 'swtpm-localca-rootca-cert.pem'), 'utf8');
  const ekIntermediatePem = await readFile(join(authority, 'issuercert.pem'), 'utf8');
  return { ...(await startSoftwareTpm({ directory: state, detached })), ekRootPem, ekIntermediatePem };
}

/** Configuration of swtpm_setup and swtpm_localca that touches nothing outside the two directories. */
async function writeConfiguration(directory, authority) {
  const localca = join(directory, 'swtpm-localca.conf');
  const options = join(directory, 'swtpm-localca.options');
  const setup = join(directory, 'swtpm_setup.conf');
  await writeFile(
    localca,
    [
      `statedir = ${authority}`,
      `signingkey = ${join(authority, 'signkey.pem')}`,
      `issuercert = ${join(authority, 'issuercert.pem')}`,
      `certserial = ${join(authority, 'certserial')}`,
      '',
    ].join('\n'),
  );
  await writeFile(options, '--platform-manufacturer Example\n--platform-version 1.0\n--platform-model SoftwareTPM\n');
  await writeFile(
    setup,
    [
      `create_certs_tool = ${await programPath('swtpm_localca')}`,
      `create_certs_tool_config = ${localca}`,
      `create_certs_tool_options = ${options}`,
      '',
    ].join('\n'),
  );
  return setup;
}

async function programPath(name) {
  for (const directory of (process.env.PATH ?? '').split(':')) {
    const path = join(directory, name);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error(`${name} is not installed (Debian: apt-get install ${softwareTpmPrograms[name]})`);
}

async function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} failed with ${code}:\n${output}`);
}

/** Waits until the socket accepts a connection, at most ten seconds. */
async function listening(socketPath, isDead) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (isDead()) throw new Error('swtpm ended at once');
    const accepted = await new Promise((resolve) => {
      const socket = connect(socketPath);
      socket.once('connect', () => socket.end(() => resolve(true)));
      socket.once('error', () => resolve(false));
    });
    if (accepted) return;
    await sleep(20);
  }
  throw new Error(`swtpm does not listen on ${socketPath}`);
}

/**
 * Copies reviewed policies to `directory` and adds the CA of these TPMs to the vendors that they trust, manifest
 * included. For tests and the demo: a service that runs on the copy trusts this software TPM and nobody else's.
 *
 * @param {{ from: string, directory: string, tpm: { ekRootPem: string, ekIntermediatePem: string } }} options
 */
export async function writePoliciesTrusting({ from, directory, tpm }) {
  await cp(from, directory, { recursive: true });
  const certificates = { 'ek-roots': tpm.ekRootPem, 'ek-intermediates': tpm.ekIntermediatePem };
  for (const [folder, pem] of Object.entries(certificates)) {
    const file = 'software-tpm-of-this-run.pem';
    const certificate = new X509Certificate(pem);
    await writeFile(join(directory, folder, file), certificate.toString());
    const entry = [
      `  - file: ${file}`,
      `    sha256: ${createHash('sha256').update(certificate.raw).digest('hex')}`,
      `    subject: '${certificate.subject.replaceAll('\n', ', ')}'`,
      `    origin: swtpm_localca, made for this run`,
      `    note: For a software TPM; trusted by nobody else.`,
    ];
    await appendFile(join(directory, folder, 'manifest.yaml'), `${entry.join('\n')}\n`);
  }
}
