// What one real host keeps and knows during a round: state, configuration, trust. Loads them, saves what changed, and
// keeps the list of installed certificates and the DevID key of the state true to what was put in place.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { base64url, octetsOfBase64url } from '../domain/octets.ts';
import { type AgentConfig, loadAgentConfig } from './agent-config.ts';
import { type AgentState, type InstalledCertificate, type KeyText, loadState, saveState } from './agent-state.ts';
import { AgentFailure } from './failure.ts';
import { hostFacts } from './host-facts.ts';
import { Trouble } from './keep-ports.ts';
import { type Kept, newRecord, type TargetRecord } from './kept.ts';
import type { Target } from './target.ts';
import { targetsOf } from './targets.ts';
import type { TpmPasswords } from './tpm-endorsement.ts';
import { anchorsFor, type HostTrust, loadTrust } from './trust.ts';
import { type Anchors, certificatePath } from './places.ts';

/** What is known of the host right now; replaced as a whole when it is loaded again. */
export type Session = {
  state: AgentState;
  config: AgentConfig;
  targets: readonly Target[];
  trust: HostTrust | null;
  /** Those of the command line and of systemd, else from the files that agent.yaml names. */
  passwords: TpmPasswords;
  /** Of a DevID that was put in place and is not in the state yet. */
  placedDevId: KeyText | null;
};

/** Reads everything. Throws `AgentFailure` when this host was never enrolled, or a file of it cannot be used. */
export async function openSession(input: {
  readonly root: string;
  readonly configFile: string | undefined;
  readonly passwords: TpmPasswords;
}): Promise<Session> {
  const { root } = input;
  const state = await loadState(root);
  if (state === null) {
    throw new AgentFailure('this host was never enrolled', { hints: ['omens agent enroll --token-file F'] });
  }
  if (state.device === null) {
    throw new AgentFailure('the enrollment of this host is not finished', {
      hints: ['run `omens agent enroll` again'],
    });
  }
  const config = await loadAgentConfig(root, input.configFile);
  const targets = targetsOf(config, await hostFacts(root));
  const passwords = await passwordsOf(root, input.passwords, config);
  return { state, config, targets, passwords, trust: await loadTrust(root), placedDevId: null };
}

async function passwordsOf(root: string, given: TpmPasswords, config: AgentConfig): Promise<TpmPasswords> {
  const read = async (path: string | null): Promise<Uint8Array | undefined> => {
    if (path === null) return undefined;
    const text = await readFile(join(root, path), 'utf8').catch((error: unknown) => {
      throw new AgentFailure(`cannot read the password file ${path}`, { cause: error });
    });
    return new TextEncoder().encode(text.replace(/\r?\n$/, ''));
  };
  const owner = given.owner ?? (await read(config.ownerPasswordFile));
  const endorsement = given.endorsement ?? (await read(config.endorsementPasswordFile));
  return { ...(owner && { owner }), ...(endorsement && { endorsement }) };
}

/** The record of each configured target; what enrollment installed is known from it. */
export function keptOf({ state, targets }: Session): Kept {
  const records = targets.map(({ name, profile, paths }): readonly [string, TargetRecord] => {
    const record = state.kept.targets[name];
    if (record !== undefined) return [name, record];
    const files = paths.map((path) => join('/', path));
    const enrolled = state.installed.find((one) => one.profile === profile && files.includes(one.certificateFile));
    return [name, enrolled === undefined ? newRecord : { ...newRecord, lineage: enrolled.lineage }];
  });
  return { ...state.kept, targets: { ...state.kept.targets, ...Object.fromEntries(records) } };
}

/** Writes what is kept, durably. */
export async function keepSession(root: string, session: Session, kept: Kept): Promise<void> {
  const { state, placedDevId } = session;
  const next = {
    ...state,
    kept,
    installed: installedNow(session, kept),
    keys: placedDevId === null ? state.keys : { ...state.keys, devId: placedDevId },
  };
  await saveState(root, next);
  session.state = next;
  session.placedDevId = null;
}

/** An entry follows its target once the certificate in place is one that this agent put there or has confirmed. */
function installedNow({ state, targets }: Session, kept: Kept): readonly InstalledCertificate[] {
  const changed = targets.flatMap((target): readonly InstalledCertificate[] => {
    const { inPlace, lineage, confirmed, work } = kept.targets[target.name] ?? newRecord;
    if (inPlace === null || lineage === null) return [];
    const isOurs = work.step === 'installed' || confirmed?.certificate === inPlace.certificate;
    const { certificate, notAfter, renewAt } = inPlace;
    const certificateFile = certificatePath(target);
    return isOurs
      ? [{ profile: target.profile, lineage, certificateSha256: certificate, certificateFile, notAfter, renewAt }]
      : [];
  });
  const others = state.installed.filter((old) => changed.every((one) => one.certificateFile !== old.certificateFile));
  return changed.length === 0 ? state.installed : [...others, ...changed];
}

/** The target of a name; a round only asks for those that it was given. */
export function targetNamed({ targets }: Session, name: string): Target {
  const found = targets.find((target) => target.name === name);
  if (found === undefined) throw new Trouble('noTarget', `agent.yaml has no target called ${name} any more`);
  return found;
}

/** What this host trusts, by domain. */
export const anchorsOf = ({ trust }: Pick<Session, 'trust'>): Anchors => ({
  estate: anchorsFor(trust, 'estate'),
  'keylime-control': anchorsFor(trust, 'keylime-control'),
});

/** DER of the root that this host was enrolled under. */
export function pinnedRoot({ state, trust }: Session): Uint8Array {
  const { root } = state.identity;
  if (root !== null) return octetsOfBase64url(root);
  const held = trust?.anchors.find(({ sha256 }) => sha256 === state.server.rootSha256);
  if (held === undefined) throw new Trouble('rootUnknown', 'the root certificate of the service was not seen yet');
  return new Uint8Array(new X509Certificate(held.certificate).raw);
}

/** Notes the root, once it was seen. */
export async function noteRoot(directory: string, session: Session, root: Uint8Array): Promise<void> {
  const { state } = session;
  if (state.identity.root !== null) return;
  session.state = { ...state, identity: { ...state.identity, root: base64url(root) } };
  await saveState(directory, session.state);
}

/** Notes the digest of the endorsement key. */
export async function noteEndorsementKey(directory: string, session: Session, ekSha256: string): Promise<void> {
  const { state } = session;
  session.state = { ...state, identity: { ...state.identity, ekSha256 } };
  await saveState(directory, session.state);
}
