// agent.yaml of this host: the only source of targets, paths, hooks and commands. Read whole; every fault is named. Which
// presets there are, and what they know, is in targets.ts.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compileSchema, faultLines, type FileFault, readYaml } from '../checked-yaml.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { KnownAnchor } from '../domain/trust-bundle.ts';
import {
  type AgentFile,
  agentFileSchema,
  type CheckEntry,
  type HooksEntry,
  type TargetEntry,
} from './agent-config-schema.ts';
import { AgentFailure } from './failure.ts';
import type { CommandLine, PostCheck } from './target.ts';
import { parseTpmSpec } from './tpm-open.ts';

/** How a program is told, as the file says; null where it says nothing. */
export type Hooks = {
  readonly validate: CommandLine | null;
  readonly reload: CommandLine | null;
  readonly settleSeconds: number | null;
  readonly checks: readonly PostCheck[] | null;
};

/** One target as the file says; null and empty where the preset decides. Paths are relative to the root. */
export type TargetConfig = {
  readonly preset: string;
  readonly name: string | null;
  readonly profile: string | null;
  readonly place: string | null;
  readonly dnsNames: readonly string[] | null;
  readonly rekey: boolean | null;
  readonly certificate: string | null;
  readonly key: string | null;
  readonly chain: string | null;
  readonly hooks: Hooks | null;
  readonly readableBy: readonly string[];
  readonly owner: { readonly user: string; readonly group: string } | null;
  readonly mode: number | null;
};

/** The whole file, with what stands for absent keys. */
export type AgentConfig = {
  readonly tpm: string | null;
  readonly ownerPasswordFile: string | null;
  readonly endorsementPasswordFile: string | null;
  /** The longest pause between two looks at this host's own files. */
  readonly checkEverySeconds: number;
  /** Certificates are fetched when their window opens and put in place at their instant; else both at that instant. */
  readonly stageEarly: boolean;
  /** Whether a host whose keys are lost enrolls anew by itself once a certificate is late. */
  readonly recover: 'auto' | 'manual';
  /** Roots that this host's administrator trusts, by SHA-256 in lower-case hex. */
  readonly trustFingerprints: readonly KnownAnchor[];
  readonly targets: readonly TargetConfig[];
  /** Names of programs: those named are told first, in this order. */
  readonly order: readonly string[];
  readonly programs: ReadonlyMap<string, Hooks>;
  /** The certificate by which a program of this host asks the local Keylime agent; null unless it is wanted. */
  readonly localClient: {
    readonly certificate: string | null;
    readonly key: string | null;
    readonly readableBy: readonly string[];
  } | null;
  readonly doctor: { readonly ignore: readonly string[] };
};

/** Where it lies below the root. */
const agentConfigFile = 'etc/omens/agent.yaml';

const usualCheckEverySeconds = 3600;

const validate = compileSchema<AgentFile>(agentFileSchema);

/**
 * Reads `file`, or the usual one below `root`, which may be absent: then the targets are a Keylime agent and a DevID.
 * Throws `AgentFailure` with every fault.
 */
export async function loadAgentConfig(root: string, file?: string): Promise<AgentConfig> {
  const path = file ?? join(root, agentConfigFile);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && file === undefined) return '';
    throw new AgentFailure(`cannot read ${path}: ${message}`, { cause: error });
  });
  const config = parseAgentConfig(text, path);
  if (config.ok) return config.value;
  throw new AgentFailure(`${path} is not accepted; nothing was done`, { hints: faultLines(config.error).split('\n') });
}

/** The text of such a file; every fault at once. */
export function parseAgentConfig(text: string, name: string): Result<AgentConfig, readonly FileFault[]> {
  const read = readYaml(name, text, validate);
  if (!read.ok) return read;
  const faults = ruleFaults(read.value).map(
    ([field, detail, accepted]): FileFault => ({ reason: 'ruleBroken', field: `${name}: ${field}`, detail, accepted }),
  );
  return faults.length > 0 ? err(faults) : ok(configOf(read.value));
}

const defaultTargets: readonly TargetEntry[] = [{ preset: 'keylime-agent' }, { preset: 'devid' }];

function configOf(file: AgentFile): AgentConfig {
  const { localClient, programs = {} } = file;
  const { certificate, key, readableBy = [] } = localClient ?? {};
  return {
    tpm: file.tpm ?? null,
    ownerPasswordFile: file.ownerPasswordFile ?? null,
    endorsementPasswordFile: file.endorsementPasswordFile ?? null,
    checkEverySeconds: file.checkEverySeconds ?? usualCheckEverySeconds,
    stageEarly: file.stageEarly ?? false,
    recover: file.recover ?? 'auto',
    trustFingerprints: file.trustFingerprints?.map(anchorOf) ?? [],
    targets: (file.targets ?? defaultTargets).map(targetConfig),
    order: file.order ?? [],
    programs: new Map(Object.entries(programs).map(([name, hooks]) => [name, hooksOf(hooks)])),
    localClient:
      localClient === undefined || localClient.enabled === false
        ? null
        : { certificate: belowRoot(certificate), key: belowRoot(key), readableBy },
    doctor: { ignore: file.doctor?.ignore ?? [] },
  };
}

