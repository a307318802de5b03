// Agents of Keylime: what fails and since when, whom the gate holds and whom it must not, and what is told of strangers.
import { describe, expect, test } from '@jest/globals';
import {
  type AttestationGate,
  decideGate,
  nextSince,
  type VerifiedAgent,
  verdictOf,
} from '../../../../src/domain/keylime.ts';
import {
  type AgentRecord,
  type KeylimeDevice,
  keylimeOutcome,
  type KeylimeScene,
} from '../../../../src/domain/keylime-agents.ts';
import { keylimeStandings, type KeylimeStandingFacts } from '../../../../src/domain/standings/keylime.ts';

const start = new Date('2026-11-26T12:00:00Z');
const at = (seconds: number): Date => new Date(start.getTime() + seconds * 1000);
const gate: AttestationGate = {
  ...{ isEnabled: true, failingForSeconds: 900, passingForSeconds: 300, mostHeld: { hosts: 2 } },
};
const device = (name: string, over: Partial<KeylimeDevice> = {}): KeylimeDevice => ({
  ...{ id: `device-${name}`, hostName: `${name}.example.org`, state: 'active', keylimeUuid: name, hasAgent: true },
  createdAt: at(-30 * 86_400),
  ...over,
});
const word = (
  agent: string,
  operationalState: number | null,
  attestationStatus: string | null = null,
): VerifiedAgent => ({
  ...{ agent, operationalState, attestationStatus, lastSuccessfulAttestation: null },
});

/** A Keylime that is asked again and again; `step` answers the agents by name. */
function story(devices: readonly KeylimeDevice[], over: Partial<AttestationGate> = {}) {
  let before: readonly AgentRecord[] = [];
  const events: string[] = [];
  const outcomeAt = (
    seconds: number,
    verified: readonly VerifiedAgent[] | null,
    registered: readonly string[] | null,
  ) => {
    const scene: KeylimeScene = {
      ...{ before, answers: { verified, registered }, devices, gate: { ...gate, ...over }, now: at(seconds) },
      wordCountsFrom: at(seconds - 300),
    };
    const outcome = keylimeOutcome(scene);
    before = outcome.agents;
    events.push(...outcome.events.map(({ event, facts }) => `${seconds} ${event} ${String(facts['hostName'])}`));
    return outcome;
  };
  return {
    events,
    step: (seconds: number, verified: readonly VerifiedAgent[] | null, registered: readonly string[] | null = null) =>
      new Map(outcomeAt(seconds, verified, registered).agents.map((agent) => [agent.agent, agent])),
    outcomeAt,
  };
}

describe('the word of the verifier', () => {
  test.each([
    [3, null, 'passing'],
    [4, 'PASS', 'passing'],
    [7, 'FAIL', 'failing'],
    [9, null, 'failing'],
    [10, 'FAIL', 'failing'],
    [1, 'PENDING', 'starting'],
    [8, 'PENDING', 'starting'],
    [null, 'PASS', 'passing'],
    [null, 'TIMEOUT', 'failing'],
    [null, 'FAIL', 'failing'],
    [null, 'PENDING', 'starting'],
  ] as const)('state %s and status %s is %s', (operationalState, attestationStatus, verdict) => {
    expect(verdictOf({ operationalState, attestationStatus })).toBe(verdict);
  });

  test('that comes and goes is a failure from its first instant, until it was good for long enough', () => {
    let since: Pick<AgentRecord, 'failingSince' | 'passingSince'> = { failingSince: null, passingSince: null };
    const hear = (seconds: number, verdict: 'passing' | 'failing' | 'starting') =>
      (since = nextSince(since, verdict, { now: at(seconds), passingForSeconds: 300 }));
    hear(0, 'passing');
    hear(60, 'failing');
    hear(120, 'passing');
    expect(hear(240, 'failing')).toEqual({ failingSince: at(60), passingSince: null });
    hear(300, 'passing');
    expect(hear(599, 'passing').failingSince).toEqual(at(60));
    expect(hear(600, 'passing')).toEqual({ failingSince: null, passingSince: at(300) });
  });
});

