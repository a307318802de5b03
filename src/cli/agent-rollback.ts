// `omens agent rollback`: puts the certificate of before into service again, with its own key and CA files.
import { X509Certificate } from 'node:crypto';
import type { Command } from 'commander';
import { loadAgentConfig } from '../agent/agent-config.ts';
import { type AgentState, exclusively, loadState, saveState } from '../agent/agent-state.ts';
import { generationNumbers, generationStore, currentNumber } from '../agent/generation-store.ts';
import { hostFacts } from '../agent/host-facts.ts';
import { currentGeneration, type InstalledGeneration } from '../agent/installed.ts';
import { newRecord, type RolledBackByHand, withTarget } from '../agent/kept.ts';
import { goBack } from '../agent/put-in-place.ts';
import { runCommand } from '../agent/run-command.ts';
import type { Target } from '../agent/target.ts';
import { targetFor, targetsOf } from '../agent/targets.ts';
import { wireTime } from '../domain/wire.ts';
import { CommandFailure, wrongUsage } from './failure.ts';
import { type HostOptions, rootOf, withHostOptions } from './host-options.ts';
import { print } from './output.ts';
import { progressOf } from './progress.ts';
import type { World } from './world.ts';

type RollbackOptions = HostOptions & { readonly target?: string };

/** Adds the command. */
export function addRollbackCommand(agent: Command, world: World): void {
  withHostOptions(agent.command('rollback').description('put the certificate of before into service again'))
    .option('--target <name>', 'which one, where this host has several with a generation before')
    .action((options: RollbackOptions) => runRollback(world, options));
}

/** What `--json` prints. */
type RollbackResource = {
  readonly target: string;
  readonly generation: number;
  readonly certificate: string | null;
  readonly notAfter: string | null;
  readonly remarks: readonly string[];
};

async function runRollback(world: World, options: RollbackOptions): Promise<void> {
  const root = rootOf(options);
  const progress = progressOf(world);
  const resource = await exclusively(root, async (): Promise<RollbackResource> => {
    const state = await loadState(root);
    const target = await chosen(root, state, options.target);
    const before = await currentGeneration(root, target);
    const { uid, now, sleep } = world;
    // The files went into service once already: they need no rehearsal on the TPM.
    const outcome = await goBack({ root, uid, now, sleep, progress, run: runCommand, rehearse: null }, target);
    if (outcome.kind === 'rolledBack') {
      const { reason, detail } = outcome.error;
      throw new CommandFailure(`${target.name} stays as it is: ${detail} (${reason})`, {
        hints: ['what the programs were told is undone; look at them, then run the command again'],
      });
    }
    const found = await currentGeneration(root, target);
    const notAfter = found === null ? null : wireTime(new Date(new X509Certificate(found.leafPem).validTo));
    if (state !== null && found !== null) {
      const [certificate, instead] = [found.certificateSha256, before?.certificateSha256 ?? null];
      const noted = noteRollback(state, target, { at: wireTime(now()), certificate, instead });
      await saveState(root, withInstalled(noted, target, { ...found, notAfter }));
    }
    const isOver = notAfter !== null && new Date(notAfter) < now();
    const remarks = [...outcome.remarks, ...(isOver ? [`this certificate ended on ${notAfter}`] : [])];
    const { generation } = outcome;
    return { target: target.name, generation, certificate: found?.certificateSha256 ?? null, notAfter, remarks };
  }).finally(() => progress.working(''));
  print(world, options, { resource, text: describeRollback });
}

/** The target that was named, or the only one that can go back. */
async function chosen(root: string, state: AgentState | null, name: string | undefined): Promise<Target> {
  const configured = targetsOf(await loadAgentConfig(root), await hostFacts(root));
  const others = (state?.installed ?? [])
    .filter(({ certificateFile }) => configured.every(({ paths }) => !paths.includes(certificateFile.slice(1))))
    .map(({ profile }) => targetFor([], { profile, place: '', dnsNames: null }));
  const targets = [...configured, ...others];
  if (name !== undefined) {
    const target = targets.find((one) => one.name === name);
    if (target !== undefined) return target;
    throw wrongUsage(`this host has no target ${name}`, `accepted: ${targets.map((one) => one.name).join(', ')}`);
  }
  const able: Target[] = [];
  for (const target of targets) {
    const store = await generationStore(root, target);
    const current = await currentNumber(store);
    const isAble = current !== null && (await generationNumbers(store)).some((one) => one < current);
    if (isAble) able.push(target);
  }
  const [only] = able;
  if (only !== undefined && able.length === 1) return only;
  if (only === undefined) throw new CommandFailure('no target of this host has a generation before the one in service');
  throw wrongUsage('several targets can go back', `name one by --target: ${able.map((one) => one.name).join(', ')}`);
}

/** The state with what is installed now, so that `omens agent status` compares with that. */
function withInstalled(
  state: AgentState,
  { paths }: Target,
  found: Pick<InstalledGeneration, 'certificateSha256'> & { readonly notAfter: string | null },
): AgentState {
  const installed = state.installed.map((one) =>
    paths.includes(one.certificateFile.slice(1))
      ? { ...one, certificateSha256: found.certificateSha256, notAfter: found.notAfter ?? one.notAfter }
      : one,
  );
  return { ...state, installed };
}

/** The state with what a person did, for `status`, `doctor` and the report. */
function noteRollback(state: AgentState, { name, paths }: Target, rolledBackByHand: RolledBackByHand): AgentState {
  const enrolled = state.installed.find(({ certificateFile }) => paths.includes(certificateFile.slice(1)));
  const record = state.kept.targets[name] ?? { ...newRecord, lineage: enrolled?.lineage ?? null };
  return { ...state, kept: withTarget(state.kept, name, { ...record, rolledBackByHand }) };
}

const describeRollback = ({ target, generation, notAfter, remarks }: RollbackResource): string =>
  [
    `${target}: generation ${generation} is in service again${notAfter === null ? '' : `, valid until ${notAfter}`}`,
    ...remarks.map((remark) => `note: ${remark}`),
    '',
  ].join('\n');
