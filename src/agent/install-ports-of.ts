// The ports of an installation on a real host, from those that every command of the host side has.
import { randomBytes } from 'node:crypto';
import type { Tpm } from '../tpm2/command.ts';
import { akBlobs, type AgentState } from './agent-state.ts';
import type { InstallPorts } from './install-ports.ts';
import { rehearseSpire } from './spire-rehearsal.ts';
import { advised } from './tpm-advice.ts';
import type { TpmPasswords } from './tpm-endorsement.ts';

/** What a command has: `withTpm` opens the TPM of a spec, lends it, closes it. */
export type HostPorts = Omit<InstallPorts, 'rehearse'> & {
  readonly withTpm: <T>(spec: string, use: (tpm: Tpm) => Promise<T>) => Promise<T>;
  readonly passwords: TpmPasswords;
};

/** Rehearsals are certified by the attestation key of this host's state. */
export function installPortsOf(host: HostPorts, state: Pick<AgentState, 'tpm' | 'keys'>): InstallPorts {
  const { root, uid, now, sleep, progress, run, withTpm, passwords } = host;
  return {
    ...{ root, uid, now, sleep, progress, run },
    rehearse: (files) =>
      advised('rehearsing what SPIRE will do', () =>
        withTpm(state.tpm, (tpm) =>
          rehearseSpire(tpm, files, { ak: akBlobs(state.keys), passwords, nonce: new Uint8Array(randomBytes(32)) }),
        ),
      ),
  };
}
