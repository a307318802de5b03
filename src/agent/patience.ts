// How often the agent tries again over a connection that was lost. Waits that a busy server asks for are client/'s.
import { ConnectionLost } from './connection-lost.ts';

/** The clock and the pause of the process; tests give their own. */
export type Pace = {
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
};

/** Waits before each further attempt. */
const reconnectDelays = [1000, 2000, 4000];

/** Sends until there is an answer, four times at most. Only what is harmless to repeat may be given here. */
export async function persistently<T>(send: () => Promise<T>, { sleep }: Pick<Pace, 'sleep'>): Promise<T> {
  for (const delay of reconnectDelays) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      await sleep(delay);
    }
  }
  return send();
}
