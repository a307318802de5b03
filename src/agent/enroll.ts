// Enrollment of this host, from nothing to installed files. Every step is on disk before the next begins, so that a
// crash, a lost reply or a wait of days is continued by calling it again.
import {
  addedInVersion2,
  type AgentState,
  type InstalledCertificate,
  type IssuedAnswer,
  keyBlobs,
  saveState,
  type ServerIdentity,
} from './agent-state.ts';
import { type CheckedCertificate, checkIssued } from './check-issued.ts';
import { nextStep, type StepPorts, type Working } from './enrollment-steps.ts';
import type { EnrollmentServer } from './enrollment-server.ts';
import { type EnrollWishes, type Errand, errandOf, tokenDigest } from './errand.ts';
import { AgentFailure } from './failure.ts';
import { installPortsOf } from './install-ports-of.ts';
import { certificatePath } from './places.ts';
import { putAllInPlace, type PutWish } from './put-in-place.ts';
import { devIdProfile, makeRequest, makeTpmKeys } from './prepare.ts';
import type { RunCommand } from './run-command.ts';
import type { Target } from './target.ts';
import { targetFor } from './targets.ts';
import { advised } from './tpm-advice.ts';

/** What enrollment needs from the world. */
export type EnrollPorts = StepPorts & {
  readonly uid: number;
  /** Connects to the server and authenticates it; nothing is sent before. */
  readonly connect: (server: ServerIdentity) => Promise<EnrollmentServer>;
  /** The host's own full name, null when it does not know one. */
  readonly ownName: string | null;
  /** What this host's configuration wants where. */
  readonly targets: readonly Target[];
  readonly run: RunCommand;
};

/** What was installed, and what a person should know about it. */
export type Installation = {
  readonly certificates: readonly InstalledCertificate[];
  readonly remarks: readonly string[];
};

export type EnrollOutcome =
  | { readonly state: 'pending'; readonly id: string; readonly version: number; readonly ekFingerprint: string }
  | ({ readonly state: 'issued'; readonly device: IssuedAnswer['device'] } & Installation);

export type EnrollInput = {
  readonly wishes: EnrollWishes;
  /** What an earlier run left. */
  readonly state: AgentState | null;
  /** `once` answers a pending enrollment as it is; `untilDecided` asks again as often as the server allows. */
  readonly patience: 'once' | 'untilDecided';
};

const defaultTpm = 'device:/dev/tpmrm0';

/** A challenge that ran out is asked for anew, so often. */
const mostChallenges = 2;

/** Enrolls, or continues. Throws `AgentFailure`; what was reached by then is kept. */
export async function enroll(ports: EnrollPorts, input: EnrollInput): Promise<EnrollOutcome> {
  // 1. What an earlier run left, and whether this is the same errand.
  const errand = errandOf(input.state, input.wishes, ports.ownName);
  if (errand.kind === 'done') return alreadyDone(errand.state);
  // 2. Every key, before the first request; then the octets that the TPM will speak for.
  const tpm = input.wishes.tpm ?? input.state?.tpm ?? defaultTpm;
  let state = await workOf(ports, errand, { tpm, earlier: input.state });
  // 3. The server, authenticated by its root.
  ports.progress.working(`connecting to ${state.server.url}`);
  const server = await ports.connect(state.server);
  // 4. Step by step, each on disk before the next.
  for (let challenges = 0; state.enrollment.progress.step !== 'issued'; ) {
    if (state.enrollment.progress.step === 'prepared') challenges += 1;
    if (challenges > mostChallenges) throw outOfChallenges();
    state = await nextStep({ ports, server }, state);
    const { progress } = state.enrollment;
    if (progress.step !== 'pending') continue;
    if (input.patience === 'once') return { ...progress, state: 'pending' };
    ports.progress.working(`waiting for an operator to approve ${progress.id}`);
    await ports.sleep(progress.retryAfter * 1000);
  }
  // 5. Checked as a whole, then installed, then noted as done.
  return finish(ports, state, server.root);
}

const outOfChallenges = (): AgentFailure =>
  new AgentFailure('the server does not know the challenge that it made', {
    hints: ['is this the right server, and is its clock right? Run the command again'],
  });

function alreadyDone(state: AgentState): EnrollOutcome {
  if (state.device === null) throw new AgentFailure('this host is not enrolled');
  const remarks = ['this host is enrolled already; nothing was done'];
  return { state: 'issued', device: state.device, certificates: state.installed, remarks };
}

