// The texts of a host that the checks read: Keylime's and SPIRE's configuration, units, environment files, cron tables, and
// which programs stand where. Gathered once, bounded, below the root.
import { posix } from 'node:path';
import { unitDirectories } from '../host-facts.ts';
import { type HostFiles, type HostText, openHostFiles } from './host-files.ts';

/** A unit by name; `text` is what systemd reads: the unit of /etc before that of the distribution, then its drop-ins. */
export type UnitFile = HostText & { readonly name: string };

export type HostScene = {
  readonly agentConf: HostText | null;
  readonly otherConf: (HostText & { readonly isSameFile: boolean }) | null;
  /** SPIRE's configuration files. */
  readonly spire: readonly HostText[];
  readonly units: readonly UnitFile[];
  /** Units that a `.wants` or `.requires` directory of /etc links to. */
  readonly enabled: ReadonlySet<string>;
  /** Files that set variables for services or shells. */
  readonly environments: readonly HostText[];
  readonly crontabs: readonly HostText[];
  /** Paths of programs and scripts in the places where people put their own. */
  readonly programs: readonly string[];
  /** Those of the paths that were asked after and are there. */
  readonly present: ReadonlySet<string>;
};

const spireDirectories = [
  '/etc/spire',
  '/etc/spire/agent',
  '/etc/spire/server',
  '/opt/spire/conf',
  '/opt/spire/conf/agent',
  '/opt/spire/conf/server',
];
const cronDirectories = [
  '/etc/cron.d',
  '/etc/cron.hourly',
  '/etc/cron.daily',
  '/etc/cron.weekly',
  '/var/spool/cron/crontabs',
  '/var/spool/cron',
];
const environmentDirectories = ['/etc/default', '/etc/sysconfig', '/etc/profile.d', '/etc/openbao', '/etc/keylime'];
const programDirectories = [
  '/usr/local/bin',
  '/usr/local/sbin',
  '/opt/keylime/bin',
  '/opt/spire/bin',
  '/root',
  '/root/bin',
  '/root/scripts',
];

/** Reads them; `asked` are further paths whose presence matters. */
export async function observeHost(root: string, asked: readonly string[]): Promise<HostScene> {
  const files = await openHostFiles(root);
  const texts = async (directories: readonly string[], name: RegExp): Promise<readonly HostText[]> =>
    (await Promise.all(directories.map((directory) => textsIn(files, directory, name)))).flat();
  const present = await Promise.all(asked.map(async (path) => ((await files.exists(path)) ? [path] : [])));
  const listed = async (directory: string): Promise<readonly string[]> =>
    (await files.list(directory)).map((name) => posix.join(directory, name));
  const single = await Promise.all(['/etc/environment', '/etc/crontab'].map((path) => files.text(path)));
  const [environment = null, crontab = null] = single;
  return {
    ...(await keylimeConf(files)),
    spire: await texts(spireDirectories, /\.(?:conf|hcl)$/),
    units: await readUnits(files),
    enabled: await enabledUnits(files),
    environments: [
      ...(await texts(environmentDirectories, /^[^.]|\.env$/)),
      ...(environment === null ? [] : [environment]),
    ],
    crontabs: [...(await texts(cronDirectories, /^[^.]/)), ...(crontab === null ? [] : [crontab])],
    programs: (await Promise.all(programDirectories.map(listed))).flat(),
    present: new Set(present.flat()),
  };
}

async function textsIn(files: HostFiles, directory: string, name: RegExp): Promise<readonly HostText[]> {
  const names = (await files.list(directory)).filter((one) => name.test(one));
  const read = await Promise.all(names.map((one) => files.text(posix.join(directory, one))));
  return read.filter((text) => text !== null);
}

async function keylimeConf(files: HostFiles): Promise<Pick<HostScene, 'agentConf' | 'otherConf'>> {
  const read = async (path: string): Promise<(HostText & { readonly realPath: string }) | null> => {
    const file = await files.read(path);
    return file === null ? null : { path, realPath: file.realPath, text: Buffer.from(file.content).toString('utf8') };
  };
  const [agentConf, otherConf] = [await read('/etc/keylime/agent.conf'), await read('/etc/keylime/keylime-agent.conf')];
  return {
    agentConf,
    otherConf: otherConf === null ? null : { ...otherConf, isSameFile: otherConf.realPath === agentConf?.realPath },
  };
}

async function readUnits(files: HostFiles): Promise<readonly UnitFile[]> {
  const units = new Map<string, UnitFile>();
  for (const directory of unitDirectories) {
    for (const { path, text } of await textsIn(files, `/${directory}`, /\.(?:service|timer)$/)) {
      const name = posix.basename(path);
      if (!units.has(name)) units.set(name, { name, path, text });
    }
  }
  for (const directory of (await files.list('/etc/systemd/system')).filter((one) =>
    /\.(?:service|timer)\.d$/.test(one),
  )) {
    const unit = units.get(directory.slice(0, -2));
    if (unit === undefined) continue;
    const parts = await textsIn(files, posix.join('/etc/systemd/system', directory), /\.conf$/);
    units.set(unit.name, { ...unit, text: [unit.text, ...parts.map(({ text }) => text)].join('\n') });
  }
  return [...units.values()];
}

async function enabledUnits(files: HostFiles): Promise<ReadonlySet<string>> {
  const top = '/etc/systemd/system';
  const directories = (await files.list(top)).filter((name) => /\.(?:wants|requires)$/.test(name));
  const links = await Promise.all(directories.map((name) => files.list(posix.join(top, name))));
  return new Set(links.flat());
}
