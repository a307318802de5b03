// Suspension, resumption and retirement of a device, with what becomes of its certificates, in one transaction.
import { revocationOfState } from '../domain/device.ts';
import type { DeviceState } from '../domain/device.ts';
import type { Database, Session } from './pool.ts';
import { revokeDevice } from './revocations.ts';
import { text } from './row.ts';
import { statement } from './statement.ts';

const changeState = statement<[string, DeviceState, string, Date], string>('change_device_state.sql', (row) =>
  text(row, 'id'),
);
const pullReplaced = statement<[string, Date, string], string>('pull_replaced_lineages.sql', (row) => text(row, 'id'));

/** Who changes it, and when. */
export type Change = { readonly by: string; readonly at: Date };

/**
 * Changes the state in the caller's transaction, and revokes or pulls what that means. False when there is no such device,
 * or it is retired and should not be.
 */
export async function changeDeviceStateIn(
  tx: Session,
  { id, state }: { readonly id: string; readonly state: DeviceState },
  { by, at }: Change,
): Promise<boolean> {
  const changed = await changeState(tx, [id, state, by, at]);
  if (changed.length === 0) return false;
  const reasonCode = revocationOfState(state);
  if (reasonCode === null) await pullReplaced(tx, [id, at, by]);
  else await revokeDevice(tx, id, { reasonCode, at, by });
  return true;
}

/** Changes of state in a database, as enrollment needs them. */
export const deviceStateStore = (db: Database) => ({
  changeDeviceState: (id: string, state: DeviceState, change: Change): Promise<boolean> =>
    db.transaction((tx) => changeDeviceStateIn(tx, { id, state }, change)),
});
