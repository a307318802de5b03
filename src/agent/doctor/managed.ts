// From what the agent keeps to what the doctor must know of it: which files are ours, and whether the new certificate in
// them was seen in use.
import type { AgentState } from '../agent-state.ts';
import type { Kept } from '../kept.ts';
import type { Consumer, Target } from '../target.ts';
import type { ManagedCertificate } from './ports.ts';

/** One for each target; those that were enrolled for and have no record yet are known from the enrollment. */
export const managedCertificates = (input: {
  readonly targets: readonly Target[];
  readonly state: Pick<AgentState, 'installed'> | null;
  readonly kept: Pick<Kept, 'targets'>;
}): readonly ManagedCertificate[] =>
  input.targets.map((target) => {
    const record = input.kept.targets[target.name];
    const paths = target.paths.map((path) => `/${path}`);
    const enrolled = input.state?.installed.find(({ certificateFile }) => paths.includes(certificateFile));
    const certificateSha256 = record?.inPlace?.certificate ?? enrolled?.certificateSha256 ?? null;
    const confirmed = record?.confirmed ?? null;
    return {
      ...{ name: target.name, profile: target.profile, certificateSha256, paths },
      isConfirmed: confirmed !== null && confirmed.by !== null && confirmed.certificate === certificateSha256,
      rolledBackAt: record?.rolledBackByHand?.at ?? null,
      readableBy: target.readableBy,
      units: target.consumers.flatMap(unitOf),
    };
  });

/** The unit that a consumer is told by, when it is systemd that tells it. */
function unitOf({ reload }: Consumer): readonly string[] {
  const [program, , unit] = reload ?? [];
  return program === 'systemctl' && unit !== undefined ? [unit] : [];
}
