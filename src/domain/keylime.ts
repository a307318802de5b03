// What Keylime says of its agents, and what follows from it in time: who is attested, who fails, and since when. Pure; the
// states are those of Keylime 7.14 (keylime/common/states.py).

/** The gate: no renewal while attestation fails. */
export type AttestationGate = {
  readonly isEnabled: boolean;
  /** A host is held after it failed for so long. */
  readonly failingForSeconds: number;
  /** It fails no more after it passed for so long. */
  readonly passingForSeconds: number;
  /** Hosts that may be held at once: a number, or a share of those that are attested. */
  readonly mostHeld: { readonly hosts: number } | { readonly percent: number };
};

/** Where Keylime is, and how it is asked. */
export type KeylimeSettings = {
  /** Origins; null where it is not to be asked. */
  readonly registrarUrl: string | null;
  readonly verifierUrl: string | null;
  /** PEM; the certificate with its chain. Read at each look, since they are renewed daily. */
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** Such as 2.6. */
  readonly apiVersion: string;
  readonly everySeconds: number;
  readonly gate: AttestationGate;
};

/** An agent as the verifier has it. `operationalState` is null where the agent itself sends its quotes. */
export type VerifiedAgent = {
  readonly agent: string;
  readonly operationalState: number | null;
  readonly attestationStatus: string | null;
  readonly lastSuccessfulAttestation: Date | null;
};

const stateNames: readonly string[] = [
  'registered',
  'start',
  'saved',
  'getQuote',
  'getQuoteRetry',
  'provideV',
  'provideVRetry',
  'failed',
  'terminated',
  'invalidQuote',
  'tenantFailed',
];

/** The name of a state of the verifier. */
export const stateName = (state: number | null): string | null => (state === null ? null : (stateNames[state] ?? null));

const invalidQuote = 9;
const failedStates: readonly number[] = [7, invalidQuote, 10];
const passingStates: readonly number[] = [3, 4, 5, 6];

/** `starting`: neither attested nor failing yet, or any more. */
export type Verdict = 'passing' | 'failing' | 'starting';

/** What the verifier's word means. In pull mode the state decides, in push mode the status. */
export function verdictOf({ operationalState, attestationStatus }: AttestationWord): Verdict {
  if (operationalState !== null) {
    if (failedStates.includes(operationalState)) return 'failing';
    return passingStates.includes(operationalState) ? 'passing' : 'starting';
  }
  if (attestationStatus === 'FAIL' || attestationStatus === 'TIMEOUT') return 'failing';
  return attestationStatus === 'PASS' ? 'passing' : 'starting';
}

type AttestationWord = Pick<VerifiedAgent, 'operationalState' | 'attestationStatus'>;

/** The quote itself was wrong: the host is not what it was, and did not merely stay away. */
export const isQuoteWrong = ({ operationalState, attestationStatus }: AttestationWord): boolean =>
  operationalState === invalidQuote || (operationalState === null && attestationStatus === 'FAIL');

/** Since when an agent fails or passes. */
export type AttestationSince = { readonly failingSince: Date | null; readonly passingSince: Date | null };

/**
 * The next of these instants. A failure begins with the first bad word and ends only after good words alone for long
 * enough: what comes and goes is failing. A word that is neither leaves it as it is.
 */
export function nextSince(
  before: AttestationSince,
  verdict: Verdict,
  { now, passingForSeconds }: { readonly now: Date; readonly passingForSeconds: number },
): AttestationSince {
  if (verdict === 'failing') return { failingSince: before.failingSince ?? now, passingSince: null };
  if (verdict === 'starting') return { failingSince: before.failingSince, passingSince: null };
  const passingSince = before.passingSince ?? now;
  const isOver = now.getTime() - passingSince.getTime() >= passingForSeconds * 1000;
  return { failingSince: isOver ? null : before.failingSince, passingSince };
}

/** A host whose agent fails, as the gate sees it. */
export type GateCandidate = {
  readonly agent: string;
  readonly deviceId: string | null;
  readonly isDeviceActive: boolean;
  readonly isFailing: boolean;
  readonly failingSince: Date | null;
  readonly heldAt: Date | null;
  /** An admin let it through until then. */
  readonly letThroughUntil: Date | null;
};

/** Whom the gate holds, and how many it lets through because it holds as many as it may. */
export type GateDecision = { readonly held: readonly string[]; readonly beyondCap: number; readonly cap: number };

/**
 * Holds whoever failed for long enough, those first that it holds already, then the longest failing, and no more than the
 * cap: a verifier that takes every host for bad stops no fleet. A held host stays so until its failure is over.
 */
export function decideGate(
  candidates: readonly GateCandidate[],
  { gate, attested, now }: { readonly gate: AttestationGate; readonly attested: number; readonly now: Date },
): GateDecision {
  const cap = 'hosts' in gate.mostHeld ? gate.mostHeld.hosts : Math.floor((attested * gate.mostHeld.percent) / 100);
  if (!gate.isEnabled) return { held: [], beyondCap: 0, cap };
  const due = candidates.filter(
    ({ deviceId, isDeviceActive, isFailing, failingSince, heldAt, letThroughUntil }) =>
      deviceId !== null &&
      isDeviceActive &&
      failingSince !== null &&
      (letThroughUntil === null || letThroughUntil <= now) &&
      (heldAt !== null || (isFailing && now.getTime() - failingSince.getTime() >= gate.failingForSeconds * 1000)),
  );
  const rank = ({ heldAt, failingSince }: GateCandidate): number => (heldAt ?? failingSince ?? now).getTime();
  const inOrder = due.toSorted(
    (a, b) =>
      Number(a.heldAt === null) - Number(b.heldAt === null) || rank(a) - rank(b) || a.agent.localeCompare(b.agent),
  );
  return {
    held: inOrder.slice(0, cap).map(({ agent }) => agent),
    beyondCap: Math.max(0, inOrder.length - cap),
    cap,
  };
}

/** The verifier's word is good for so many looks; after that nobody is held by it. */
const looksOfOneWord = 5;

/** From when on a word of the verifier still counts. */
export const wordCountsFrom = (now: Date, { everySeconds }: Pick<KeylimeSettings, 'everySeconds'>): Date =>
  new Date(now.getTime() - everySeconds * looksOfOneWord * 1000);

/** A host that was let through is held again after so long. Seconds. */
export const letThroughSeconds = 86_400;
