// What an agent says of its host beside certificates, as questions that monitoring asks. Pure.
import type { HostFacts } from './lineage-wire.ts';

/** The questions, by the names that monitoring knows. */
export const hostFactNames = [
  'tpm_present',
  'tpm_in_lockout',
  'disk_encrypted',
  'clevis_bound',
  'spire_agent_installed',
  'spire_agent_healthy',
  'keylime_agent_installed',
  'keylime_agent_listening',
] as const;

type HostFactName = (typeof hostFactNames)[number];

/** The answers; null: it cannot be told, or does not apply. */
export const hostFactValues = (facts: HostFacts): Readonly<Record<HostFactName, boolean | null>> => ({
  tpm_present: facts.tpm.present,
  tpm_in_lockout: facts.tpm.inLockout,
  disk_encrypted: facts.diskEncryption === 'unknown' ? null : facts.diskEncryption === 'luks',
  clevis_bound: facts.clevisBound,
  spire_agent_installed: facts.spireAgent.installed,
  spire_agent_healthy: facts.spireAgent.healthy,
  keylime_agent_installed: facts.keylimeAgent.installed,
  keylime_agent_listening: facts.keylimeAgent.listening,
});
