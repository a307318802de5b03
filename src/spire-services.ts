// SPIRE at rotation as the API offers it, and the round that the server does by itself. Part of the composition root.
import type { Config } from './config.ts';
import type { SpireServices } from './http/services.ts';
import { finder } from './inventory-services.ts';
import type { Job } from './lifecycle/scheduler.ts';
import { confirmBySpireId } from './lifecycle/spire-confirm.ts';
import { spireRound } from './lifecycle/spire-round.ts';
import { spireAgents, spireOfDevice } from './lifecycle/spire-views.ts';
import { confirmingAs } from './lineage-services.ts';
import type { Logger } from './log.ts';
import { spireServer } from './probes/spire-server.ts';
import { certificatesIn } from './storage/certificates.ts';
import { deviceStore } from './storage/devices.ts';
import type { Database } from './storage/pool.ts';
import { spireStore } from './storage/spire.ts';

type SpireParts = { readonly db: Database; readonly config: Pick<Config, 'spire'> };

function portsOf({ db, config }: SpireParts) {
  const { spire: settings } = config;
  return {
    ...spireStore(db),
    settings,
    server: settings === null ? null : spireServer(settings),
    confirmAs: confirmingAs({ db }),
    findCertificate: finder({ certificates: certificatesIn(db) }),
    findDevice: deviceStore(db).findDevice,
  };
}

/** The operations over one database and one SPIRE server. */
export function spireServices(parts: SpireParts): SpireServices {
  const ports = portsOf(parts);
  const show = spireOfDevice(ports);
  const confirm = confirmBySpireId(ports);
  return {
    spireOfDevice: show,
    spireAgents: spireAgents(ports),
    confirmBySpireId: async (input, context) => {
      const confirmed = await confirm(input, context);
      if (!confirmed.ok) return confirmed;
      const plan = await show(confirmed.value.deviceId, context);
      if (plan === null) throw new Error(`device ${confirmed.value.deviceId} is gone`);
      return { ok: true, value: plan };
    },
  };
}

/** The round with the SPIRE server, when one may be asked. Several servers may do it: each step is harmless twice. */
export function spireJobs(parts: SpireParts & { readonly log: Logger; readonly now: () => Date }): readonly Job[] {
  const { settings, server, ...ports } = portsOf(parts);
  if (settings === null || server === null || settings.mode === 'print') return [];
  const onFault = (what: string, fault: { readonly detail: string }): void =>
    parts.log.warn('spire.failed', { what, detail: fault.detail });
  const round = spireRound({ ...ports, settings, server, onFault });
  return [{ name: 'spire', everySeconds: 60, run: () => round(parts.now()) }];
}
