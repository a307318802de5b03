// The fake spire-server as a program that a server may be configured with, and what it was asked.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpireMode, SpireSettings } from '../../src/domain/spire.ts';

export type FakeAgent = {
  readonly spiffeId: string;
  readonly attestationType: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly banned?: boolean;
};
export type FakeEntry = { readonly id: string; readonly spiffeId: string; readonly selectors: readonly string[] };

export type SpireProgram = {
  readonly settings: (mode: SpireMode) => SpireSettings;
  readonly write: (state: { readonly agents?: readonly FakeAgent[]; readonly entries?: readonly FakeEntry[] }) => void;
  readonly read: () => { readonly agents: readonly FakeAgent[]; readonly entries: readonly FakeEntry[] };
  /** Its command lines since the last look. */
  readonly asked: () => readonly string[];
  readonly remove: () => void;
};

export function spireProgram(): SpireProgram {
  const directory = mkdtempSync(join(tmpdir(), 'omens-spire-'));
  const [file, log] = [join(directory, 'state.json'), join(directory, 'state.json.log')];
  const program = join(import.meta.dirname, 'spire-server.mjs');
  const write: SpireProgram['write'] = (state) =>
    writeFileSync(file, JSON.stringify({ agents: [], entries: [], ...state }));
  write({});
  return {
    settings: (mode) => ({
      trustDomain: 'funlab.casa',
      serverCommand: [process.execPath, program, file],
      socketPath: null,
      mode,
    }),
    write,
    read: () => JSON.parse(readFileSync(file, 'utf8')) as ReturnType<SpireProgram['read']>,
    asked: () => {
      if (!existsSync(log)) return [];
      const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
      rmSync(log);
      return lines;
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
