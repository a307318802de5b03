// What a host's own files say of the programs on it: systemd units, accounts, and where Keylime and SPIRE listen. Read
// below a root that stands for `/`; nothing is asked of a running system.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Accounts, readAccounts } from './accounts.ts';

/** Where a program listens, as its own configuration says. */
export type Listener = { readonly host: string; readonly port: number };

export type HostFacts = {
  /** False under `--root`: then no program of this machine is told anything that agent.yaml does not say. */
  readonly isRealRoot: boolean;
  /** Names of unit files, `nginx.service`. */
  readonly units: ReadonlySet<string>;
  readonly accounts: Accounts;
  readonly keylimeAgent: Listener;
  readonly keylimeVerifier: Listener;
  readonly keylimeRegistrar: Listener;
  /** The health page of the SPIRE agent, null where its configuration turns none on. */
  readonly spireReadyUrl: string | null;
};

/** Where systemd looks for units, below the root; the first one counts. */
export const unitDirectories: readonly string[] = [
  ...['etc/systemd/system', 'run/systemd/system', 'usr/local/lib/systemd/system', 'usr/lib/systemd/system'],
  'lib/systemd/system',
];

const spireConfigurations = [
  ...['etc/spire/agent.conf', 'etc/spire/agent/agent.conf', 'opt/spire/conf/agent/agent.conf'],
  ...['opt/spire/conf/agent.conf', 'etc/spire/agent.hcl'],
];

/** Reads all of it; a file that is absent says nothing. */
export async function hostFacts(root: string): Promise<HostFacts> {
  const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '');
  const listed = await Promise.all(unitDirectories.map((path) => readdir(join(root, path)).catch(() => [])));
  const spire = await Promise.all(spireConfigurations.map(read));
  const [agent, verifier, registrar] = await Promise.all([
    read('etc/keylime/agent.conf'),
    read('etc/keylime/verifier.conf'),
    read('etc/keylime/registrar.conf'),
  ]);
  return {
    isRealRoot: root === '/',
    units: new Set(listed.flat().filter((name) => name.endsWith('.service'))),
    accounts: await readAccounts(root),
    keylimeAgent: listenerIn(agent, 'port', 9002),
    keylimeVerifier: listenerIn(verifier, 'port', 8881),
    keylimeRegistrar: listenerIn(registrar, 'tls_port', 8891),
    spireReadyUrl: spire.map(readyUrlIn).find((url) => url !== null) ?? null,
  };
}

/** `ip` and a port of a Keylime file (TOML or INI); an address of any interface is asked on the loopback one. */
export function listenerIn(text: string, portKey: string, usualPort: number): Listener {
  const value = (key: string): string | null =>
    new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*["']?([^"'\\s#]+)`, 'm').exec(text)?.[1] ?? null;
  const ip = value('ip') ?? '127.0.0.1';
  const port = Number(value(portKey));
  return {
    host: ip === '0.0.0.0' || ip === '::' || ip === '*' ? '127.0.0.1' : ip,
    port: Number.isInteger(port) && port > 0 && port < 65536 ? port : usualPort,
  };
}

/** The ready page in SPIRE's HCL (`health_checks`), null when it is not turned on. */
export function readyUrlIn(text: string): string | null {
  const withoutComments = text.replace(/^\s*(?:#|\/\/).*$/gm, '');
  const block = /\bhealth_checks\s*(?:=\s*)?\{([^}]*)\}/.exec(withoutComments)?.[1];
  const value = (key: string): string | null =>
    new RegExp(`\\b${key}\\s*=\\s*"?([^"\\s]+)"?`).exec(block ?? '')?.[1] ?? null;
  if (value('listener_enabled') !== 'true') return null;
  const address = value('bind_address') ?? 'localhost';
  const host = address === '0.0.0.0' ? '127.0.0.1' : address;
  return `http://${host}:${value('bind_port') ?? '80'}${value('ready_path') ?? '/ready'}`;
}
