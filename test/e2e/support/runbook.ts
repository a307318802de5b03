// The commands of a runbook, and how they are run against a demo. In docs/runbooks/ a fence says in its first line who types
// it: `sh runbook operator` (with a token, anywhere), `sh runbook host` (as root on the host), `sh runbook by-hand` (needs
// what no test has: systemd, SPIRE, Keylime, a second TPM). Kept free of jest.
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ended } from './agent-command.ts';

const repository = join(import.meta.dirname, '../../..');

export type Role = 'operator' | 'host' | 'by-hand';

/** One line of a fence. `role` null: a fence that does not say who types it. */
export type RunbookLine = { readonly role: Role | null; readonly line: string };

/** Every line of every fence, in order; a line that ends in \ goes on. */
export function linesOf(runbook: string): readonly RunbookLine[] {
  const text = readFileSync(join(repository, 'docs/runbooks', runbook), 'utf8');
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].flatMap(([, info = '', body = '']) => {
    const [, role = null] = /^sh runbook (operator|host|by-hand)$/.exec(info) ?? [];
    const lines = body.replace(/\\\n\s*/g, '').split('\n');
    return lines.filter((line) => line.trim() !== '').map((line) => ({ role: role as Role | null, line }));
  });
}

/** What `npm run -s demo -- --keep --json` prints, as far as it is used here. */
export type Demo = {
  readonly url: string;
  readonly caBundle: string;
  readonly operatorToken: string;
  readonly hostDirectory: string;
  readonly tpmSocket: string;
  readonly stop: string;
};

/**
 * A place to type in. `omens` is on its PATH; on the host it gets `--root`, and absolute paths lie below the directory that
 * stands for `/`. Names of the documents' examples become those of the demo.
 */
export function desk(demo: Demo, directory: string, names: Readonly<Record<string, string>>) {
  const token = join(directory, 'operator-token');
  writeFileSync(token, `${demo.operatorToken}\n`, { mode: 0o600 });
  const script = `${process.execPath} ${join(repository, 'dist/src/cli/omens.js')} "$@"`;
  const shims = {
    operator: `#!/bin/sh\nexec ${script}\n`,
    host: `#!/bin/sh\n[ "$1" = agent ] && set -- "$@" --root ${demo.hostDirectory}\nexec ${script}\n`,
  };
  for (const [role, text] of Object.entries(shims)) {
    mkdirSync(join(directory, role));
    writeFileSync(join(directory, role, 'omens'), text);
    chmodSync(join(directory, role, 'omens'), 0o755);
  }
  const environment = {
    operator: { OMENS_URL: demo.url, OMENS_TOKEN_FILE: token, OMENS_CA_FILE: demo.caBundle },
    host: {},
  };
  return (role: 'operator' | 'host', line: string): Promise<Ended> => {
    const named = Object.entries(names).reduce((text, [from, to]) => text.replaceAll(from, to), line);
    const typed = role === 'host' ? named.replace(/(?<=\s)\/(?=etc\/|var\/)/g, `${demo.hostDirectory}/`) : named;
    const env = { PATH: `${join(directory, role)}:${process.env['PATH'] ?? ''}`, ...environment[role] };
    return new Promise((resolve) => {
      execFile('sh', ['-c', typed], { cwd: directory, env, timeout: 60_000 }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
      );
    });
  };
}
