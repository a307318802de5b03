// A measured process apart from the one that measures: asked by messages, one question at a time.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

/** A running child. `ask` rejects with the child's own error, or when it has ended. */
export type Child = {
  readonly pid: number;
  readonly ask: <Answer>(question: string, input?: unknown) => Promise<Answer>;
  readonly stop: () => Promise<void>;
};

type Reply = { readonly answer?: unknown; readonly error?: string };

/** Starts a file of this directory and waits until it says that it is ready. */
export async function startChild(file: string, input: unknown): Promise<Child> {
  const child = fork(join(import.meta.dirname, file), [JSON.stringify(input)], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    child.kill('SIGTERM');
    await ended;
  };
  await replyOf(child, file);
  return {
    pid: child.pid ?? 0,
    ask: async <Answer>(question: string, value?: unknown) => {
      const reply = replyOf(child, file);
      child.send({ question, value });
      return (await reply) as Answer;
    },
    stop,
  };
}

const replyOf = (child: ChildProcess, file: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`${file} ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (reply: Reply) => {
      child.off('exit', onExit);
      if (reply.error === undefined) resolve(reply.answer);
      else reject(new Error(`${file}: ${reply.error}`));
    });
  });

/** Answers by the name of the question. */
export type Handlers = Readonly<Record<string, (value: never) => Promise<unknown>>>;

/** In the child: the functions that answer, made from what the parent gave. Ends when the parent goes. */
export async function answering(make: (input: never) => Promise<Handlers>): Promise<void> {
  const reply = (message: Reply): void => void process.send?.(message);
  process.once('disconnect', () => process.exit(0));
  const handlers = await make(JSON.parse(process.argv[2] ?? '{}') as never);
  process.on('message', ({ question, value }: { readonly question: string; readonly value: never }) => {
    const handler = handlers[question];
    if (handler === undefined) {
      reply({ error: `no answer to ${question}` });
      return;
    }
    handler(value).then(
      (answer) => reply({ answer }),
      (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  reply({ answer: 'ready' });
}
