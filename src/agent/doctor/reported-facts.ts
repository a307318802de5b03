// What the agent tells the service of its host beside certificates: TPM, disk, SPIRE and Keylime, from what the doctor has
// looked at anyway and a few questions more. It only looks, waits for nobody long, and what it cannot tell is null.
import type { HostFacts } from '../../domain/lineage-wire.ts';
import { type DiskFacts, observeDisks } from './disk-encryption.ts';
import { openHostFiles } from './host-files.ts';
import type { HostScene } from './host-scene.ts';
import { optionOf, parseConf } from './keylime-conf.ts';
import type { DoctorPorts } from './ports.ts';
import type { TpmFacts } from './tpm-facts.ts';

type Ports = Pick<DoctorPorts, 'root' | 'run' | 'listens'>;

/** The facts. Never rejects: a question that fails has no answer. */
export async function reportedFacts(ports: Ports, host: HostScene, tpm: TpmFacts): Promise<HostFacts> {
  return {
    tpm: tpmOf(tpm),
    ...(await diskOf(ports)),
    spireAgent: await spireOf(ports, host),
    keylimeAgent: await keylimeOf(ports, host),
  };
}

/** One that answers badly is there all the same. */
const tpmOf = (tpm: TpmFacts): HostFacts['tpm'] =>
  tpm.state === 'present'
    ? {
        ...{ present: true, inLockout: tpm.isInLockout },
        ...{ lockoutCounter: tpm.lockoutCounter, maxAuthFail: tpm.maxAuthFail },
      }
    : { present: tpm.state === 'failed', inLockout: null, lockoutCounter: null, maxAuthFail: null };

const nothingSeen: DiskFacts = { encryption: 'unknown', luksDevice: null };

async function diskOf({ root, run }: Ports): Promise<Pick<HostFacts, 'diskEncryption' | 'clevisBound'>> {
  const files = await openHostFiles(root);
  const { encryption, luksDevice } = await observeDisks(files).catch(() => nothingSeen);
  const nothing = { diskEncryption: encryption, clevisBound: null };
  if (luksDevice === null || run === null) return nothing;
  if (!(await files.exists('/usr/bin/clevis'))) return { ...nothing, clevisBound: false };
  // Names the pin of each slot, and no secret: `1: tpm2 '{"hash":"sha256"}'`.
  const listed = await run(['/usr/bin/clevis', 'luks', 'list', '-d', luksDevice]).catch(() => null);
  if (listed?.code !== 0) return nothing;
  return { ...nothing, clevisBound: /^\d+: [a-z0-9]+ /m.test(listed.stdout) };
}

async function spireOf({ run }: Ports, { units }: HostScene): Promise<HostFacts['spireAgent']> {
  const unit = units.find(({ text }) => /^ExecStart=.*\bspire-agent\b/m.test(text));
  if (unit === undefined) return { installed: false, healthy: null };
  const asked = (await run?.(['systemctl', 'is-active', unit.name]).catch(() => null)) ?? null;
  return { installed: true, healthy: asked === null ? null : asked.code === 0 };
}

/** Where it serves unless agent.conf says otherwise. */
const usualPort = 9002;

async function keylimeOf({ listens }: Ports, { agentConf, units }: HostScene): Promise<HostFacts['keylimeAgent']> {
  const hasUnit = units.some(({ text }) => /^ExecStart=.*\bkeylime_agent\b/m.test(text));
  if (!hasUnit) return { installed: false, listening: null };
  const options = parseConf(agentConf?.text ?? '');
  const [address, port] = [optionOf(options, 'ip')?.value ?? '', Number(optionOf(options, 'port')?.value)];
  const isAnywhere = ['', 'default', '0.0.0.0', '::'].includes(address);
  const at = { host: isAnywhere ? '127.0.0.1' : address, port: Number.isInteger(port) && port > 0 ? port : usualPort };
  return { installed: true, listening: listens === null ? null : await listens(at) };
}