describe('the gate', () => {
  test('holds a host after it failed for long enough, and lets it go after it passed for long enough', () => {
    const { step, events } = story([device('a')]);
    step(0, [word('a', 7)]);
    expect(step(899, [word('a', 7)]).get('a')?.heldAt).toBeNull();
    expect(step(900, [word('a', 7)]).get('a')?.heldAt).toEqual(at(900));
    step(960, [word('a', 3)]);
    expect(step(1259, [word('a', 3)]).get('a')?.heldAt).toEqual(at(900));
    expect(step(1260, [word('a', 3)]).get('a')?.heldAt).toBeNull();
    expect(events).toEqual(['900 attestation.held a.example.org', '1260 attestation.released a.example.org']);
  });

  test('that is off holds nobody', () => {
    const { step, events } = story([device('a')], { isEnabled: false });
    step(0, [word('a', 9)]);
    expect(step(90_000, [word('a', 9)]).get('a')?.heldAt).toBeNull();
    expect(events).toEqual([]);
  });

  test('holds as many as it may and no more when all fail at once, and says how many it let through', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const { step, outcomeAt } = story(names.map((name) => device(name)));
    const words = names.map((name) => word(name, 7));
    step(0, words);
    const { agents, decision } = outcomeAt(900, words, null);
    expect(agents.filter(({ heldAt }) => heldAt !== null)).toHaveLength(2);
    expect(decision).toMatchObject({ beyondCap: 3, cap: 2 });
  });

  test('keeps those that it holds, whoever else begins to fail', () => {
    const { step } = story([device('b'), device('c'), device('a')]);
    step(0, [word('b', 7), word('c', 7)]);
    step(900, [word('b', 7), word('c', 7)]);
    step(1000, [word('a', 7), word('b', 7), word('c', 7)]);
    const after = step(2000, [word('a', 7), word('b', 7), word('c', 7)]);
    expect([...after.values()].filter(({ heldAt }) => heldAt !== null).map(({ agent }) => agent)).toEqual(['b', 'c']);
  });

  test('may be capped by a share of those that are attested', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
    const { step, outcomeAt } = story(
      names.map((name) => device(name)),
      { mostHeld: { percent: 10 } },
    );
    const words = names.map((name) => word(name, name < 'd' ? 7 : 3));
    step(0, words);
    expect(outcomeAt(900, words, null).decision).toMatchObject({ held: ['a'], beyondCap: 2, cap: 1 });
  });

  test('holds nobody any more when the verifier fell silent, or forgot the agent', () => {
    const silent = story([device('a')]);
    silent.step(0, [word('a', 7)]);
    silent.step(900, [word('a', 7)]);
    expect(silent.step(1100, null).get('a')?.heldAt).toEqual(at(900));
    expect(silent.step(1201, null).get('a')?.heldAt).toBeNull();
    const forgotten = story([device('a')]);
    forgotten.step(0, [word('a', 7)], ['a']);
    forgotten.step(900, [word('a', 7)], ['a']);
    expect(forgotten.step(960, [], ['a']).get('a')).toMatchObject({ heldAt: null, failingSince: null, wordAt: null });
  });

  test('holds no host that is suspended, that nobody knows, or that an admin let through', () => {
    const through = { letThroughUntil: at(5000), heldAt: null, isFailing: true, failingSince: at(0) };
    const candidate = { agent: 'a', deviceId: 'd', isDeviceActive: true, ...through };
    const held = (over: object, now = at(2000)): number =>
      decideGate([{ ...candidate, ...over }], { gate, attested: 1, now }).held.length;
    expect(held({})).toBe(0);
    expect(held({}, at(5000))).toBe(1);
    expect(held({ letThroughUntil: null })).toBe(1);
    expect(held({ letThroughUntil: null, isDeviceActive: false })).toBe(0);
    expect(held({ letThroughUntil: null, deviceId: null })).toBe(0);
  });
});

