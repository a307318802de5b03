// `omens agent doctor`: what is wrong on this host, and what to do. Speaks to monitoring as Nagios plugins do. It only looks.
import type { Command } from 'commander';
import { loadAgentConfig } from '../agent/agent-config.ts';
import { loadState } from '../agent/agent-state.ts';
import { examine } from '../agent/doctor/examine.ts';
import { type Finding, type FindingLevel, worstLevel } from '../agent/doctor/finding.ts';
import { doctorPorts } from '../agent/doctor/host-ports.ts';
import { hostFacts } from '../agent/host-facts.ts';
import { nothingKept } from '../agent/kept.ts';
import { targetsOf } from '../agent/targets.ts';
import { loadTrust } from '../agent/trust.ts';
import { told } from './failure.ts';
import { type HostOptions, passwordsOf, rootOf, specOf, withHostOptions } from './host-options.ts';
import { printJson } from './output.ts';
import { table } from './table.ts';
import type { World } from './world.ts';

type DoctorOptions = HostOptions & { readonly fixHints?: boolean; readonly all?: boolean };

/** Exit codes of Nagios plugins. */
const nagios: Readonly<Record<FindingLevel, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/** Adds the command; `exit` takes the exit code of a command that succeeded. */
export function addDoctorCommand(agent: Command, world: World, exit: (code: number) => void): void {
  withHostOptions(agent.command('doctor').description('what is wrong on this host, and what to do; changes nothing'))
    .option('--fix-hints', 'only the commands and sentences that mend, one a line')
    .option('--all', 'show what is well, too')
    .addHelpText('after', '\nExit codes: 0 ok, 1 warning, 2 critical, 3 could not find out.\n')
    .action(async (options: DoctorOptions) => exit(await runDoctor(world, options)));
}

async function runDoctor(world: World, options: DoctorOptions): Promise<number> {
  try {
    const findings = await findingsOf(world, options);
    if (options.json === true) printJson(world, { items: findings, next: null });
    else world.stdout(options.fixHints === true ? fixes(findings) : described(findings, options.all === true));
    return nagios[worstLevel(findings)];
  } catch (error) {
    const { message, hints } = told(error);
    world.stdout(options.json === true ? '' : `DOCTOR UNKNOWN - ${message}\n`);
    world.stderr([`omens: ${message}`, ...hints.map((hint) => `hint: ${hint}`), ''].join('\n'));
    return nagios.unknown;
  }
}

async function findingsOf(world: World, options: DoctorOptions): Promise<readonly Finding[]> {
  const root = rootOf(options);
  const [config, state] = [await loadAgentConfig(root), await loadState(root)];
  const kept = state?.kept ?? nothingKept;
  const here = (await loadTrust(root).catch(() => null))?.generation ?? 0;
  const findings = await examine(
    doctorPorts({
      ...{ root, uid: world.uid, now: world.now, state, kept, trust: { here, newest: kept.contact.trustGeneration } },
      targets: targetsOf(config, await hostFacts(root)),
      tpm: specOf(options) ?? config.tpm,
      passwords: passwordsOf(world, options),
    }),
  );
  return findings.filter(({ check }) => !config.doctor.ignore.includes(check));
}

/** The verdict on the first line, as monitoring shows it; then what is wrong, each with its fix below. */
function described(findings: readonly Finding[], isAll: boolean): string {
  const counts = (['critical', 'warning', 'unknown', 'ok'] as const).map(
    (level) => `${findings.filter((finding) => finding.level === level).length} ${level}`,
  );
  const verdict = `DOCTOR ${worstLevel(findings).toUpperCase()} - ${counts.join(', ')}\n`;
  const shown = findings.filter(({ level }) => isAll || level !== 'ok');
  if (shown.length === 0) return verdict;
  const rows = shown.flatMap(({ level, check, path, detail, fix }) => [
    [level, check, path === null ? detail : `${path}: ${detail}`],
    ...(fix === null ? [] : [['', '', `fix: ${fix}`]]),
  ]);
  return `${verdict}${table(['LEVEL', 'CHECK', 'WHAT'], rows)}`;
}

const fixes = (findings: readonly Finding[]): string =>
  [...new Set(findings.flatMap(({ level, fix }) => (level === 'ok' || fix === null ? [] : [fix])))]
    .map((fix) => `${fix}\n`)
    .join('');
