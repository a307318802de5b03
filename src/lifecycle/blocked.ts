// A lineage that gets nothing, as a refusal.
import type { BlockedBecause } from '../domain/lineage.ts';
import type { Refusal } from '../domain/result.ts';

export type BlockedReason = 'deviceNotActive' | 'grantWithdrawn';

/** Why nothing is issued for the lineage. */
export const blockedRefusal = (because: BlockedBecause): Refusal<BlockedReason> =>
  because === 'notGranted'
    ? {
        reason: 'grantWithdrawn',
        detail: 'the device has no grant for this lineage any more',
        accepted: 'omens devices grants',
      }
    : {
        reason: 'deviceNotActive',
        detail: because === 'deviceRetired' ? 'the device is retired' : 'the device is suspended',
        accepted: because === 'deviceRetired' ? 'a new enrollment' : 'omens devices resume',
      };