/** The saved work, or new work that is saved here: the keys exist before anybody hears of them. */
async function workOf(
  ports: EnrollPorts,
  errand: Exclude<Errand, { readonly kind: 'done' }>,
  { tpm, earlier }: { readonly tpm: string; readonly earlier: AgentState | null },
): Promise<Working> {
  if (errand.kind === 'continue') return { ...errand.state, tpm, enrollment: errand.work };
  const { server, hostName, profiles, token } = errand;
  const { passwords, progress } = ports;
  const wantsDevId = profiles.some(({ profile }) => profile === devIdProfile);
  const keys = await advised('making keys', () =>
    ports.withTpm(tpm, (open) => makeTpmKeys(open, { known: errand.keys, wantsDevId, passwords, progress })),
  );
  const enrollment = await makeRequest({ hostName, profiles, keys, token, progress });
  const { spentToken = null, device = null, installed = [], kept, identity } = { ...addedInVersion2, ...earlier };
  const isSameServer = earlier?.server.rootSha256 === server.rootSha256;
  const state: Working = {
    ...{ version: 2, server, hostName, tpm, keys },
    ...{ enrollment, spentToken, device, installed, kept },
    identity: {
      root: isSameServer ? identity.root : null,
      // New keys may be another TPM's, whose endorsement key is learned anew.
      ekSha256: errand.keys === null ? null : identity.ekSha256,
    },
  };
  await saveState(ports.root, state);
  return state;
}

async function finish(ports: EnrollPorts, state: Working, root: Uint8Array): Promise<EnrollOutcome> {
  const { progress, certificates: wanted, token } = state.enrollment;
  if (progress.step !== 'issued') throw new AgentFailure('nothing was issued');
  const { device, certificates } = progress.answer;
  const { hostName, keys } = state;
  const checked = checkIssued(certificates, { hostName, keys, wanted, root, now: ports.now() });
  if (!checked.ok) {
    throw new AgentFailure('what the server issued is not what this host asked for; nothing was installed', {
      hints: [
        ...checked.error.map(({ reason, detail, field }) => `${field ?? 'answer'}: ${detail} (${reason})`),
        'tell an operator; a new token begins anew',
      ],
    });
  }
  const wishes = wishesFor(ports, checked.value, { state, root });
  const installation = await installed(ports, wishes, state);
  const others = state.installed.filter((old) =>
    installation.certificates.every(({ certificateFile }) => certificateFile !== old.certificateFile),
  );
  await saveState(ports.root, {
    ...state,
    enrollment: null,
    spentToken: token === null ? null : tokenDigest(token),
    device,
    installed: [...others, ...installation.certificates],
  });
  return { state: 'issued', device, ...installation };
}

/** A profile that is there more than once is told apart by the first name that was asked for. */
function wishesFor(
  ports: Pick<EnrollPorts, 'targets'>,
  checked: readonly CheckedCertificate[],
  { state, root }: { readonly state: Working; readonly root: Uint8Array },
): readonly PutWish[] {
  const devId = state.keys.devId === null ? null : keyBlobs(state.keys.devId);
  return checked.map((one) => {
    const { profile, dnsNames } = one.wanted;
    const isAlone = checked.filter(({ wanted }) => wanted.profile === profile).length === 1;
    const place = isAlone ? '' : (dnsNames?.[0] ?? '');
    return { target: targetFor(ports.targets, { profile, place, dnsNames }), input: { checked: one, root, devId } };
  });
}

/** Installs all, by the way that renewals take too. */
async function installed(ports: EnrollPorts, wishes: readonly PutWish[], state: Working): Promise<Installation> {
  const outcomes = await putAllInPlace(installPortsOf(ports, state), wishes);
  const failures = outcomes.flatMap((outcome, at) =>
    outcome.kind === 'inUse' ? [] : [{ name: wishes[at]?.target.name ?? '', error: outcome.error }],
  );
  const [first] = failures;
  if (first !== undefined) {
    throw new AgentFailure(`the certificates are issued, and could not be installed: ${first.error.detail}`, {
      hints: [
        ...failures.map(({ name, error }) => `${name}: ${error.detail} (${error.reason})`),
        'then run `omens agent enroll` again: it goes on from here and asks for nothing new',
      ],
    });
  }
  const remarks = [...new Set(outcomes.flatMap((outcome) => outcome.remarks))];
  return { certificates: wishes.map(installedCertificate), remarks };
}

const installedCertificate = ({ target, input: { checked } }: PutWish): InstalledCertificate => ({
  profile: checked.wanted.profile,
  lineage: checked.resource.lineage,
  certificateSha256: checked.certificateSha256,
  certificateFile: certificatePath(target),
  notAfter: checked.resource.notAfter,
  renewAt: checked.resource.renewAt,
});
