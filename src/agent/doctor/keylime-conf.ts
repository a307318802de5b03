// Reads the configuration file of a Keylime agent as its program does, as far as the doctor must know: sections, options,
// where each stands, what stands twice. Not a TOML reader: a value is what stands between quotes, or the bare word.

/** One option; `line` counts from 1. */
export type ConfOption = {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly line: number;
};

/** Every option in order, those that stand twice too. */
export function parseConf(text: string): readonly ConfOption[] {
  let section = '';
  return text.split('\n').flatMap((line, at) => {
    const heading = /^\s*\[([^\]]{1,80})\]/.exec(line);
    if (heading?.[1] !== undefined) {
      section = heading[1].trim();
      return [];
    }
    const option = /^\s*([A-Za-z0-9_.-]{1,80})\s*[=:]\s*(.*)$/.exec(line);
    if (option?.[1] === undefined || option[2] === undefined) return [];
    return [{ section, key: option[1], value: valueOf(option[2]), line: at + 1 }];
  });
}

function valueOf(text: string): string {
  const quoted = /^"([^"]*)"|^'([^']*)'/.exec(text.trim());
  return (quoted?.[1] ?? quoted?.[2] ?? text.replace(/\s+#.*$/, '')).trim();
}

/** The last value of an option of `[agent]`, as the program sees it; null when it is not there. */
export const optionOf = (options: readonly ConfOption[], key: string): ConfOption | null =>
  options.findLast((option) => option.section === 'agent' && option.key === key) ?? null;

/** Options of `[agent]` that some released or private version of the agent reads. */
export const knownOptions: ReadonlySet<string> = new Set(
  `version uuid ip port contact_ip contact_port registrar_ip registrar_port enable_agent_mtls keylime_dir server_key
  server_key_password server_cert trusted_client_ca enc_keyname dec_payload_file secure_size extract_payload_zip
  enable_revocation_notifications revocation_actions_dir revocation_notification_ip revocation_notification_port
  revocation_cert revocation_actions payload_script enable_insecure_payload allow_payload_revocation_actions tpm_hash_alg
  tpm_encryption_alg tpm_signing_alg ek_handle enable_iak_idevid iak_idevid_template iak_idevid_asymmetric_alg
  iak_idevid_name_alg idevid_password idevid_handle iak_password iak_handle iak_cert idevid_cert tpm_ownerpassword run_as
  agent_data_path ima_ml_path measuredboot_ml_path api_versions payload_key payload_key_password
  registrar_tls_enabled registrar_tls_ca_cert registrar_tls_client_cert registrar_tls_client_key registrar_api_versions
  verifier_url verifier_tls_ca_cert verifier_tls_client_cert verifier_tls_client_key attestation_interval_seconds
  certification_keys_server_identifier ima_ml_count_file uefi_logs_evidence_version
  exponential_backoff_initial_delay exponential_backoff_max_retries exponential_backoff_max_delay
  ima_ml_directory_path disabled_signing_algorithms tls_accept_invalid_certs tls_accept_invalid_hostnames`.split(/\s+/),
);

/** What people wrote instead of the option that the agent reads. */
export const mistakenOptions: Readonly<Record<string, string>> = {
  mtls_cert: 'server_cert',
  mtls_private_key: 'server_key',
  mtls_ca_cert: 'trusted_client_ca',
  registrar_tls_dir: 'registrar_tls_ca_cert',
  cloudagent_ip: 'ip',
  agent_contact_ip: 'contact_ip',
  agent_contact_port: 'contact_port',
  receive_revocation_ip: 'revocation_notification_ip',
};
