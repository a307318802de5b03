// `npm run check`: types, lint, format, unit and architecture tests. Needs no service; prints what failed and one line.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCaptured, runJest } from './jest-run.mjs';
import { setup } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (path) => join(root, 'node_modules', path);
const node = async (...args) => {
  const { code, output } = await runCaptured(process.execPath, args);
  return { ok: code === 0, output, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
};

/** The longest first, so that two at a time end together. */
const steps = [
  {
    name: 'lint',
    run: () =>
      node(
        bin('eslint/bin/eslint.js'),
        '.',
        '--cache',
        '--cache-location',
        bin('.cache/eslint/'),
        '--cache-strategy',
        'content',
      ),
  },
  { name: 'types', run: () => node(bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json') },
  { name: 'unit + architecture', run: () => runJest({ projects: ['unit', 'architecture'], workers: 2, show: false }) },
  { name: 'format', run: () => node(bin('@biomejs/biome/bin/biome'), 'format', '.') },
];

/** Runs every step, two at a time. Answers `{ok, passed, failed, skipped, broken}`; `broken` names the steps that failed. */
export async function check() {
  const waiting = [...steps];
  const done = [];
  const work = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const result = await step.run();
      if (!result.ok) process.stderr.write(`\n--- ${step.name}\n${telling(result.output)}\n`);
      done.push({ name: step.name, ...result });
    }
  };
  await Promise.all([work(), work()]);
  const sum = (count) => done.reduce((total, one) => total + one[count], 0);
  const broken = steps.map(({ name }) => name).filter((name) => done.some((one) => one.name === name && !one.ok));
  return { ok: broken.length === 0, passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped'), broken };
}

/** What passed is not worth a line. */
const telling = (output) =>
  output
    .split('\n')
    .filter((line) => !/^PASS /.test(line))
    .join('\n')
    .trim();

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setup({ withBuild: false });
  const started = Date.now();
  const { ok, passed, failed, broken } = await check();
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const what = steps.map(({ name }) => name).join(', ');
  console.log(
    ok
      ? `check: ${what}: ${passed} passed in ${seconds} s`
      : `check: ${broken.join(', ')} failed: ${passed} passed, ${failed} failed in ${seconds} s`,
  );
  process.exitCode = ok ? 0 : 1;
}
