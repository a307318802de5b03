// The service as commands see it, and a process around them: what was asked is kept, what is answered a test says.
import type { Service } from '../../src/cli/service.ts';
import type { World } from '../../src/cli/world.ts';
import type { ClientFault } from '../../src/client/connection.ts';
import { err, ok, type Result } from '../../src/domain/result.ts';
import type { Problem } from '../../src/domain/wire.ts';

/** Answers of operations by name, a function where they depend on what was asked; one that is not named may not be called. */
export type Answers = { readonly [Name in keyof Service]?: unknown };

export type FakeWorld = World & {
  readonly out: () => string;
  readonly errors: () => string;
  readonly calls: readonly (readonly [operation: string, ...unknown[]])[];
};

/** The service's refusal. */
export const refusedWith = (problem: Problem): { readonly fault: ClientFault } => ({
  fault: { reason: 'problem', detail: problem.detail, problem, retryAfterSeconds: null },
});

const answerOf = (answer: unknown): Result<unknown, ClientFault> =>
  typeof answer === 'object' && answer !== null && 'fault' in answer ? err(answer.fault as ClientFault) : ok(answer);

/** A process without terminal, at 2026-11-23T12:00:00Z, with a token and an address of the service in its environment. */
export function fakeWorld(answers: Answers, over: Partial<World> = {}): FakeWorld {
  const written = { out: '', err: '' };
  const calls: [string, ...unknown[]][] = [];
  const service = new Proxy({} as Service, {
    get: (_, name: string) =>
      // A promise asks what it resolves to whether that is a promise, too.
      name === 'then'
        ? undefined
        : name === 'close'
          ? () => undefined
          : async (...args: unknown[]) => {
              calls.push([name, ...args]);
              if (!(name in answers)) throw new RangeError(`the test did not expect ${name}`);
              const answer = answers[name as keyof Service];
              return answerOf(
                typeof answer === 'function' ? (answer as (...asked: unknown[]) => unknown)(...args) : answer,
              );
            },
  });
  return {
    stdout: (text) => void (written.out += text),
    stderr: (text) => void (written.err += text),
    readStdin: async () => 'omens-operator-v1.token\n',
    isTerminal: false,
    isColorful: false,
    env: { OMENS_TOKEN_FILE: '-', OMENS_URL: 'https://ca.example.org' },
    uid: 1000,
    now: () => new Date('2026-11-23T12:00:00Z'),
    sleep: async () => undefined,
    openService: async () => service,
    untilToldToStop: async () => undefined,
    ...over,
    out: () => written.out,
    errors: () => written.err,
    calls,
  };
}
