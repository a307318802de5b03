// What a command touches beside files: streams, environment, clock, and the way to the service. Tests bring their own.
import type { Service, ServiceSettings } from './service.ts';

export type World = {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** All of standard input, for secrets that are piped in. */
  readonly readStdin: () => Promise<string>;
  /** Whether a person watches stderr. */
  readonly isTerminal: boolean;
  /** Whether results may have colors: a person watches stdout, and did not ask for none (NO_COLOR). */
  readonly isColorful: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly openService: (settings: ServiceSettings) => Promise<Service>;
  /** Resolves when the process is asked to end (SIGTERM, SIGINT). */
  readonly untilToldToStop: () => Promise<void>;
};
