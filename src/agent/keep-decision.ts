// What to do next for one target. Pure: the same record, files, word of the server and instant give the same answer.
import type { LineageResource } from '../domain/lineage-wire.ts';
import { renewAt } from '../domain/renewal.ts';
import { wireTime } from '../domain/wire.ts';
import { type CertificateFacts, type InPlace, isPausing, type TargetRecord, type Work } from './kept.ts';

/** What lies in a target's place now. `unfit`: files are there, and no consumer could use them. */
export type LocalFiles =
  | ({ readonly state: 'inPlace' } & CertificateFacts)
  | { readonly state: 'missing' | 'unfit'; readonly why: string };

/** What the server said in its last answer of this round. `time` is its clock; `lineage` null when it knows none. */
export type ServerView = { readonly time: Date; readonly lineage: LineageResource | null };

export type DecisionInput = {
  readonly target: { readonly profile: string; readonly stageEarly: boolean };
  readonly record: TargetRecord;
  readonly files: LocalFiles;
  /** Null while the server has not answered in this round. */
  readonly view: ServerView | null;
  /** The host's clock. */
  readonly now: Date;
  /** `unpaused`: a person waits, back-off is not kept. `forced`: renew whatever the window says. */
  readonly urgency: 'usual' | 'unpaused' | 'forced';
};

/** `until` is when the same question is worth asking again, if nothing else happens. */
export type Decision =
  | { readonly do: 'nothing'; readonly until: Date; readonly why: string }
  | { readonly do: 'wait'; readonly until: Date; readonly why: string }
  /** The server refuses this lineage, or knows none: asking would change nothing. */
  | { readonly do: 'stop'; readonly reason: string; readonly why: string }
  | { readonly do: 'makeKey'; readonly because: string; readonly installAt: string | null }
  | { readonly do: 'request' }
  | { readonly do: 'resend' }
  | { readonly do: 'check' }
  | { readonly do: 'install' }
  | { readonly do: 'confirm' }
  /** What was under way is of no use any more. */
  | { readonly do: 'discard'; readonly because: string };

/** Whether a decision can be carried out only with the server. */
export const needsServer = ({ do: what }: Decision): boolean =>
  what === 'request' || what === 'resend' || what === 'confirm';

/** Decides. */
export function decide(input: DecisionInput): Decision {
  const { record, now, urgency } = input;
  const { failure, work } = record;
  const isPaused = failure !== null && urgency === 'usual' && isPausing(failure, now);
  if (isPaused && !isUnblocked(input)) {
    return { do: 'wait', until: new Date(failure.nextAttemptAt), why: failure.error.detail };
  }
  switch (work.step) {
    case 'idle':
      return atRest(input);
    case 'keyMade':
      return stopped(input) ?? { do: 'request' };
    case 'requested':
      return { do: 'resend' };
    case 'issued':
      return { do: 'check' };
    case 'staged':
      return staged(input, work);
    case 'installed':
      return isThere(input, work.certificate)
        ? { do: 'confirm' }
        : { do: 'discard', because: 'the certificate that was installed is not in its place any more' };
    default:
      return work satisfies never;
  }
}

/** The server had blocked it, and now says that it has not: the pause has lost its reason. */
const isUnblocked = ({ record, view }: DecisionInput): boolean =>
  stopReasons.includes(record.failure?.error.reason ?? '') &&
  view?.lineage !== undefined &&
  view.lineage !== null &&
  view.lineage.state !== 'blocked';

/** Reasons of `stop`. */
const stopReasons: readonly string[] = ['blocked', 'noLineage'];

function atRest(input: DecisionInput): Decision {
  const due = dueOf(input);
  if (input.urgency === 'forced') return stopped(input) ?? { do: 'makeKey', because: 'forced', installAt: null };
  if (due.is)
    return stopped(input) ?? { do: 'makeKey', because: due.because, installAt: installAt(input, due.because) };
  if (isUnconfirmed(input)) return { do: 'confirm' };
  return { do: 'nothing', until: due.at, why: 'the certificate in place is good' };
}

/** Nothing is asked for a lineage that the server has blocked or does not know. */
function stopped({ view }: DecisionInput): Extract<Decision, { readonly do: 'stop' }> | null {
  if (view === null) return null;
  if (view.lineage === null) {
    return { do: 'stop', reason: 'noLineage', why: 'the service grants this host no such certificate for this place' };
  }
  const { state, reason } = view.lineage;
  return state === 'blocked' ? { do: 'stop', reason: 'blocked', why: reason ?? 'the service has blocked it' } : null;
}

type Due = { readonly is: true; readonly because: string } | { readonly is: false; readonly at: Date };

/** Whether the next certificate is due: at once where none is of use, else at the instant that was drawn for it. */
function dueOf(input: DecisionInput): Due {
  const { files, now, view, record } = input;
  if (files.state !== 'inPlace') return { is: true, because: files.why };
  if (now > new Date(files.notAfter)) return { is: true, because: 'expired' };
  if (record.unusable === files.certificate) return { is: true, because: 'keyUnusable' };
  const told = view?.lineage ?? null;
  const isNewest = told?.newest?.certificate === files.certificate;
  if (isNewest && told.newest.status === 'revoked') return { is: true, because: 'revoked' };
  // The server's instants are read by the server's clock: a wrong clock here makes nothing late.
  if (isNewest && told.renewAt !== null) {
    const start = input.target.stageEarly ? earlier(told.window?.start ?? told.renewAt, told.renewAt) : told.renewAt;
    return dueAt(new Date(start), view?.time ?? now, told.pulled === null ? 'windowOpen' : 'pulled');
  }
  return dueAt(storedStart(input, files, record), now, 'windowOpen');
}

