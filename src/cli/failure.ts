// Why a command ended without its result, in the two forms it is told: lines for people, a problem document for --json.
import type { Problem } from '../domain/wire.ts';

/** Exit codes of every command but those that speak Nagios. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

/** Ends a command. `problem` is the service's own document where there is one. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly hints: readonly string[];
  readonly problem: Problem | null;
  readonly exitCode: number;

  constructor(
    message: string,
    options: {
      readonly hints?: readonly string[];
      readonly problem?: Problem | null;
      readonly exitCode?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.hints = options.hints ?? [];
    this.problem = options.problem ?? null;
    this.exitCode = options.exitCode ?? exitCodes.failed;
  }
}

/** Wrong usage: exit code 2. */
export const wrongUsage = (message: string, ...hints: readonly string[]): CommandFailure =>
  new CommandFailure(message, { hints, exitCode: exitCodes.usage });

/** What an error says, in parts: any error with `hints` (or one `hint`) and perhaps a `problem` tells them. */
export type Told = {
  readonly message: string;
  readonly hints: readonly string[];
  readonly problem: unknown;
  readonly exitCode: number;
};

/** Reads any thrown value. */
export function told(error: unknown): Told {
  const facts = typeof error === 'object' && error !== null ? error : {};
  const message = 'message' in facts && typeof facts.message === 'string' ? facts.message : String(error);
  const listed: readonly unknown[] = 'hints' in facts && Array.isArray(facts.hints) ? facts.hints : [];
  const single = 'hint' in facts && typeof facts.hint === 'string' ? [facts.hint] : [];
  const hints = [...listed, ...single].filter((hint): hint is string => typeof hint === 'string' && hint !== '');
  return {
    message,
    hints,
    problem: 'problem' in facts ? facts.problem : null,
    exitCode: 'exitCode' in facts && typeof facts.exitCode === 'number' ? facts.exitCode : exitCodes.failed,
  };
}

/** `omens: …` and `hint: …` lines. */
export const failureLines = ({ message, hints }: Told): string =>
  [`omens: ${message}`, ...hints.map((hint) => `hint: ${hint}`)].map((line) => `${line}\n`).join('');

/** The service's document as one line, or one of our own where nothing was asked of the service (RFC 9457 §4.2.1). */
export function failureDocument({ message, hints, problem }: Told): string {
  const own = { type: 'about:blank', title: 'omens', detail: message, ...(hints.length > 0 ? { hints } : {}) };
  return `${JSON.stringify(problem ?? own)}\n`;
}
