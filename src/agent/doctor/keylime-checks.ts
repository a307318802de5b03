// What can be wrong with the configuration of a Keylime agent: it is in a file that nobody reads, it holds options that
// nobody knows, the identity is not the TPM's, or a client may run programs.
import type { HostText } from './host-files.ts';
import { critical, type Finding, fine, warning } from './finding.ts';
import { type ConfOption, knownOptions, mistakenOptions, optionOf, parseConf } from './keylime-conf.ts';
import { isSha256Hex, isUuid } from '../../domain/identifiers.ts';

/** What is known beside the files. `hashEk` is the UUID of this host's TPM, null when it is not known. */
export type KeylimeFacts = {
  readonly agentConf: HostText | null;
  /** keylime-agent.conf: a name that no agent reads. */
  readonly otherConf: (HostText & { readonly isSameFile: boolean }) | null;
  readonly hashEk: string | null;
};

const path = '/etc/keylime/agent.conf';

/** The checks; none on a host without Keylime. */
export function keylimeFindings({ agentConf, otherConf, hashEk }: KeylimeFacts): readonly Finding[] {
  if (agentConf === null && otherConf === null) return [];
  if (agentConf === null) return [wrongName];
  const options = parseConf(agentConf.text);
  const found = [
    ...(otherConf === null || otherConf.isSameFile ? [] : [secondFile]),
    ...duplicates(options),
    ...strangers(options),
    ...uuidFindings(optionOf(options, 'uuid'), hashEk),
    ...payloadFindings(options),
    ...mtlsFindings(options),
  ];
  return found.length > 0 ? found : [fine('keylime-conf', { path, detail: 'read, and nothing wrong in it' })];
}

const wrongName = critical('keylime-conf-name', {
  path: '/etc/keylime/keylime-agent.conf',
  detail: `no agent reads a file of this name; without ${path} it runs on built-in values, with the UUID of the example`,
  fix: `mv /etc/keylime/keylime-agent.conf ${path} && systemctl restart keylime_agent`,
});

const secondFile = warning('keylime-conf-name', {
  path: '/etc/keylime/keylime-agent.conf',
  detail: `another file than ${path}, and no agent reads it`,
  fix: `diff ${path} /etc/keylime/keylime-agent.conf; keep what is right in agent.conf and remove the other`,
});

function duplicates(options: readonly ConfOption[]): readonly Finding[] {
  return options.flatMap((option, at) => {
    const first = options.findIndex(({ section, key }) => section === option.section && key === option.key);
    if (first === at) return [];
    const detail = `${option.key} stands in line ${options[first]?.line ?? 0} and in line ${option.line}: the agent refuses the file`;
    return [critical('keylime-conf-duplicate', { path, detail, fix: `keep one of the two lines of ${option.key}` })];
  });
}

function strangers(options: readonly ConfOption[]): readonly Finding[] {
  return options.flatMap(({ section, key, line }) => {
    if (section !== 'agent') {
      const detail = `section [${section}] with ${key} in line ${line}: the agent reads [agent] only`;
      return [warning('keylime-conf-unknown', { path, detail, fix: `move ${key} below [agent], or remove it` })];
    }
    if (knownOptions.has(key)) return [];
    const meant = mistakenOptions[key];
    const fix = meant === undefined ? `remove ${key}, or correct its name` : `write ${meant} instead of ${key}`;
    const detail = `the agent does not know ${key} (line ${line}) and ignores it without a word`;
    return [warning('keylime-conf-unknown', { path, detail, fix })];
  });
}

/** The examples that ship with Keylime, which two hosts then share. */
const placeholders: readonly string[] = ['d432fbb3-', '12345678-'];

function uuidFindings(uuid: ConfOption | null, hashEk: string | null): readonly Finding[] {
  const told = (detail: string): readonly Finding[] => [
    critical('keylime-uuid', {
      path,
      detail,
      fix: 'write uuid = "hash_ek" and restart the agent; then remove the old registration: keylime_tenant -c regdelete -u <old UUID>',
    }),
  ];
  if (uuid === null) return told('without uuid the agent takes the UUID of the example, which other hosts have too');
  const value = uuid.value.toLowerCase();
  if (value === 'hash_ek') return [];
  if (placeholders.some((start) => value.startsWith(start))) {
    return told(`uuid is the one of the example (${uuid.value}), which other hosts have too`);
  }
  if (value === 'generate') return told('uuid = "generate" makes a new identity at every start');
  if (isSha256Hex(value)) {
    if (hashEk === null || value === hashEk) return [];
    return told(`uuid is the hash of another TPM's key; this TPM's is ${hashEk}`);
  }
  if (isUuid(value)) {
    return told('uuid is a fixed one and says nothing of the TPM: a copied file makes two hosts one');
  }
  return told(`uuid = "${uuid.value}" is no keyword and no UUID: the agent draws a new identity at every start`);
}

const isOn = (option: ConfOption | null, otherwise: boolean): boolean =>
  option === null ? otherwise : option.value.toLowerCase() === 'true';

/** An archive that a client delivers is unpacked, and its script run as root, unless that is switched off. */
function payloadFindings(options: readonly ConfOption[]): readonly Finding[] {
  const script = optionOf(options, 'payload_script');
  const mayRun = isOn(optionOf(options, 'extract_payload_zip'), true) && (script === null || script.value !== '');
  const fix = 'write payload_script = "" and extract_payload_zip = false, and restart the agent';
  if (isOn(optionOf(options, 'enable_insecure_payload'), false)) {
    const detail = 'enable_insecure_payload takes payloads from anybody, without TLS';
    return [critical('keylime-payload', { path, detail, fix: `write enable_insecure_payload = false; ${fix}` })];
  }
  if (!mayRun) return [];
  const detail = 'whoever holds a client certificate that the agent trusts runs programs here as root (payload_script)';
  return [warning('keylime-payload', { path, detail, fix })];
}

function mtlsFindings(options: readonly ConfOption[]): readonly Finding[] {
  if (!isOn(optionOf(options, 'enable_agent_mtls'), true)) {
    const detail = 'enable_agent_mtls is off: the agent serves anybody';
    return [critical('keylime-mtls', { path, detail, fix: 'write enable_agent_mtls = true' })];
  }
  const missing = ['server_cert', 'server_key', 'trusted_client_ca'].filter((key) => {
    const option = optionOf(options, key);
    return option === null || option.value === 'default' || option.value === '';
  });
  if (missing.length === 0) return [];
  const detail = `${missing.join(', ')} at the built-in value: the agent makes a self-signed certificate and ignores the installed one`;
  const fix =
    'write server_cert = "/etc/keylime/certs/agent.crt", server_key = "/etc/keylime/certs/agent-pkcs8.key", and in trusted_client_ca the file with the root of the Keylime clients';
  return [warning('keylime-mtls', { path, detail, fix })];
}