describe('what is told', () => {
  const facts = (over: Partial<KeylimeStandingFacts>): KeylimeStandingFacts => ({
    ...{ devices: [], agents: [], gate, now: at(0), sameKey: new Map(), isRegistrarAsked: true, silent: [] },
    decision: { held: [], beyondCap: 0, cap: 2 },
    ...over,
  });
  const told = (over: Partial<KeylimeStandingFacts>) =>
    keylimeStandings(facts(over)).map(({ condition, subject, level }) => `${level} ${condition} ${subject}`);
  const agentsOf = (seconds: number, verified: readonly VerifiedAgent[] | null, devices: readonly KeylimeDevice[]) => {
    const { outcomeAt } = story(devices);
    outcomeAt(0, verified, ['a']);
    return outcomeAt(seconds, verified, ['a']).agents;
  };

  test('a host that stays away is a warning after two minutes, and critical after a quarter of an hour', () => {
    const devices = [device('a')];
    const of = (seconds: number) =>
      told({ devices, agents: agentsOf(seconds, [word('a', 7)], devices), now: at(seconds) });
    expect(of(119)).toEqual([]);
    expect(of(120)).toEqual(['warning attestationFailing keylimeAgent:a']);
    expect(of(900)).toEqual(['critical attestationFailing keylimeAgent:a']);
  });

  test('a wrong quote is critical at once, and alone', () => {
    const devices = [device('a')];
    const agents = agentsOf(1, [word('a', 9)], devices);
    const [standing] = keylimeStandings(facts({ devices, agents, now: at(1) }));
    expect(standing).toMatchObject({
      ...{ level: 'critical', cause: 'keylimeAgent:a', deviceId: 'device-a' },
      reason: expect.stringMatching(/^invalidQuote since .*; never attested$/),
    });
  });

  test('more failing hosts than the gate holds are told as such', () => {
    expect(told({ decision: { held: [], beyondCap: 3, cap: 2 } })).toEqual([
      'critical attestationFailing keylime:gate',
    ]);
  });

  test('a registration of nobody is a warning after three days and critical after seven', () => {
    const of = (days: number) => told({ agents: agentsOf(days * 86_400, null, []), now: at(days * 86_400) });
    expect(of(2)).toEqual([]);
    expect(of(3)).toEqual(['warning keylimeInventory keylimeAgent:a']);
    expect(of(7)).toEqual(['critical keylimeInventory keylimeAgent:a']);
  });

  test('the example UUID, a host under a second UUID, and a host without an agent are told at once', () => {
    const example = 'd432fbb3-d2f1-4a97-9ef7-75bd81c00000';
    const { outcomeAt } = story([]);
    const { agents } = outcomeAt(0, null, [example, 'second']);
    const devices = [device('first')];
    expect(told({ agents, devices, sameKey: new Map([['second', devices[0]!]]) })).toEqual([
      `critical keylimeInventory keylimeAgent:${example}`,
      'warning keylimeInventory keylimeAgent:second',
      'warning keylimeInventory device:device-first',
    ]);
    expect(told({ devices: [device('b', { hasAgent: false }), device('c', { createdAt: at(-60) })] })).toEqual([]);
  });

  test('a registrar that is silent is told at its second look, and nothing is missing meanwhile', () => {
    const silent = [{ who: 'registrar', since: at(0), detail: 'ECONNREFUSED' }] as const;
    expect(told({ devices: [device('a')], silent })).toEqual([]);
    expect(told({ devices: [device('a')], silent, now: at(60) })).toEqual([
      'warning keylimeInventory keylime:registrar',
    ]);
    expect(told({ silent, now: at(3600) })).toEqual(['critical keylimeInventory keylime:registrar']);
  });
});
