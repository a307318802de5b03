// Completes package-lock.json: a registry that serves one platform only leaves the optional packages of the other
// platforms out, and npm 11 then refuses `npm ci`. Adds a stub for each missing optional dependency and removes every
// `resolved`, so that the lock names no host. Run after each `npm install`. `--check` only reports.
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
const check = process.argv.includes('--check');
const faults = [];

/** `linux-x64-musl` and the like, as the npm fields `os` and `cpu`; a platform that cannot be read installs nowhere. */
function platformOf(name) {
  const os = [
    'darwin',
    'linux',
    'win32',
    'windows',
    'freebsd',
    'openbsd',
    'android',
    'netbsd',
    'sunos',
    'aix',
    'openharmony',
    'wasm32',
  ].find((o) => name.includes(o));
  const cpu = [
    'x64',
    'arm64',
    'arm',
    'ia32',
    'ppc64',
    's390x',
    'riscv64',
    'riscv64d',
    'loong64',
    'mips64el',
    'wasm32',
  ].find((c) => new RegExp(`[-_.]${c}(?:$|[-_.])`).test(name));
  return { os: [os === 'windows' ? 'win32' : (os ?? 'none')], cpu: [cpu ?? 'none'] };
}

const nearest = (from, name) => {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const key = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (lock.packages[key]) return key;
    if (at === '') return undefined;
  }
};

for (const [at, entry] of Object.entries(lock.packages)) {
  if (entry.resolved !== undefined) {
    faults.push(`${at}: "resolved" names a host`);
    delete entry.resolved;
  }
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (nearest(at, name)) continue;
    faults.push(`${at || '(root)'}: optional dependency ${name} has no entry`);
    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[\^~]/, ''),
      optional: true,
      ...platformOf(name),
    };
  }
}

if (check) {
  for (const fault of faults) console.error(fault);
  process.exit(faults.length === 0 ? 0 : 1);
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.error(
  faults.length === 0 ? 'package-lock.json: complete' : `package-lock.json: ${faults.length} additions or removals`,
);
