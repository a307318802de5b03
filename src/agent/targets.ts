// The targets of this host: what agent.yaml says, completed by presets and by what the host's own files say.
import { dirname } from 'node:path';
import type { AgentConfig, Hooks, TargetConfig } from './agent-config.ts';
import type { HostFacts } from './host-facts.ts';
import { certificateFileOf, type FileRow, type FileTable, placementOf } from './places.ts';
import { devId } from './presets/devid.ts';
import { keylimeAgent } from './presets/keylime-agent.ts';
import { keylimeRegistrar } from './presets/keylime-registrar.ts';
import { keylimeTenant } from './presets/keylime-tenant.ts';
import { keylimeVerifier } from './presets/keylime-verifier.ts';
import { keylimeVerifierClient } from './presets/keylime-verifier-client.ts';
import { nginxVhost } from './presets/nginx-vhost.ts';
import { openbaoServer } from './presets/openbao-server.ts';
import { ownDirectory } from './presets/own-directory.ts';
import type { Found, Preset } from './presets/preset.ts';
import { spireBundleEndpoint } from './presets/spire-bundle-endpoint.ts';
import type { Consumer, Target } from './target.ts';

const presets: readonly Preset[] = [
  ...[keylimeAgent, keylimeVerifier, keylimeVerifierClient, keylimeRegistrar, keylimeTenant],
  ...[nginxVhost, openbaoServer, spireBundleEndpoint, devId],
];

/** A name that was not given a rank by anybody. */
const usualRank = 45;

const hookSettleSeconds = 2;

/** Every target of the file, or the two usual ones. */
export const targetsOf = (config: AgentConfig, host: HostFacts): readonly Target[] =>
  config.targets.map((one) => targetOf(one, { config, host }));

/**
 * The target for a certificate: the configured one of its profile and place, else of its profile and names; a profile that
 * no target claims goes to the agent's own directory, under `place` where it has one.
 */
export function targetFor(
  targets: readonly Target[],
  certificate: { readonly profile: string; readonly place: string; readonly dnsNames: readonly string[] | null },
): Target {
  const { profile, place, dnsNames } = certificate;
  const ofProfile = targets.filter((target) => target.profile === profile);
  const found =
    ofProfile.find((target) => target.place === place && sameNames(target.dnsNames, dnsNames)) ??
    (dnsNames === null ? undefined : ofProfile.find((target) => sameNames(target.dnsNames, dnsNames))) ??
    ofProfile.find((target) => target.place === place && target.dnsNames === null);
  if (found !== undefined) return found;
  const name = place === '' ? profile : `${profile}-${place}`;
  return assemble(ownDirectory(profile), { ...unsaid, name, place, dnsNames }, { consumers: [], remarks: [] });
}

const sameNames = (a: readonly string[] | null, b: readonly string[] | null): boolean =>
  a === null || b === null ? a === b : a.toSorted().join() === b.toSorted().join();

const unsaid: TargetConfig = {
  ...{ preset: 'own-directory', name: null, profile: null, place: null, dnsNames: null, rekey: null },
  ...{ certificate: null, key: null, chain: null, hooks: null, readableBy: [], owner: null, mode: null },
};

function targetOf(
  said: TargetConfig,
  { config, host }: { readonly config: AgentConfig; readonly host: HostFacts },
): Target {
  const preset = presets.find(({ name }) => name === said.preset) ?? ownDirectory(said.profile ?? said.preset);
  const name = said.name ?? preset.name;
  const known = preset.consumers(host);
  const programs = known.length > 0 || said.hooks === null ? known : [nobody(name)];
  const told = programs.map(({ consumer, absent }, at): Found => {
    const hooks = config.programs.get(consumer.name);
    const own = at === 0 ? said.hooks : null;
    const changed = [hooks, own].reduce<Consumer>((one, by) => (by ? hooked(one, by) : one), consumer);
    const isSaid = hooks !== undefined || own !== null;
    return { consumer: { ...changed, rank: rankIn(config.order, changed) }, absent: isSaid ? null : absent };
  });
  const consumers = told.flatMap(({ consumer, absent }) => (absent === null ? [consumer] : []));
  return assemble(preset, said, {
    consumers: consumers.toSorted((a, b) => a.rank - b.rank),
    remarks: told.flatMap(({ absent }) => absent ?? []),
  });
}

const nobody = (name: string): Found => ({
  consumer: {
    ...{ name, rank: usualRank, onlyWhile: null, validate: null, reload: null },
    ...{ settleSeconds: hookSettleSeconds, checks: [] },
  },
  absent: null,
});

/** What the file says of a program wins; a command of the file is run whether or not a unit is active. */
const hooked = (consumer: Consumer, hooks: Hooks): Consumer => ({
  ...consumer,
  onlyWhile: hooks.reload === null ? consumer.onlyWhile : null,
  validate: hooks.validate ?? consumer.validate,
  reload: hooks.reload ?? consumer.reload,
  settleSeconds: hooks.settleSeconds ?? consumer.settleSeconds,
  checks: hooks.checks ?? (hooks.reload === null ? consumer.checks : []),
});

function rankIn(order: readonly string[], { name, rank }: Consumer): number {
  const at = order.indexOf(name);
  return at < 0 ? rank : at - order.length;
}

function assemble(preset: Preset, said: TargetConfig, found: Pick<Target, 'consumers' | 'remarks'>): Target {
  const name = said.name ?? preset.name;
  const table = tableOf(preset, said, name);
  return {
    ...{ name, preset: preset.name, profile: said.profile ?? preset.profile, place: said.place ?? '' },
    ...{ dnsNames: said.dnsNames, key: preset.key, rekey: said.rekey ?? preset.rekey },
    home: dirname(certificateFileOf(table.rows)),
    paths: [...table.rows, ...table.links].map(({ path }) => path),
    table,
    files: (input) => placementOf(table, input),
    ...found,
    readableBy: said.readableBy,
    hasSpireAgent: preset.name === 'devid' && found.consumers.some((one) => one.name === 'spire-agent'),
  };
}

/** The preset's files, with paths, owner, mode and readers of the configuration where it has some. */
function tableOf(preset: Preset, said: TargetConfig, name: string): FileTable {
  const { directory, rows, links } = preset.table(name);
  const key = said.key ?? undefined;
  const certificate = said.certificate ?? undefined;
  const certificateFile = certificateFileOf(rows);
  const changed = rows.map((row): FileRow => {
    const isKey = row.content === 'key';
    const isCertificate = row.path === certificateFile;
    const path = (isKey ? key : isCertificate ? certificate : undefined) ?? row.path;
    const readers = isKey || isCertificate ? [...new Set([...row.readers, ...said.readableBy])] : row.readers;
    const owner = said.owner === null ? row.owner : [said.owner];
    return { ...row, path, readers, owner, mode: isKey && said.mode !== null ? said.mode : row.mode };
  });
  const chain: readonly FileRow[] =
    said.chain === null
      ? []
      : [
          {
            path: said.chain,
            content: 'chain',
            mode: 0o644,
            owner: said.owner === null ? [] : [said.owner],
            readers: [],
          },
        ];
  const home = certificate === undefined ? directory.path : dirname(certificate);
  return { directory: { ...directory, path: home }, rows: [...changed, ...chain], links };
}
