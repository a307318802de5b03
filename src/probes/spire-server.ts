// The SPIRE server by its command line: run without a shell, bounded in time and output, its JSON read strictly. What may
// be run is decided here by the mode, so that no caller can forget it. Compared with spire-server 1.13.3.
import { execFile } from 'node:child_process';
import { withoutControls } from '../domain/printable.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type SpireAgent, spireCommands, type SpireEntry, type SpireSettings } from '../domain/spire.ts';
import { readAgents, readCreated, readEntries, type SpireReplyFault } from './spire-replies.ts';

export type SpireFault = Refusal<'spireNotAllowed' | 'spireFailed' | SpireReplyFault>;

type Answer<T> = Promise<Result<T, SpireFault>>;

/** What may be asked of a SPIRE server, and done to it. */
export type SpireServer = {
  readonly listAgents: () => Answer<readonly SpireAgent[]>;
  readonly showEntries: (spiffeId: string) => Answer<readonly SpireEntry[]>;
  /** An alias that is there already is no fault. */
  readonly createAlias: (alias: { readonly spiffeId: string; readonly selectors: readonly string[] }) => Answer<null>;
  readonly evict: (spiffeId: string) => Answer<null>;
  readonly ban: (spiffeId: string) => Answer<null>;
};

export type SpireLimits = { readonly timeoutMs: number; readonly maxOutputOctets: number };

const defaultLimits: SpireLimits = { timeoutMs: 15_000, maxOutputOctets: 16 * 1024 * 1024 };

/** The server that these settings name. */
export function spireServer(settings: SpireSettings, limits: SpireLimits = defaultLimits): SpireServer {
  const reads = settings.mode !== 'print';
  const acts = settings.mode === 'act';
  const run = async (words: readonly string[], isAllowed: boolean): Answer<string> =>
    isAllowed ? execute(words, limits) : err(notAllowed(settings));
  const done = async (words: readonly string[]): Answer<null> => {
    const output = await run(words, acts);
    return output.ok ? ok(null) : output;
  };
  return {
    listAgents: async () => readWith(readAgents, await run(spireCommands.listAgents(settings), reads)),
    showEntries: async (id) => readWith(readEntries, await run(spireCommands.showEntries(settings, id), reads)),
    createAlias: async (alias) => readWith(readCreated, await run(spireCommands.createAlias(settings, alias), acts)),
    evict: (id) => done(spireCommands.evict(settings, id)),
    ban: (id) => done(spireCommands.ban(settings, id)),
  };
}

const readWith = <T>(
  read: (text: string) => Result<T, SpireFault>,
  output: Result<string, SpireFault>,
): Result<T, SpireFault> => (output.ok ? read(output.value) : output);

const notAllowed = ({ mode }: SpireSettings): SpireFault => ({
  reason: 'spireNotAllowed',
  detail: `spire.mode is ${mode}`,
  field: 'spire.mode',
  accepted: 'ask, to list agents and entries; act, to make aliases and to evict',
});

/** Nothing of our own environment goes along but where programs are found: it may hold credentials. */
function execute([program, ...args]: readonly string[], { timeoutMs, maxOutputOctets }: SpireLimits): Answer<string> {
  const env = { PATH: process.env['PATH'] ?? '' };
  const options = { env, timeout: timeoutMs, maxBuffer: maxOutputOctets, killSignal: 'SIGKILL', shell: false } as const;
  return new Promise((resolve) => {
    execFile(program ?? '', args, options, (error, stdout, stderr) => {
      resolve(error === null ? ok(stdout) : err(failed(error, stderr, timeoutMs)));
    });
  });
}

function failed(
  error: Error & { readonly code?: unknown; readonly killed?: boolean },
  stderr: string,
  timeoutMs: number,
): SpireFault {
  return {
    reason: 'spireFailed',
    detail: `spire-server failed: ${whyOf(error, stderr, timeoutMs)}`,
    field: 'spire.serverCommand',
    accepted: 'a program that reaches the SPIRE server; try the command by hand',
  };
}

function whyOf(
  error: Error & { readonly code?: unknown; readonly killed?: boolean },
  stderr: string,
  timeoutMs: number,
): string {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'it printed more than is read';
  if (error.killed === true) return `it took more than ${timeoutMs / 1000} s`;
  if (error.code === 'ENOENT') return 'the program is not there';
  return firstLine(stderr) || firstLine(error.message);
}

/** Bounded, and without control characters: it goes into logs and answers. */
const firstLine = (text: string): string => withoutControls(text.split('\n', 1)[0] ?? '').slice(0, 300);
