// `npm run bench`: sets up, builds and measures; `npm run bench -- issuance|enroll|simulation|million [options]` selects one. The options of
// each are in bench/README.md. Numbers are of this machine at this moment: nothing here passes or fails by speed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const benches = ['issuance', 'enroll', 'simulation', 'million'];

const [first = '', ...rest] = process.argv.slice(2);
const isNamed = first !== '' && !first.startsWith('-');
if (isNamed && !benches.includes(first)) {
  console.error(`bench: no bench ${first}\nhint: ${benches.join(', ')}`);
  process.exit(2);
}
// A million certificates take minutes to make: only when they are asked for.
const selected = isNamed ? [first] : benches.filter((name) => name !== 'million');
const options = isNamed ? rest : process.argv.slice(2);

// openssl and swtpm, which the demo needs as well.
const { missing } = setup({ suites: ['demo'] });
if (missing.length > 0) {
  console.error(`bench: not without ${missing.map((tool) => tool.program ?? tool.library).join(', ')}`);
  process.exit(1);
}
for (const name of selected) {
  console.error(`\n=== ${name}`);
  const file = fileURLToPath(new URL(`../dist/bench/${name}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [file, ...options], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
