// Warnings as the API and the operator page offer them. Part of the composition root: nothing is decided here.
import type { WarningServices } from './http/warning-services.ts';
import { acknowledgeWarning, listDeliveries, listWarnings, showWarning, snoozeWarning } from './lifecycle/warnings.ts';
import { deliveryStore } from './storage/deliveries.ts';
import type { Database } from './storage/pool.ts';
import { warningStore } from './storage/warnings.ts';

/** The operations over one database. */
export function warningServices({ db }: { readonly db: Database }): WarningServices {
  const ports = { ...deliveryStore(db), ...warningStore(db) };
  return {
    listWarnings: listWarnings(ports),
    showWarning: showWarning(ports),
    acknowledgeWarning: acknowledgeWarning(ports),
    snoozeWarning: snoozeWarning(ports),
    listDeliveries: listDeliveries(ports),
  };
}
