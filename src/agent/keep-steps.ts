// The steps by which a target gets its next certificate. Each takes the record and answers the one to be saved; nothing is
// saved here, and what to do was decided before.
import type { LineageResource } from '../domain/lineage-wire.ts';
import { wireTime } from '../domain/wire.ts';
import { type Fault, faultOf, faultOfRefusal, isNonceRefusal, isUndecided } from './keep-failure.ts';
import type { Decision } from './keep-decision.ts';
import { type KeepPorts, type KeepServer, type KeepTarget, type Placing, Trouble } from './keep-ports.ts';
import type { TargetRecord, Work } from './kept.ts';

/** What a step works on. `server` is null in the part of a round that needs none. */
export type StepInput = {
  readonly ports: KeepPorts;
  readonly server: KeepServer | null;
  readonly target: KeepTarget;
  readonly record: TargetRecord;
};

/** What came of it: the record to be saved, and what went wrong if something did. */
export type Stepped = {
  readonly record: TargetRecord;
  readonly fault: Fault | null;
  /** The lineage as the service now has it, when it said so. */
  readonly lineage?: LineageResource;
};

/** A decision that is an act for one target alone; what is installed is installed for all, by `installAll`. */
export type Act = Exclude<Decision, { readonly do: 'nothing' | 'wait' | 'install' }>;

const phases = {
  makeKey: 'key',
  request: 'request',
  resend: 'request',
  stop: 'request',
  check: 'check',
  confirm: 'confirm',
  discard: 'check',
} as const;

/** Carries a decision out. Never rejects for what a port rejects with. */
export async function takeStep(input: StepInput, act: Act): Promise<Stepped> {
  try {
    return await stepOf(input, act);
  } catch (thrown) {
    return afterTrouble(input, faultOf(thrown, phases[act.do]));
  }
}

/** A key that proved of no use is given up, and its certificate with it; everything else stays as it is. */
function afterTrouble({ record }: Pick<StepInput, 'record'>, fault: Fault): Stepped {
  if (fault.error.reason !== 'keyUnusable') return { record, fault };
  const unusable = record.inPlace?.certificate ?? null;
  return { record: { ...record, unusable, work: { step: 'idle' } }, fault };
}

function stepOf(input: StepInput, act: Act): Promise<Stepped> {
  const { work } = input.record;
  switch (act.do) {
    case 'makeKey':
      return makeKey(input, act);
    case 'request':
      return prepareRequest(input, expected(work, 'keyMade'));
    case 'resend':
      return send(input, expected(work, 'requested'));
    case 'check':
      return check(input, expected(work, 'issued'));
    case 'confirm':
      return confirm(input);
    case 'discard':
      input.ports.log('renewal.discarded', { target: input.target.name, because: act.because });
      return went(input.record, { work: { step: 'idle' } });
    case 'stop':
      throw new Trouble(act.reason, act.why, { pace: 'slow', hints: [stopHint] });
    default:
      return act satisfies never;
  }
}

const stopHint = 'an operator sees why by `omens devices show`, and grants or resumes it';

function expected<S extends Work['step']>(work: Work, step: S): Extract<Work, { readonly step: S }> {
  if (work.step !== step) throw new TypeError(`the work is ${work.step}, not ${step}`);
  return work as Extract<Work, { readonly step: S }>;
}

const went = (record: TargetRecord, change: Partial<TargetRecord>): Promise<Stepped> =>
  Promise.resolve({ record: { ...record, ...change }, fault: null });

function serverOf({ server }: StepInput): KeepServer {
  if (server === null) throw new Trouble('serverUnreachable', 'the service was not reached');
  return server;
}

async function makeKey(
  { ports, target, record }: StepInput,
  { because, installAt }: Extract<Act, { readonly do: 'makeKey' }>,
): Promise<Stepped> {
  ports.log('renewal.begins', { target: target.name, profile: target.profile, because });
  const key = await ports.host.makeKey(target);
  return went(record, { work: { step: 'keyMade', key, because, installAt, bodyText: null } });
}

/** The octets to be sent, which are on disk before they are: what follows is the same request however often it is sent. */
async function prepareRequest(input: StepInput, work: Extract<Work, { readonly step: 'keyMade' }>): Promise<Stepped> {
  const { ports, target, record } = input;
  const { key, because, installAt } = work;
  const { lineage } = record;
  if (lineage === null) throw new Trouble('noLineage', 'the service has not named the lineage of this target yet');
  const nonce = await serverOf(input).newNonce();
  const made =
    work.bodyText === null
      ? await ports.host.makeRequest(target, { lineage, key, nonce })
      : { bodyText: work.bodyText, isBoundToNonce: false };
  return went(record, { work: { step: 'requested', lineage, nonce, key, because, installAt, ...made } });
}

