// The doctor's round: gathers everything once, then asks each group of checks. It only looks; nothing is changed.
import { posix } from 'node:path';
import type { HostFacts } from '../../domain/lineage-wire.ts';
import { messageOf } from '../../domain/thrown.ts';
import { counted } from '../../domain/words.ts';
import { chainFindings } from './chain-checks.ts';
import { type Finding, unknown, worstFirst } from './finding.ts';
import { type HostScene, observeHost } from './host-scene.ts';
import { keyFindings } from './key-checks.ts';
import { keylimeFindings } from './keylime-checks.ts';
import { leftoverFindings, leftoverPaths } from './leftover-checks.ts';
import type { CommandResult, DoctorPorts } from './ports.ts';
import { type FileScene, observeFiles } from './scene.ts';
import { reportedFacts } from './reported-facts.ts';
import { spireFindings } from './spire-checks.ts';
import {
  type ClockFacts,
  clockFindings,
  rollbackFindings,
  type SpaceFacts,
  spaceFindings,
  trustFindings,
} from './surroundings.ts';
import { oldThings, takeoverFindings } from './takeover.ts';
import { devIdFindings, tpmFindings } from './tpm-checks.ts';
import { observeTpm, type TpmFacts } from './tpm-facts.ts';
import { agentUnit, unitFindings } from './unit-checks.ts';

/** Looks at everything; the worst findings first. Never rejects because the host is in a bad state. */
export async function examine(ports: DoctorPorts): Promise<readonly Finding[]> {
  return (await examineHost(ports)).findings;
}

/** The same, with what the service is told of the host beside. */
export async function examineHost(
  ports: DoctorPorts,
): Promise<{ readonly findings: readonly Finding[]; readonly facts: HostFacts }> {
  const files = await observeFiles(ports);
  const host = await observeHost(ports.root, leftoverPaths);
  const tpm = await observeTpm(ports);
  const around = [
    ...clockFindings(await clockOf(ports)),
    ...spaceFindings(await spaceOf(ports)),
    ...trustFindings(ports.trust),
    ...rollbackFindings(ports.managed),
  ];
  const findings = worstFirst([
    ...fileFindings(files, host, tpm),
    ...tpmFindings(tpm, ports.state),
    ...around,
    ...unitFindings({ ...host, managed: ports.managed, activity: await activityOf(ports) }),
    ...closedFindings(files, ports.uid),
  ]);
  return { findings, facts: await reportedFacts(ports, host, tpm) };
}

/** What the files and texts alone say. */
const fileFindings = (files: FileScene, host: HostScene, tpm: TpmFacts): readonly Finding[] => [
  ...devIdFindings(files),
  ...keyFindings(files),
  ...chainFindings(files),
  ...keylimeFindings({ ...host, hashEk: tpm.state === 'present' ? tpm.hashEk : null }),
  ...spireFindings(host.spire),
  ...leftoverFindings(host.present, [...host.units, ...host.environments]),
  ...takeoverFindings(oldThings(files, host)),
];

async function clockOf({ clockDifference }: DoctorPorts): Promise<ClockFacts> {
  if (clockDifference === null) return null;
  try {
    return { seconds: Math.round(await clockDifference()) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

async function spaceOf({ managed, space }: DoctorPorts): Promise<readonly SpaceFacts[]> {
  const directories = new Set([
    '/var/lib/omens',
    ...managed.flatMap(({ paths }) => paths.map((path) => posix.dirname(path))),
  ]);
  const measured = [...directories].map(async (directory) => {
    const octets = await space(directory).catch(() => null);
    return octets === null ? [] : [{ directory, ...octets }];
  });
  return (await Promise.all(measured)).flat();
}

/** Null where there is no systemd to ask. */
async function activityOf({ run }: DoctorPorts): Promise<CommandResult | null> {
  if (run === null) return null;
  return run(['systemctl', 'is-active', agentUnit]).catch(() => null);
}

function closedFindings({ closed }: FileScene, uid: number): readonly Finding[] {
  const [first] = closed;
  if (first === undefined || uid === 0) return [];
  const detail = `${counted(closed.length, 'file')} could not be read without privilege, the first: ${first}`;
  return [unknown('closed', { detail, fix: 'run omens agent doctor as root' })];
}