function storedStart({ target }: DecisionInput, files: CertificateFacts, { inPlace }: TargetRecord): Date {
  if (inPlace?.certificate !== files.certificate) return ruleOf(target.profile, files);
  const { renewAt: drawn, window } = inPlace;
  return new Date(target.stageEarly ? earlier(window?.start ?? drawn, drawn) : drawn);
}

const dueAt = (instant: Date, now: Date, because: string): Due =>
  now >= instant ? { is: true, because } : { is: false, at: instant };

/** The instant by the rule that the server draws by, for a certificate of which nobody has told one. */
export const ruleOf = (profile: string, { certificate, notBefore, notAfter }: CertificateFacts): Date =>
  renewAt({ profile, fingerprint: certificate, notBefore: new Date(notBefore), notAfter: new Date(notAfter) });

/** A certificate that was fetched before its time waits for it; every other one goes in place as soon as it is there. */
function installAt({ target, record, view }: DecisionInput, because: string): string | null {
  if (!target.stageEarly || because !== 'windowOpen') return null;
  return view?.lineage?.renewAt ?? record.inPlace?.renewAt ?? null;
}

function staged(input: DecisionInput, work: Extract<Work, { readonly step: 'staged' }>): Decision {
  const { now, files, view } = input;
  const { certificate, notBefore, notAfter } = work.facts;
  if (now > new Date(notAfter)) return { do: 'discard', because: 'it ended before it could be installed' };
  const told = view?.lineage?.newest ?? null;
  if (told?.certificate === certificate && told.status === 'revoked') {
    return { do: 'discard', because: 'it was revoked before it was installed' };
  }
  if (now < new Date(notBefore)) {
    return { do: 'wait', until: new Date(notBefore), why: `by this host's clock it is not valid before ${notBefore}` };
  }
  const isNeeded = files.state !== 'inPlace' || now > new Date(files.notAfter) || input.urgency === 'forced';
  const { installAt: chosen } = work;
  return chosen !== null && !isNeeded && now < new Date(chosen)
    ? { do: 'wait', until: new Date(chosen), why: 'staged; its time has not come' }
    : { do: 'install' };
}

const isThere = ({ files }: DecisionInput, certificate: string): boolean =>
  files.state === 'inPlace' && files.certificate === certificate;

/** In place and the newest, and the server lacks this host's word for it: after an enrollment, or restored from old. */
function isUnconfirmed({ files, view, record }: DecisionInput): boolean {
  const newest = view?.lineage?.newest ?? null;
  if (files.state !== 'inPlace' || newest?.certificate !== files.certificate || newest.confirmedAt !== null)
    return false;
  return record.confirmed?.certificate !== files.certificate || newest.installedAt === null;
}

/** So long after other hands changed the files nothing is done against them, as long as they are of use. */
const respectFraction = 1 / 4;

/**
 * The record with what was seen: the server's instants, and a certificate in place that this record does not know, which
 * an enrollment, a rollback or a person put there. The latter is renewed by the rule, but not before a quarter of its
 * remaining life is over: otherwise a rollback would be undone at once.
 */
export function noticed(input: DecisionInput): TargetRecord {
  const { files, view, now, target } = input;
  const record = withRollback(input.record, files);
  const told = view?.lineage ?? null;
  const lineage = told?.id ?? record.lineage;
  if (files.state !== 'inPlace') return changed(record, { lineage, inPlace: null });
  const { certificate, notBefore, notAfter } = files;
  const isNewest = told?.newest?.certificate === certificate;
  if (isNewest && told.renewAt !== null) {
    const inPlace = { certificate, notBefore, notAfter, renewAt: told.renewAt, window: told.window };
    return changed(record, { lineage, inPlace });
  }
  if (record.inPlace?.certificate === certificate) return changed(record, { lineage, inPlace: record.inPlace });
  const respected = now.getTime() + (new Date(notAfter).getTime() - now.getTime()) * respectFraction;
  const drawn = new Date(Math.max(ruleOf(target.profile, files).getTime(), respected));
  return changed(record, { lineage, inPlace: { certificate, notBefore, notAfter, renewAt: at(drawn), window: null } });
}

/** A rollback by hand is over once something else lies in its place. */
function withRollback(record: TargetRecord, files: LocalFiles): TargetRecord {
  const { rolledBackByHand } = record;
  const isOver =
    rolledBackByHand !== null && files.state === 'inPlace' && files.certificate !== rolledBackByHand.certificate;
  return isOver ? { ...record, rolledBackByHand: null } : record;
}

/** The very same record where nothing changes, so that nothing is written. */
function changed(record: TargetRecord, seen: Pick<TargetRecord, 'lineage' | 'inPlace'>): TargetRecord {
  const isSame = record.lineage === seen.lineage && isSamePlace(record.inPlace, seen.inPlace);
  return isSame ? record : { ...record, ...seen };
}

/** Its dates are those of the certificate, and cannot differ alone. */
const isSamePlace = (a: InPlace | null, b: InPlace | null): boolean =>
  a === b ||
  (a !== null &&
    b !== null &&
    a.certificate === b.certificate &&
    a.renewAt === b.renewAt &&
    a.window?.start === b.window?.start &&
    a.window?.end === b.window?.end);

const at = (instant: Date): string => wireTime(instant);
const earlier = (a: string, b: string): string => (a < b ? a : b);