async function send(input: StepInput, work: Extract<Work, { readonly step: 'requested' }>): Promise<Stepped> {
  const { ports, target, record } = input;
  const { lineage, bodyText, nonce, key, because, installAt } = work;
  const answer = await serverOf(input).renew({ lineage, bodyText, nonce });
  if (answer.ok) {
    const { certificate, recovered } = answer.value;
    ports.log('certificate.issued', { target: target.name, notAfter: certificate.notAfter, recovered });
    return went(record, { work: { step: 'issued', key, because, installAt, answer: certificate } });
  }
  if (isNonceRefusal(answer)) {
    // The nonce ran out before the service saw it, or long after: the same key speaks anew.
    return went(record, {
      work: { step: 'keyMade', key, because, installAt, bodyText: work.isBoundToNonce ? null : bodyText },
    });
  }
  const isKept = isUndecided(answer);
  return {
    record: isKept ? record : { ...record, work: { step: 'idle' } },
    fault: faultOfRefusal(answer, 'request'),
  };
}

/** Nothing on the host changes for a certificate that is not what was asked for; the key asks anew. */
async function check(
  { ports, target, record }: StepInput,
  work: Extract<Work, { readonly step: 'issued' }>,
): Promise<Stepped> {
  const { key, because, installAt, answer } = work;
  const checked = await ports.host.check(target, { key, answer });
  if (checked.ok) return went(record, { work: { ...work, step: 'staged', facts: checked.value } });
  const { reason, detail } = checked.error;
  return {
    record: { ...record, work: { step: 'keyMade', key, because, installAt, bodyText: null } },
    fault: {
      error: { phase: 'check', reason, detail },
      hints: ['nothing was installed; the certificate in place stays'],
      ...{ pace: 'usual', retryAfterSeconds: null, areKeysLost: false },
    },
  };
}

/** A target and its record. */
type Installing = Pick<StepInput, 'target' | 'record'>;

/** Puts in place what is staged for these targets, at once; answers in the given order. Never rejects for a port. */
export async function installAll(ports: KeepPorts, targets: readonly Installing[]): Promise<readonly Stepped[]> {
  const works = targets.map(({ target, record }) => ({ target, record, work: expected(record.work, 'staged') }));
  try {
    const wishes = works.map(({ target, work: { key, answer } }) => ({ target, key, answer }));
    const placings = await ports.host.installAll(wishes);
    return works.map((one, at) => installed(ports, one, placings[at]));
  } catch (thrown) {
    const fault = faultOf(thrown, 'install');
    return works.map((one) => afterTrouble(one, fault));
  }
}

function installed(
  ports: KeepPorts,
  { target, record, work }: Installing & { readonly work: Extract<Work, { readonly step: 'staged' }> },
  placing: Placing | undefined,
): Stepped {
  if (placing === undefined) throw new RangeError(`putting ${target.name} in place has no outcome`);
  if (placing.state !== 'installed') {
    const { error, hints, state } = placing;
    if (state === 'rolledBack') ports.log('certificate.rolledBack', { target: target.name, reason: error.reason });
    return { record, fault: { error, hints, pace: 'usual', retryAfterSeconds: null, areKeysLost: false } };
  }
  const { observed } = placing;
  const { facts, answer } = work;
  ports.log('certificate.installed', { target: target.name, ...facts, generation: observed.generation });
  const change: Partial<TargetRecord> = {
    inPlace: { ...facts, renewAt: answer.renewAt, window: null },
    work: { step: 'installed', certificate: facts.certificate, observed },
    ...{ failure: null, rolledBackByHand: null },
  };
  return { record: { ...record, ...change }, fault: null };
}

async function confirm(input: StepInput): Promise<Stepped> {
  const { ports, target, record } = input;
  const { work } = record;
  const certificate = work.step === 'installed' ? work.certificate : record.inPlace?.certificate;
  if (certificate === undefined) throw new TypeError('there is nothing to confirm');
  const server = serverOf(input);
  const observed = work.step === 'installed' ? work.observed : await ports.host.observe(target);
  const nonce = await server.newNonce();
  const signature = await ports.host.signConfirmation(target, { certificate, nonce });
  const body = { place: target.place, signature, observed };
  const answer = await server.confirm({ certificate, body, nonce });
  if (!answer.ok) {
    if (isNonceRefusal(answer)) return went(record, {});
    const isKept = isUndecided(answer);
    return {
      record: isKept ? record : { ...record, work: { step: 'idle' } },
      fault: faultOfRefusal(answer, 'confirm'),
    };
  }
  const by = answer.value.newest?.confirmedBy ?? null;
  ports.log('certificate.confirmed', { target: target.name, certificate, by });
  const confirmed = { certificate, by, at: wireTime(ports.now()) };
  const concluded: TargetRecord = { ...record, work: { step: 'idle' }, confirmed, failure: null };
  return { record: concluded, fault: null, lineage: answer.value };
}
