// Looks: what is not well is gathered, decided and recorded. This is what all of them need; what each looks at stands in
// look-at-*.ts. A look can be missed without loss: what is still not well is found by the next one.
import type { ChannelRules } from '../domain/message.ts';
import type { LookChange } from '../domain/look.ts';
import type { Condition, Standing } from '../domain/warning.ts';
import type { WarningPolicy } from '../domain/warning-policy.ts';
import type { WarningStore } from './warning-records.ts';

/** What every look needs. */
export type LookPorts = Pick<WarningStore, 'recordLook'> & {
  readonly channels: readonly ChannelRules[];
  readonly policy: WarningPolicy;
};

/** One look, at an instant; says what changed. */
export type Looking = (now: Date) => Promise<readonly LookChange[]>;

/** Records what was found of some conditions. `undecided`: subjects of which nothing can be said at the moment. */
export const record = (
  { recordLook, channels }: LookPorts,
  now: Date,
  found: {
    readonly conditions: readonly Condition[];
    readonly standings: readonly Standing[];
    readonly undecided?: readonly string[];
  },
): Promise<readonly LookChange[]> => recordLook({ ...found, at: now, channels });

/** An instant so long before another one. */
export const before = (instant: Date, seconds: number): Date => new Date(instant.getTime() - seconds * 1000);
