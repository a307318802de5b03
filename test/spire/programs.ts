// Real spire-server and spire-agent for the tests of this suite: found on the PATH or in SPIRE_BIN, never installed by us.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A program of SPIRE, by SPIRE_BIN or the PATH. */
export const spireProgram = (name: 'spire-server' | 'spire-agent'): string => {
  const directory = process.env['SPIRE_BIN'] ?? '';
  return directory === '' ? name : join(directory, name);
};

export type Running = { readonly log: () => string; readonly stop: () => Promise<void> };

function running(child: ChildProcess): Running {
  let log = '';
  child.stdout?.on('data', (text: Buffer) => void (log += text.toString()));
  child.stderr?.on('data', (text: Buffer) => void (log += text.toString()));
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await once(child, 'exit');
    clearTimeout(timer);
  };
  return { log: () => log, stop };
}

/** A server on a loopback port that takes DevIDs of `devidCa` from TPMs of `endorsementCa` (paths of PEM files). */
export async function startSpireServer(
  directory: string,
  { port, devidCa, endorsementCa }: { readonly port: number; readonly devidCa: string; readonly endorsementCa: string },
): Promise<Running> {
  await mkdir(join(directory, 'server'), { recursive: true });
  const file = join(directory, 'server.conf');
  await writeFile(
    file,
    `server {
  bind_address = "127.0.0.1"
  bind_port = "${port}"
  trust_domain = "funlab.casa"
  data_dir = "${directory}/server"
  socket_path = "${directory}/api.sock"
  log_level = "INFO"
}
plugins {
  DataStore "sql" {
    plugin_data {
      database_type = "sqlite3"
      connection_string = "${directory}/server/data.sqlite3"
    }
  }
  KeyManager "memory" {
    plugin_data {}
  }
  NodeAttestor "tpm_devid" {
    plugin_data {
      devid_ca_path = "${devidCa}"
      endorsement_ca_path = "${endorsementCa}"
    }
  }
}
`,
  );
  return running(spawn(spireProgram('spire-server'), ['run', '-config', file], { stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** An agent that attests with the DevID files in `devid` on the software TPM at `socketPath`. */
export async function startSpireAgent(
  directory: string,
  facts: { readonly port: number; readonly bundle: string; readonly devid: string; readonly socketPath: string },
): Promise<Running> {
  await mkdir(join(directory, 'agent'), { recursive: true });
  const file = join(directory, 'agent.conf');
  await writeFile(
    file,
    `agent {
  data_dir = "${directory}/agent"
  server_address = "127.0.0.1"
  server_port = "${facts.port}"
  socket_path = "${directory}/agent.sock"
  trust_bundle_path = "${facts.bundle}"
  trust_domain = "funlab.casa"
  log_level = "INFO"
}
plugins {
  KeyManager "memory" {
    plugin_data {}
  }
  WorkloadAttestor "unix" {
    plugin_data {}
  }
  NodeAttestor "tpm_devid" {
    plugin_data {
      tpm_device_path = "${facts.socketPath}"
      devid_cert_path = "${facts.devid}/devid.crt"
      devid_priv_path = "${facts.devid}/devid.priv.blob"
      devid_pub_path = "${facts.devid}/devid.pub.blob"
    }
  }
}
`,
  );
  return running(spawn(spireProgram('spire-agent'), ['run', '-config', file], { stdio: ['ignore', 'pipe', 'pipe'] }));
}
