// `npm test`: sets up, builds, and runs `check` and every suite whose tools are here; `npm test -- tpm db` selects.
// Ends with a table of what ran and what was left out and why, and one line of totals.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './check.mjs';
import { runJest } from './jest-run.mjs';
import { isPresent, missingTools, setup } from './setup.mjs';

const { tools } = JSON.parse(readFileSync(new URL('tools.json', import.meta.url), 'utf8'));

/** In the order in which a fault is cheapest to find. */
const ordinary = ['check', 'simulation', 'http', 'db', 'tpm', 'interop', 'web', 'e2e', 'fleet'];

/** Only when named: against programs that we do not install. Left out otherwise, and said so at the end. */
const onlyNamed = {
  spire: 'spire-server and spire-agent (on the PATH or in SPIRE_BIN) are real ones: npm test -- spire',
  keylime: 'registrar and verifier are real ones, of a Python (KEYLIME_PYTHON or python3): npm test -- keylime',
};
/** A part of check, for a second Node: types, lint and format are the same there. */
const suites = [...ordinary, 'unit', ...Object.keys(onlyNamed)];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !suites.includes(name));
if (unknown.length > 0) {
  console.error(`test: no suite ${unknown.join(', ')}\nhint: ${suites.join(', ')}`);
  process.exit(2);
}
const selected = suites.filter((name) => (wanted.length === 0 ? ordinary : wanted).includes(name));
setup({ suites: selected });

function reasonToLeaveOut(suite) {
  const missing = missingTools(tools, [suite], isPresent).map((tool) => tool.program ?? tool.library);
  if (suite === 'spire') missing.push(...['spire-server', 'spire-agent'].filter((program) => !isSpireHere(program)));
  if (suite === 'keylime' && !isKeylimeHere()) missing.push('a Python with the module keylime');
  if (missing.length > 0) return `without ${missing.join(', ')}`;
  return suite === 'check' || hasTests(suite) ? null : 'no tests';
}

function isSpireHere(program) {
  const places = process.env.SPIRE_BIN ? [process.env.SPIRE_BIN] : (process.env.PATH ?? '').split(':');
  return places.some((place) => existsSync(join(place, program)));
}

function isKeylimeHere() {
  const { status } = spawnSync(process.env.KEYLIME_PYTHON ?? 'python3', ['-c', 'import keylime.cmd.verifier'], {
    stdio: 'ignore',
  });
  return status === 0;
}

function hasTests(suite) {
  try {
    const files = readdirSync(new URL(`../test/${suite}/`, import.meta.url), { recursive: true });
    return files.some((file) => file.endsWith('.test.ts'));
  } catch {
    return false;
  }
}

const rows = [];
for (const suite of selected) {
  const why = reasonToLeaveOut(suite);
  if (why !== null) {
    rows.push({ suite, state: 'left out', why, passed: 0, failed: 0, skipped: 0 });
    continue;
  }
  console.error(`\n=== ${suite}`);
  const started = Date.now();
  const run = suite === 'check' ? await check() : await runJest({ projects: [suite], workers: 2, show: true });
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  rows.push({ suite, state: 'ran', why: `${counts(run)} in ${seconds} s`, ...run });
}

function counts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

const total = (count) => rows.reduce((sum, row) => sum + row[count], 0);
const isLeftOut = rows.some(({ state }) => state === 'left out');
console.log(`\n${'suite'.padEnd(12)}${'state'.padEnd(12)}why`);
for (const { suite, state, why } of rows) console.log(`${suite.padEnd(12)}${state.padEnd(12)}${why}`);
for (const [suite, why] of Object.entries(onlyNamed)) {
  if (!selected.includes(suite)) console.log(`\nNOT RUN, since it was not named: ${suite}. ${why}`);
}
if (isLeftOut && process.env.CI) console.log('\nleft out is failed, since CI is set');
console.log(`\n${counts({ passed: total('passed'), failed: total('failed'), skipped: total('skipped') })}`);
const isFailed = rows.some(({ ok }) => ok === false) || (isLeftOut && Boolean(process.env.CI));
process.exitCode = isFailed ? 1 : 0;
