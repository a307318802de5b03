// Makes a fresh clone ready: Node's version, node_modules, the build, and the programs of tools.json. Built-ins only, since
// it runs before anything is installed. Prints on stderr alone, and nothing at all when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { tools } = JSON.parse(readFileSync(new URL('tools.json', import.meta.url), 'utf8'));

/** Why this Node is too old, or null. Floor: 20.19, where `require(esm)` works. */
export function nodeFault(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19) ? null : `Node ${version} is too old: 20.19 or later is needed`;
}

/** Whether `npm ci` must run: no record of an installation, or one older than the lock file. Times in milliseconds. */
export const needsInstall = ({ lockMs, installedMs }) => installedMs === null || installedMs < lockMs;

/** The tools that suites need and `has` does not find. Several suites, each tool once. */
export const missingTools = (list, suites, has) =>
  list.filter((tool) => tool.suites.some((suite) => suites.includes(suite)) && !has(tool));

/** The one line that installs what is missing. */
export const installLine = (missing) => `apt-get install --no-install-recommends ${packagesOf(missing).join(' ')}`;

const packagesOf = (missing) => [...new Set(missing.map((tool) => tool.package))].sort();

/** Whether a program is on PATH (or where administrators keep theirs), or a library in one of the usual places. */
export function isPresent(tool) {
  if (tool.program !== undefined) {
    const path = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
    return path.some((directory) => directory !== '' && existsSync(join(directory, tool.program)));
  }
  return libraryDirectories().some((directory) => existsSync(join(directory, tool.library)));
}

let found;
function libraryDirectories() {
  found ??= ['/usr/lib', '/lib', '/usr/local/lib', '/usr/lib64'].flatMap((base) => {
    if (!existsSync(base)) return [];
    const triplets = readdirSync(base).filter((name) => /^[a-z0-9_]+-linux-gnu[a-z0-9]*$/.test(name));
    return [base, ...triplets.map((name) => join(base, name))];
  });
  return found;
}

/** A fault that ends the script with its message alone. */
class SetupFault extends Error {}

const say = (text) => process.stderr.write(`setup: ${text}\n`);

/** Runs a program with its output on stderr, so that stdout stays for the results of whoever called. */
function run(program, args, options = {}) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  return error === undefined && status === 0;
}

/** Whether a path is a symbolic link; one that does not exist is none. */
export const isLink = (path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;

const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : null);

function installModules() {
  const lockMs = modifiedMs(join(root, 'package-lock.json')) ?? 0;
  const installedMs = modifiedMs(join(root, 'node_modules/.package-lock.json'));
  if (!needsInstall({ lockMs, installedMs })) return;
  if (isLink(join(root, 'node_modules'))) {
    throw new SetupFault('node_modules is a link: npm ci would empty what it points to. Remove the link');
  }
  say('npm ci');
  if (!run('npm', ['ci'])) throw new SetupFault('npm ci failed');
}

const sources = ['src', 'bench', 'test/e2e/support', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

/** Changes when a source is added, removed or written. */
export function fingerprint(directory, paths) {
  const hash = createHash('sha256');
  const visit = (path) => {
    const at = join(directory, path);
    if (!existsSync(at)) return;
    const { mtimeMs, size } = statSync(at);
    if (statSync(at).isDirectory()) for (const name of readdirSync(at).sort()) visit(join(path, name));
    else hash.update(`${path}\0${mtimeMs}\0${size}\n`);
  };
  for (const path of paths) visit(path);
  return hash.digest('hex');
}

function build() {
  const stamp = join(root, 'dist/.built-from');
  const now = fingerprint(root, sources);
  const before = existsSync(stamp) ? readFileSync(stamp, 'utf8') : null;
  if (before === now) return;
  // Without a stamp dist/ is not ours to trust, and tsc would believe its own notes of what it once wrote.
  if (before === null) {
    rmSync(join(root, 'dist'), { recursive: true, force: true });
    rmSync(join(root, 'node_modules/.cache/tsc/build.tsbuildinfo'), { force: true });
  }
  say('building');
  mkdirSync(join(root, 'dist'), { recursive: true });
  rmSync(stamp, { force: true });
  if (!run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'])) {
    throw new SetupFault('the build failed');
  }
  // `npm link` made the old one executable, and its link leads to the new one.
  chmodSync(join(root, 'dist/src/cli/omens.js'), 0o755);
  writeFileSync(stamp, now);
}

/** Runs `act` while services are forbidden to start; a policy that is already there is left as it is. */
function withoutServices(act) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return act();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n');
  chmodSync(policy, 0o755);
  const remove = () => rmSync(policy, { force: true });
  const interrupted = () => {
    remove();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return act();
  } finally {
    remove();
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}

function hasLists() {
  const lists = '/var/lib/apt/lists';
  return existsSync(lists) && readdirSync(lists).some((name) => name.includes('_Packages'));
}

function installPackages(missing) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (args) => run('apt-get', args, { env });
  say(`${installLine(missing)} (OMENS_SETUP=none prevents this)`);
  if (!hasLists() && !apt(['-q', 'update'])) return say('apt-get update failed');
  const isInstalled = withoutServices(() =>
    apt(['-q', '-y', 'install', '--no-install-recommends', ...packagesOf(missing)]),
  );
  if (!isInstalled) say('apt-get install failed; what needs these programs is left out');
}

function provideTools(suites) {
  const missing = missingTools(tools, suites, isPresent);
  if (missing.length === 0 || process.env.OMENS_SETUP === 'none') return missing;
  const hasApt = isPresent({ program: 'apt-get' });
  if (hasApt && process.getuid?.() === 0) {
    installPackages(missing);
    found = undefined;
    return missingTools(tools, suites, isPresent);
  }
  say(`for ${suitesOf(missing, suites).join(', ')} run as root: ${installLine(missing)}`);
  return missing;
}

const suitesOf = (missing, suites) => suites.filter((suite) => missing.some((tool) => tool.suites.includes(suite)));

/**
 * Prepares the tree for `suites` (names of tools.json; none means no program at all). Answers what is still missing, as
 * entries of tools.json. Ends the process with 1 when Node is too old, or `npm ci` or the build fails.
 */
export function setup({ suites = [], withBuild = true } = {}) {
  try {
    const fault = nodeFault(process.version);
    if (fault !== null) throw new SetupFault(fault);
    installModules();
    if (withBuild) build();
    return { missing: provideTools(suites) };
  } catch (fault) {
    if (!(fault instanceof SetupFault)) throw fault;
    say(fault.message);
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const all = [...new Set(tools.flatMap((tool) => tool.suites))];
  setup({ suites: process.argv.length > 2 ? process.argv.slice(2) : all });
}
