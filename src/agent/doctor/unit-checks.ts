// Whether this agent will go on by itself: its own unit, and the units that it is to restart.
import { critical, type Finding, fine, unknown, warning } from './finding.ts';
import type { UnitFile } from './host-scene.ts';
import type { CommandResult, ManagedCertificate } from './ports.ts';

export const agentUnit = 'omens-agent.service';

/** What is known of units. `activity` is what `systemctl is-active` says, null where it was not asked. */
export type UnitFacts = {
  readonly units: readonly UnitFile[];
  readonly enabled: ReadonlySet<string>;
  readonly managed: readonly Pick<ManagedCertificate, 'name' | 'units'>[];
  readonly activity: CommandResult | null;
};

/** The checks. */
export const unitFindings = (facts: UnitFacts): readonly Finding[] => [...ownUnit(facts), ...namedUnits(facts)];

const setUp = `omens agent install-units && systemctl enable --now ${agentUnit}`;

function ownUnit({ units, enabled, activity }: UnitFacts): readonly Finding[] {
  const unit = units.find(({ name }) => name === agentUnit);
  if (unit === undefined) {
    const detail = `there is no ${agentUnit}: nothing renews the certificates of this host`;
    return [critical('agent-unit', { detail, fix: setUp })];
  }
  const { path } = unit;
  const hard = /^\s*(Requires|Requisite|BindsTo)\s*=\s*\S/m.exec(unit.text);
  const found = [
    ...(enabled.has(agentUnit)
      ? []
      : [
          critical('agent-unit', {
            path,
            detail: 'is not enabled: it will not start with the host',
            fix: `systemctl enable --now ${agentUnit}`,
          }),
        ]),
    ...(hard === null
      ? []
      : [
          warning('agent-unit', {
            path,
            detail: `${hard[1] ?? ''}= lets another unit's failure keep the agent from starting`,
            fix: 'omens agent install-units writes it with Wants= and After= only',
          }),
        ]),
    ...activityFindings(activity),
  ];
  return found.length > 0 ? found : [fine('agent-unit', { path, detail: 'is there and enabled' })];
}

function activityFindings(activity: CommandResult | null): readonly Finding[] {
  if (activity === null) return [];
  const word = activity.stdout.trim();
  if (activity.code === 0) return [];
  const fix = `systemctl start ${agentUnit}; journalctl -u ${agentUnit} -n 50 says why it ended`;
  if (word === '')
    return [
      unknown('agent-unit', { detail: `systemctl does not say how ${agentUnit} is: ${activity.stderr.trim()}`, fix }),
    ];
  return [critical('agent-unit', { detail: `${agentUnit} is ${word}`, fix })];
}

/** A unit that a target names and that is not there: most often the same word with - for _. */
const namedUnits = ({ units, managed }: UnitFacts): readonly Finding[] =>
  managed.flatMap((target) =>
    target.units.flatMap((wanted) => {
      const name = /\.[a-z]+$/.test(wanted) ? wanted : `${wanted}.service`;
      if (units.some((unit) => unit.name === name)) return [];
      const twin = units.find((unit) => unit.name.replaceAll('_', '-') === name.replaceAll('_', '-'));
      const detail = `target ${target.name} restarts ${name}, and this host has ${twin === undefined ? 'no such unit' : `${twin.name} instead`}`;
      const fix =
        twin === undefined
          ? `correct the unit of target ${target.name} in /etc/omens/agent.yaml`
          : `write ${twin.name} in target ${target.name} of /etc/omens/agent.yaml`;
      return [warning('unit-name', { detail, fix })];
    }),
  );