/** `keylime-control=HEX`; a digest without a domain is that of a root of the estate. */
const anchorOf = (text: string): KnownAnchor => ({
  domain: text.startsWith('keylime-control=') ? 'keylime-control' : 'estate',
  sha256: text.slice(-64),
});

const belowRoot = (path: string | undefined): string | null => path?.slice(1) ?? null;

function targetConfig(entry: TargetEntry): TargetConfig {
  const { preset, name, profile, place, dnsNames, rekey, hooks, checks, owner, mode, readableBy = [] } = entry;
  const [user = '', group = ''] = owner?.split(':') ?? [];
  return {
    ...{ preset, name: name ?? null, profile: profile ?? null, place: place ?? null },
    ...{ dnsNames: dnsNames?.map((one) => one.toLowerCase()) ?? null, rekey: rekey ?? null },
    ...{ certificate: belowRoot(entry.certificate), key: belowRoot(entry.key), chain: belowRoot(entry.chain) },
    hooks: hooks === undefined && checks === undefined ? null : hooksOf({ ...hooks, ...(checks ? { checks } : {}) }),
    readableBy,
    owner: owner === undefined ? null : { user, group },
    mode: mode === undefined ? null : Number.parseInt(mode, 8),
  };
}

const hooksOf = ({ validate: first, reload, settleSeconds, checks }: HooksEntry): Hooks => ({
  validate: first === undefined ? null : commandLine(first),
  reload: reload === undefined ? null : commandLine(reload),
  settleSeconds: settleSeconds ?? null,
  checks: checks?.flatMap(postChecks) ?? null,
});

function commandLine([program = '', ...rest]: readonly string[]): CommandLine {
  return [program, ...rest];
}

const usualWithinSeconds = 30;

/** The one check that an entry names. */
function postChecks(entry: CheckEntry): readonly PostCheck[] {
  const { tcp, url, served, command, serverName = null, withinSeconds = usualWithinSeconds } = entry;
  if (tcp !== undefined) return [{ kind: 'tcp', ...hostAndPort(tcp), withinSeconds }];
  if (url !== undefined) return [{ kind: 'url', url, withinSeconds }];
  if (served !== undefined) return [{ kind: 'served', ...hostAndPort(served), serverName, withinSeconds }];
  return command === undefined ? [] : [{ kind: 'command', command: commandLine(command), withinSeconds }];
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

type RuleFault = readonly [field: string, detail: string, accepted: string];

/** What a schema cannot say. */
function ruleFaults(file: AgentFile): readonly RuleFault[] {
  const targets = file.targets ?? [];
  const spec = file.tpm === undefined ? null : parseTpmSpec(file.tpm);
  const faults: RuleFault[] = spec?.ok === false ? [['/tpm', spec.error.detail, spec.error.accepted ?? '']] : [];
  for (const [at, target] of targets.entries()) {
    const field = `/targets/${at}`;
    const name = target.name ?? target.preset;
    if (targets.findIndex((other) => (other.name ?? other.preset) === name) < at) {
      faults.push([field, `there is another target called "${name}"`, 'a name of its own for each target']);
    }
    if (target.preset === 'own-directory' && target.profile === undefined) {
      faults.push([field, 'own-directory serves any profile and none is named', 'profile: NAME']);
    }
    if (target.preset === 'devid' && (target.key ?? target.certificate ?? target.chain) !== undefined) {
      faults.push([field, 'the files of a DevID are where its readers look for them', 'no certificate, key or chain']);
    }
    faults.push(...checkFaults([...(target.checks ?? []), ...(target.hooks?.checks ?? [])], field));
  }
  const programs = Object.entries(file.programs ?? {});
  return [...faults, ...programs.flatMap(([name, { checks = [] }]) => checkFaults(checks, `/programs/${name}`))];
}

const checkFaults = (checks: readonly CheckEntry[], field: string): readonly RuleFault[] =>
  checks.flatMap(({ tcp, url, served, command, serverName }): readonly RuleFault[] => {
    const named = [tcp, url, served, command].filter((one) => one !== undefined).length;
    const ports = [tcp, served].filter((one) => one !== undefined).map((one) => hostAndPort(one).port);
    return [
      ...(named === 1 ? [] : [[field, `a check names ${named} of tcp, url, served, command`, 'one'] as const]),
      ...(ports.every((port) => port > 0 && port < 65536) ? [] : [[field, 'no such port', '1 to 65535'] as const]),
      ...(serverName !== undefined && served === undefined
        ? [[field, 'serverName without served', 'serverName beside served'] as const]
        : []),
    ];
  });
