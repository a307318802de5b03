// The steps of an enrollment between prepared keys and issued certificates. Each takes the state, does one exchange, and
// answers the state that it has already saved.
import type { ChallengeResource, EnrollmentAnswer } from '../domain/wire.ts';
import type { Tpm } from '../tpm2/command.ts';
import { type AgentState, type EnrollmentProgress, type PendingWork, saveState } from './agent-state.ts';
import type { EnrollmentServer, ServerAnswer } from './enrollment-server.ts';
import { AgentFailure } from './failure.ts';
import { type Pace, persistently } from './patience.ts';
import type { Progress } from './progress.ts';
import { ekFingerprint, presentTpm, solveChallenge } from './prove.ts';
import { reasonOf, refusal } from './refused.ts';
import { requestKeyOf } from './request-key.ts';
import { advised } from './tpm-advice.ts';
import { readEkPublic, type TpmPasswords } from './tpm-endorsement.ts';

/** What the steps need. */
export type StepPorts = Pace & {
  /** Stands for `/`. */
  readonly root: string;
  /** Opens the TPM of a spec, lends it, closes it. */
  readonly withTpm: <T>(spec: string, use: (tpm: Tpm) => Promise<T>) => Promise<T>;
  readonly passwords: TpmPasswords;
  readonly progress: Progress;
};

type Context = { readonly ports: StepPorts; readonly server: EnrollmentServer };

/** A state with its enrollment under way. */
export type Working = AgentState & { readonly enrollment: PendingWork };

/** Does the next step. */
export function nextStep(context: Context, state: Working): Promise<Working> {
  const { progress } = state.enrollment;
  switch (progress.step) {
    case 'prepared':
      return begin(context, state);
    case 'activating':
      return activate(context, state, progress);
    case 'pending':
      return askAgain(context, state, progress.id);
    case 'issued':
      return Promise.resolve(state);
    default:
      return progress satisfies never;
  }
}

async function begin(context: Context, state: Working): Promise<Working> {
  const { ports, server } = context;
  const { keys, hostName, enrollment } = state;
  const presented = await withTpm(ports, state, 'reading the endorsement key', (tpm) =>
    presentTpm(tpm, { keys, hostName, token: enrollment.token, passwords: ports.passwords }),
  );
  ports.progress.note(`endorsement key of this TPM: ${presented.ekFingerprint}`);
  ports.progress.working('asking for a challenge');
  const answer = await persistently(() => server.begin(presented.body), ports);
  if (!answer.ok) throw refusal(answer, 'the server refused this host');
  return solve(ports, state, answer.value);
}

async function solve(ports: StepPorts, state: Working, challenge: ChallengeResource): Promise<Working> {
  const { keys, enrollment: work } = state;
  const body = await withTpm(ports, state, 'solving the challenge', (tpm) =>
    solveChallenge(tpm, { keys, work, challenge, passwords: ports.passwords }),
  );
  return keep(ports, state, { step: 'activating', id: challenge.id, body: JSON.stringify(body) });
}

async function activate(
  context: Context,
  state: Working,
  { id, body }: { readonly id: string; readonly body: string },
): Promise<Working> {
  context.ports.progress.working('waiting for the certificates');
  return settle(context, state, {
    id,
    answer: await persistently(() => context.server.activate(id, body), context.ports),
  });
}

async function askAgain(context: Context, state: Working, id: string): Promise<Working> {
  const { ports, server } = context;
  ports.progress.working('asking whether this host was approved');
  const key = requestKeyOf((use) => withTpm(ports, state, 'signing a request', use), state.keys, ports.passwords);
  return settle(context, state, { id, answer: await persistently(() => server.read(id, key), ports) });
}

/** The same octets, sent again, go on from where the server stopped; the token is perhaps spent for them already. */
const undecidedReasons: ReadonlySet<string> = new Set([
  'activationInProgress',
  'issuanceInProgress',
  'issuanceAbandoned',
]);

/** What an answer means. After a refusal the challenge is spent: the next attempt begins with a fresh one. */
async function settle(
  { ports }: Context,
  state: Working,
  { id, answer }: { readonly id: string; readonly answer: ServerAnswer<EnrollmentAnswer> },
): Promise<Working> {
  if (!answer.ok) {
    const { status } = answer.problem;
    const isUndecided = status === 429 || status >= 500 || undecidedReasons.has(reasonOf(answer.problem));
    if (isUndecided) throw refusal(answer, 'the server did not decide');
    const again = await keep(ports, state, { step: 'prepared' });
    // 404, 410: the challenge ran out, the approval lapsed, or the server was restored: a fresh proof is due.
    if (status === 404 || status === 410) return again;
    throw refusal(answer, 'the server refused this host');
  }
  switch (answer.value.state) {
    case 'issued':
      return keep(ports, state, { step: 'issued', id, answer: answer.value });
    case 'approved':
      ports.progress.note('an operator approved this host; proving the TPM once more');
      return solve(ports, state, { id, ...answer.value });
    case 'pending':
      return wait(ports, state, { id, ...answer.value });
    default:
      return answer.value satisfies never;
  }
}

async function wait(
  ports: StepPorts,
  state: Working,
  told: { readonly id: string } & Extract<EnrollmentAnswer, { readonly state: 'pending' }>,
): Promise<Working> {
  const { id, ekFingerprint: listed, version, retryAfter } = told;
  if (state.enrollment.progress.step !== 'pending') {
    const own = await withTpm(ports, state, 'reading the endorsement key', async (tpm) =>
      ekFingerprint(await readEkPublic(tpm, state.keys.ek, ports.passwords)),
    );
    if (own !== listed) throw new AgentFailure(`the server lists endorsement key ${listed}, and this TPM has ${own}`);
  }
  return keep(ports, state, { step: 'pending', id, ekFingerprint: listed, version, retryAfter });
}

/** Saves the state with this progress. */
async function keep(ports: StepPorts, state: Working, progress: EnrollmentProgress): Promise<Working> {
  const next = { ...state, enrollment: { ...state.enrollment, progress } };
  await saveState(ports.root, next);
  return next;
}

/** Work with the TPM, whose faults say what was being done. */
function withTpm<T>(
  ports: StepPorts,
  { tpm }: Pick<Working, 'tpm'>,
  doing: string,
  use: (tpm: Tpm) => Promise<T>,
): Promise<T> {
  ports.progress.working(doing);
  return advised(doing, () => ports.withTpm(tpm, use));
}
