// `npm run bench`: sets up, builds and measures; `npm run bench -- issuance|enroll [options]` selects one. The options of
// each are in bench/README.md. Numbers are of this machine at this moment: nothing here passes or fails by speed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

/** Each with the suite of tools.json whose programs it needs. */
const benches = { issuance: 'interop', enroll: 'tpm' };

const [first, ...rest] = process.argv.slice(2);
const isNamed = first !== undefined && !first.startsWith('-');
if (isNamed && !(first in benches)) {
  console.error(`bench: no bench ${first}\nhint: ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}
const selected = isNamed ? [first] : Object.keys(benches);
const options = isNamed ? rest : process.argv.slice(2);

const { missing } = setup({ suites: selected.map((name) => benches[name]) });
for (const name of selected) {
  const without = missing
    .filter(({ suites }) => suites.includes(benches[name]))
    .map((tool) => tool.program ?? tool.library);
  if (without.length > 0) {
    console.error(`bench: ${name} is left out, without ${without.join(', ')}`);
    process.exitCode = 1;
    continue;
  }
  const file = fileURLToPath(new URL(`../dist/bench/${name}.js`, import.meta.url));
  console.error(`\n=== ${name}`);
  const { status } = spawnSync(process.execPath, [file, ...options], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
