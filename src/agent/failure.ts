// Why a command of the host side ended without doing what was asked. Carries what a person can do next; never a secret.

/** Ends a command. `hints` are whole sentences, one per line of output; `problem` is the server's own document. */
export class AgentFailure extends Error {
  override readonly name = 'AgentFailure';
  readonly hints: readonly string[];
  readonly problem: unknown;

  constructor(
    message: string,
    options: { readonly hints?: readonly string[]; readonly cause?: unknown; readonly problem?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.hints = options.hints ?? [];
    this.problem = options.problem ?? null;
  }
}
