// The one failure of the host side that is worth trying again.
import { AgentFailure } from './failure.ts';

/** No answer came, or none that can be read: whether the server acted is not known. */
export class ConnectionLost extends AgentFailure {
  constructor(detail: string) {
    super(`the server cannot be reached: ${detail}`, {
      hints: ['everything reached so far is kept: run the command again'],
    });
  }
}
