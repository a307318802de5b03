// One run of jest over some of its projects, and how many tests passed, failed and were skipped.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs jest; `show` lets its output through, else it is answered. A test file that cannot even be loaded counts as one
 * failed test. A run without any test file has `files` 0.
 */
export async function runJest({ projects, workers, show }) {
  const scratch = mkdtempSync(join(tmpdir(), 'omens-jest-'));
  try {
    const outputFile = join(scratch, 'result.json');
    const args = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    args.push(join(root, 'node_modules/jest/bin/jest.js'), '--selectProjects', ...projects);
    args.push(`--maxWorkers=${workers}`, '--passWithNoTests', '--json', `--outputFile=${outputFile}`);
    const { code, output } = await runCaptured(process.execPath, args, show);
    return { ok: code === 0, output, ...countsOf(outputFile, code) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function countsOf(outputFile, code) {
  try {
    const result = JSON.parse(readFileSync(outputFile, 'utf8'));
    return {
      files: result.numTotalTestSuites,
      passed: result.numPassedTests,
      failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
      skipped: result.numPendingTests + result.numTodoTests,
    };
  } catch {
    return { files: code === 0 ? 0 : 1, passed: 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  }
}

/** Runs a program in the root of the repository. Its stdout goes to our stderr or is captured like its stderr. */
export function runCaptured(program, args, show = false) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', show ? 'ignore' : 'pipe', show ? 2 : 'pipe'] });
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => resolve({ code: 1, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString('utf8') }));
  });
}
