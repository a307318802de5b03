// A renewal whose nonce was spent and whose octets nobody knows: somebody replays, or the first answer was lost before
// anything was recorded. Either way nothing is issued, and people hear of it.
import type { RenewalStore } from './records.ts';

/** Tells of it. The refusal itself is the nonce's. */
export const tellReplay =
  (ports: Pick<RenewalStore, 'recordNotice'>) =>
  async (input: {
    readonly lineageId: string;
    readonly deviceId: string;
    readonly bodySha256: string;
    readonly now: Date;
  }): Promise<void> => {
    const { lineageId, deviceId, bodySha256, now } = input;
    await ports.recordNotice({
      at: now,
      event: 'renewal.replayed',
      principal: `device:${deviceId}`,
      facts: { lineage: lineageId, body: bodySha256 },
      tell: { topic: 'alarm', key: lineageId },
    });
  };
