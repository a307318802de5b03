// Real registrar and verifier of Keylime for the tests of this suite: Python's module `keylime`, found by KEYLIME_PYTHON or
// as python3 on the PATH, never installed by us.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

/** A Python that has Keylime. */
const keylimePython = (): string => process.env['KEYLIME_PYTHON'] ?? 'python3';

export type KeylimeFiles = {
  readonly directory: string;
  /** Of certificates and keys. */
  readonly tlsDirectory: string;
  readonly ports: { readonly registrarHttp: number; readonly registrar: number; readonly verifier: number };
};

const stores = `durable_attestation_import =
persistent_store_url =
transparency_log_url =
time_stamp_authority_url =
time_stamp_authority_certs_path =
persistent_store_format = json
persistent_store_encoding =
transparency_log_sign_algo = sha256
signed_attributes =
`;

/** Settings that both have; certificates are files of the directory. */
const common = ({ tlsDirectory }: KeylimeFiles): string => `version = 2.6
ip = "127.0.0.1"
tls_dir = ${tlsDirectory}
server_key = registrar.key
server_key_password =
server_cert = whole.pem
cert_subject_alternative_names =
trusted_client_ca = ["authorities.pem"]
authorization_provider = simple
database_url = sqlite
database_pool_sz_ovfl = 5,10
max_workers = 4
auto_migrate_db = True
${stores}`;

function configure(files: KeylimeFiles): Readonly<Record<string, string>> {
  const { directory, ports } = files;
  const registrar = `[registrar]
port = ${ports.registrarHttp}
tls_port = ${ports.registrar}
tpm_identity = default
malformed_cert_action = warn
${common(files)}`;
  const verifier = `[verifier]
uuid = default
port = ${ports.verifier}
registrar_ip = 127.0.0.1
registrar_port = ${ports.registrar}
enable_agent_mtls = True
client_key = monitor.key
client_key_password =
client_cert = monitor.crt
trusted_server_ca = ["authorities.pem"]
num_workers = 1
exponential_backoff = True
retry_interval = 2
max_retries = 5
quote_interval = 2
max_upload_size = 104857600
request_timeout = 60.0
measured_boot_policy_name = accept-all
measured_boot_imports = []
measured_boot_evaluate = once
severity_labels = ["info", "emergency"]
severity_policy = [{"event_id": ".*", "severity_label": "emergency"}]
ignore_tomtou_errors = False
require_allow_list_signatures = False
mode = pull
challenge_lifetime = 1800
verification_timeout = 0
session_create_rate_limit_per_ip = 50
session_create_rate_limit_window_ip = 60
session_create_rate_limit_per_agent = 15
session_create_rate_limit_window_agent = 60
session_lifetime = 180
extend_token_on_attestation = True
auto_recover_attestation_failures = False
shutdown_drain_timeout = 1
${common(files)}[revocations]
enabled_revocation_notifications = []
zmq_ip = 127.0.0.1
zmq_port = 1
webhook_url =
`;
  const logging = `[logging]
version = 2.6
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[formatter_plain]
format = %(name)s %(levelname)s %(message)s
[logger_root]
level = INFO
handlers = console
[handler_console]
class = StreamHandler
level = INFO
formatter = plain
args = (sys.stdout,)
`;
  const written = { registrar, verifier, logging, tenant: '[tenant]\nversion = 2.6\n', ca: '[ca]\nversion = 2.6\n' };
  mkdirSync(join(directory, 'data'), { recursive: true });
  const env: Record<string, string> = { KEYLIME_DIR: join(directory, 'data') };
  for (const [name, text] of Object.entries(written)) {
    env[`KEYLIME_${name.toUpperCase()}_CONFIG`] = join(directory, `${name}.conf`);
    writeFileSync(join(directory, `${name}.conf`), text);
  }
  return env;
}

async function start(name: 'registrar' | 'verifier', env: NodeJS.ProcessEnv, port: number) {
  const child: ChildProcess = spawn(keylimePython(), ['-m', `keylime.cmd.${name}`], { env, detached: true });
  let log = '';
  child.stdout?.on('data', (text: Buffer) => void (log += text.toString()));
  child.stderr?.on('data', (text: Buffer) => void (log += text.toString()));
  for (let left = 200; !(await isOpen(port)); left -= 1) {
    if (left === 0 || child.exitCode !== null) throw new Error(`the ${name} does not come up:\n${log.slice(-4000)}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  // Its workers are processes of its group.
  return async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null) {
      process.kill(-child.pid, 'SIGKILL');
      await once(child, 'exit');
    }
  };
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });

/** Both, listening; agents are put into their databases by `fill`, since none of this suite has a TPM. */
export async function startKeylime(files: KeylimeFiles) {
  const env = { ...process.env, ...configure(files) };
  const stops = [
    await start('registrar', env, files.ports.registrar),
    await start('verifier', env, files.ports.verifier),
  ];
  return {
    fill: (registered: readonly string[], verified: Readonly<Record<string, number>>): void => {
      const input = JSON.stringify({ registered, verified, data: join(files.directory, 'data') });
      execFileSync(keylimePython(), ['-c', filling], { input });
    },
    stop: async (): Promise<void> => {
      for (const stop of stops) await stop();
    },
  };
}

const filling = `import json, sqlite3, sys, time
told = json.load(sys.stdin)
with sqlite3.connect(told['data'] + '/reg_data.sqlite') as registrar:
    for agent in told['registered']:
        registrar.execute("insert or replace into registrarmain (agent_id, active, virtual, regcount, ip, port) values (?, 0, 0, 1, '127.0.0.1', 9002)", (agent,))
with sqlite3.connect(told['data'] + '/cv_data.sqlite') as verifier:
    verifier.execute("insert or replace into mbpolicies (id, name) values (1, 'x')")
    verifier.execute("insert or replace into allowlists (id, name) values (1, 'x')")
    for agent, state in told['verified'].items():
        verifier.execute("insert or replace into verifiermain (agent_id, v, ip, port, operational_state, verifier_id, attestation_count, last_successful_attestation, mb_policy_id, ima_policy_id, tpm_policy, accept_attestations) values (?, 'c2VjcmV0LXNoYXJl', '127.0.0.1', 9002, ?, 'default', 7, ?, 1, 1, '{}', 1)", (agent, state, int(time.time())))
`;
