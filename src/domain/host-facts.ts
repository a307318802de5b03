// What an agent says of its host beside certificates, as it travels in a report. `null` or `unknown`: it could not tell.

export type HostFacts = {
  readonly tpm: {
    readonly present: boolean;
    readonly inLockout: boolean | null;
    /** Wrong passwords so far, and how many lock it. */
    readonly lockoutCounter: number | null;
    readonly maxAuthFail: number | null;
  };
  /** Of `/` or `/var`. */
  readonly diskEncryption: 'luks' | 'none' | 'unknown';
  /** Whether Clevis opens that disk, by the TPM or a server. */
  readonly clevisBound: boolean | null;
  readonly spireAgent: { readonly installed: boolean; readonly healthy: boolean | null };
  readonly keylimeAgent: { readonly installed: boolean; readonly listening: boolean | null };
};

/** The yes-or-no of it that monitoring asks for, by the name that monitoring knows; null: it cannot be told, or does not apply. */
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

export type HostFactName = (typeof hostFactNames)[number];

/** Each fact by its name. */
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
