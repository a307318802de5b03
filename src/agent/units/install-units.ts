// Puts the systemd unit of this agent in place, or takes it away. It enables and starts nothing: that is said, and left to
// a person. Files below the root only; systemd is asked to read them anew where it runs and the root is its own.
import { readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { AgentConfig } from '../agent-config.ts';
import { ensureDirectory, placeFile } from '../durable-file.ts';
import { AgentFailure } from '../failure.ts';
import { usualLocalClient } from '../local-client.ts';
import type { RunCommand } from '../run-command.ts';
import type { Target } from '../target.ts';
import { DEFAULT_TPM_SPEC } from '../tpm-open.ts';
import { agentUnit, unitMark, unitName, unitPath } from './agent-unit.ts';

export type UnitPorts = {
  /** Stands for `/`. */
  readonly root: string;
  /** Interpreter and script of this command. */
  readonly command: readonly string[];
  readonly run: RunCommand;
};

export type UnitSources = {
  readonly config: Pick<AgentConfig, 'tpm' | 'ownerPasswordFile' | 'endorsementPasswordFile' | 'localClient'>;
  readonly targets: readonly Target[];
  /** The TPM that the host was enrolled with; null before. */
  readonly enrolledTpm: string | null;
};

/** What was done, and what a person does next. `path` as the host names it. */
export type UnitOutcome = {
  readonly path: string;
  readonly state: 'written' | 'unchanged' | 'removed' | 'absent';
  readonly next: readonly string[];
};

/** The text for this host. */
export async function unitFor(ports: Pick<UnitPorts, 'root' | 'command'>, sources: UnitSources): Promise<string> {
  const { config, targets, enrolledTpm } = sources;
  const { localClient, ownerPasswordFile, endorsementPasswordFile } = config;
  const { certificate, key } = usualLocalClient;
  const client = localClient === null ? [] : [localClient.certificate ?? certificate, localClient.key ?? key];
  const paths = [...targets.flatMap((target) => target.paths), ...client].filter((path) => !path.startsWith(ownState));
  const isNginx = targets.some(({ consumers }) => consumers.some(({ validate }) => validate?.[0] === 'nginx'));
  const credentials = [
    ['tpm-owner-password', ownerPasswordFile],
    ['tpm-endorsement-password', endorsementPasswordFile],
  ] as const;
  const usual = await Promise.all(
    credentials.map(async ([name, file]) => {
      const path = file ?? `etc/omens/${name}`;
      return (await exists(join(ports.root, path))) ? [[name, posix.join('/', path)] as const] : [];
    }),
  );
  return agentUnit({
    command: ports.command,
    writes: [...paths.map((path) => posix.join('/', posix.dirname(path))), ...(isNginx ? nginxWrites : [])],
    devices: devicesOf(config.tpm ?? enrolledTpm ?? DEFAULT_TPM_SPEC),
    credentials: usual.flat(),
  });
}

const ownState = 'var/lib/omens/agent/';

/** `nginx -t` opens its logs, its pid file and its temporary directories as the server would. */
const nginxWrites = ['/run', '/var/log/nginx', '/var/lib/nginx'];

const devicesOf = (spec: string): readonly string[] => {
  if (spec.startsWith('device:')) return [spec.slice('device:'.length)];
  return spec.startsWith('tcti:') ? ['/dev/tpmrm0', '/dev/tpm0'] : [];
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Writes it, 0644, whole or not at all. A unit of that name that this program did not write is left alone. */
export async function installUnit(ports: UnitPorts, sources: UnitSources): Promise<UnitOutcome> {
  const path = join(ports.root, unitPath);
  const before = await readOwn(path);
  for (const file of sources.targets.flatMap(({ paths }) => paths).filter((one) => !one.startsWith(ownState))) {
    // Under ProtectSystem=strict a directory that is missing now could not be made later.
    await ensureDirectory(join(ports.root, dirname(file)), 0o755);
  }
  const text = await unitFor(ports, sources);
  const next = [`systemctl enable --now ${unitName}`, `systemctl status ${unitName}`];
  if (before === text) return { path: `/${unitPath}`, state: 'unchanged', next };
  await ensureDirectory(dirname(path), 0o755);
  await placeFile({ path, content: text, mode: 0o644, owner: null });
  return { path: `/${unitPath}`, state: 'written', next: [...(await reloaded(ports)), ...next] };
}

/** Takes it away; the certificates and the agent's state stay. */
export async function removeUnit(ports: Pick<UnitPorts, 'root' | 'run'>): Promise<UnitOutcome> {
  const path = join(ports.root, unitPath);
  if ((await readOwn(path)) === null) return { path: `/${unitPath}`, state: 'absent', next: [] };
  await rm(path, { force: true });
  // What `systemctl enable` made; it could not be undone by `disable` once the unit is gone.
  await rm(join(dirname(path), 'multi-user.target.wants', unitName), { force: true });
  const next = [`systemctl stop ${unitName}`, `rm -rf /etc/systemd/system/${unitName}.d`];
  return { path: `/${unitPath}`, state: 'removed', next: [...next, ...(await reloaded(ports))] };
}

/** The unit's text, null when there is none. Throws when it is somebody else's. */
async function readOwn(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });
  if (text === null || text.startsWith(unitMark)) return text;
  throw new AgentFailure(`${path} was not written by this program; it was left alone`, {
    hints: [`move it away, or put what you want to change into ${unitName}.d/ and remove it`],
  });
}

/** Whether systemd runs on this very host: sd_booted(3). What could not be done is said as the next step. */
async function reloaded({ root, run }: Pick<UnitPorts, 'root' | 'run'>): Promise<readonly string[]> {
  const command = ['systemctl', 'daemon-reload'] as const;
  if (root !== '/' || !(await exists('/run/systemd/system'))) return [command.join(' ')];
  return (await run(command, 60)).ok ? [] : [command.join(' ')];
}
