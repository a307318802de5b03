// How long the agent asks again: what the server asked for, never sooner, and a bounded time in all.
import type { ServerAnswer } from './enrollment-server.ts';
import { AgentFailure } from './failure.ts';
import type { Progress } from './progress.ts';

/** The clock and the pause of the process; tests give their own. */
export type Pace = {
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
};

/** After so many seconds of waiting for a busy server the command ends, with everything kept. */
const longestWait = 900;

/** Waits between attempts over a connection that was lost. */
const reconnectDelays = [1000, 2000, 4000];

/**
 * Sends until there is an answer: after 429 and 503 it waits as Retry-After says, after a lost connection briefly and
 * three times at most. Only what is harmless to repeat may be given here.
 */
export async function persistently<T>(
  send: () => Promise<ServerAnswer<T>>,
  { now, sleep, progress }: Pace & { readonly progress: Progress },
): Promise<ServerAnswer<T>> {
  const started = now().getTime();
  const delays = [...reconnectDelays];
  for (;;) {
    const answer = await attempt(send, delays.length === 0);
    if (answer === null) {
      await sleep(delays.shift() ?? 0);
      continue;
    }
    if (answer.ok || (answer.status !== 429 && answer.status !== 503)) return answer;
    const seconds = answer.retryAfter ?? 5;
    const waited = (now().getTime() - started) / 1000;
    if (waited + seconds > longestWait) return answer;
    progress.note(`the server asks to wait ${seconds} s (${answer.problem.detail})`);
    await sleep(seconds * 1000);
  }
}

/** Null for a lost connection that may be tried again. A server that is not the right one is never tried again. */
async function attempt<T>(send: () => Promise<ServerAnswer<T>>, isLastTry: boolean): Promise<ServerAnswer<T> | null> {
  try {
    return await send();
  } catch (error) {
    if (isLastTry || error instanceof AgentFailure) throw error;
    return null;
  }
}
