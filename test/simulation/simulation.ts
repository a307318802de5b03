// Runs a fleet against a service on a clock that jumps from event to event, and writes down what happened. Decides
// nothing about certificates: hosts run the agent's rounds, the backend the service's use cases.
import { keepRound } from '../../src/agent/keep-round.ts';
import type { KeepPorts } from '../../src/agent/keep-ports.ts';
import type { LineageResource } from '../../src/domain/lineage-wire.ts';
import { diceOf, type Dice } from '../hostile/dice.ts';
import { agenda } from './agenda.ts';
import { readFakeCertificate } from './certificates.ts';
import { type FleetHost, makeFleet } from './fleet.ts';
import { agentProcess, type HostPorts, Killed, newDisk, type Pair, type SimulatedHost } from './host.ts';
import { contains, type Interval, type Intervals } from './intervals.ts';
import { type FakeKey, keyRegistry, type KeyRegistry } from './keys.ts';
import type { Service } from './network.ts';
import type { Placing, Signing, Wait } from './oracle.ts';
import { clockOffset, day, minute, serverSchedule } from './schedule.ts';

/** What an operator does to the fleet, and when. */
export type OperatorAct = { readonly at: number } & (
  | { readonly act: 'suspend' | 'resume' | 'retire'; readonly deviceId: string }
  | { readonly act: 'withdrawGrant'; readonly deviceId: string; readonly profile: string }
  | { readonly act: 'pull'; readonly profile: string }
);

/** The service with its store, in one process with the simulation. */
export type Backend = {
  readonly service: Service;
  /** Makes the device with its keys, grants and lineages, and gives the first pair of each target. */
  readonly enroll: (host: SimulatedHost, now: Date) => Promise<ReadonlyMap<string, Pair>>;
  readonly operate: (act: OperatorAct, now: Date) => Promise<void>;
  readonly lineages: (now: Date) => Promise<readonly LineageResource[]>;
  /** Audit events by name. */
  readonly audit: () => Promise<ReadonlyMap<string, number>>;
};

export type SimulationOptions = {
  readonly seed: number;
  readonly hosts: number;
  readonly days: number;
  readonly backend: (world: World) => Promise<Backend>;
};

/** What the backend may know of the simulation. */
export type World = {
  readonly keys: KeyRegistry;
  readonly dice: Dice;
  readonly fleet: readonly FleetHost[];
  /** Public octets of the AK that a device was enrolled with. */
  readonly attestationKeyOf: (deviceId: string) => string;
  readonly ceilingAt: (at: number) => number;
  readonly onSigned: (signing: Signing) => void;
  /** A host was told to wait because of the ceiling. */
  readonly onWait: (lineage: string, at: number) => void;
};

export type Outcome = {
  readonly span: Interval;
  readonly fleet: readonly FleetHost[];
  readonly server: Intervals;
  readonly acts: readonly OperatorAct[];
  readonly ceilingAt: (at: number) => number;
  readonly signings: readonly Signing[];
  readonly placings: readonly Placing[];
  readonly waits: readonly Wait[];
  readonly lineages: readonly LineageResource[];
  readonly audit: ReadonlyMap<string, number>;
  /** By host: the most calls within one of its days, and all. */
  readonly calls: ReadonlyMap<string, { readonly most: number; readonly all: number; readonly boots: number }>;
  readonly events: ReadonlyMap<string, number>;
  readonly rounds: number;
  /** Retransmissions that were answered otherwise, pairs that differ, and other things that nobody may see. */
  readonly faults: readonly string[];
};

const start = Date.UTC(2026, 0, 1);
/** Days in which fewer renewals are allowed than are asked for. */
const lowCeiling = { from: start + 250 * day, to: start + 252 * day };

type Event =
  /** `clock`: it is set, wrong or right, which the daemon sees within a minute. */
  | { readonly kind: 'boot' | 'halt' | 'wake' | 'clock'; readonly host: Running }
  | { readonly kind: 'operator'; readonly act: OperatorAct };

/** A host with its process, if it runs. */
type Running = {
  readonly host: SimulatedHost;
  process: KeepPorts | null;
  isEnrolled: boolean;
  /** Of the only wake that counts; 0 for none. */
  wakeAt: number;
  calls: { day: number; today: number; most: number; all: number; boots: number };
};

export async function simulate(options: SimulationOptions): Promise<Outcome> {
  const span = { from: start, to: start + options.days * day };
  const fleet = makeFleet(diceOf(options.seed), { count: options.hosts, span });
  const server = serverSchedule(diceOf(options.seed + 1), span);
  const acts = operatorActs(diceOf(options.seed + 2), fleet, span);
  const ceilingAt = (at: number): number => {
    const usual = Math.max(3, Math.round(options.hosts / 6));
    return contains([lowCeiling], at) ? Math.max(1, Math.round(options.hosts / 170)) : usual;
  };
  const log = {
    signings: [] as Signing[],
    placings: [] as Placing[],
    waits: [] as Wait[],
    events: new Map<string, number>(),
    faults: [] as string[],
  };
  // Troubles are expected by the thousand, and nobody reads where they came from.
  Error.stackTraceLimit = 0;
  const keys = keyRegistry(options.seed);
  const attestationKeys = new Map(fleet.map(({ deviceId }) => [deviceId, keys.make()]));
  const backend = await options.backend({
    ...{ keys, fleet, ceilingAt, dice: diceOf(options.seed + 3) },
    attestationKeyOf: (deviceId) => attestationKeys.get(deviceId)?.public ?? '',
    onSigned: (signing) => void log.signings.push(signing),
    onWait: (lineage, at) => void log.waits.push({ lineage, at }),
  });
  const run = new Run({ options, span, server, backend, keys, attestationKeys, log });
  await run.play(fleet, acts);
  const end = new Date(span.to);
  return {
    ...{ span, fleet, server, acts, ceilingAt, ...log, rounds: run.rounds },
    lineages: await backend.lineages(end),
    audit: await backend.audit(),
    calls: new Map(run.hosts.map(({ host, calls }) => [host.fleet.hostName, calls])),
  };
}

type RunParts = {
  readonly options: SimulationOptions;
  readonly span: Interval;
  readonly server: Intervals;
  readonly backend: Backend;
  readonly keys: KeyRegistry;
  readonly attestationKeys: ReadonlyMap<string, FakeKey>;
  readonly log: {
    readonly placings: Placing[];
    readonly events: Map<string, number>;
    readonly faults: string[];
  };
};

const usual = { urgency: () => 'usual' as const };

class Run {
  readonly #parts: RunParts;
  readonly #agenda = agenda<Event>();
  readonly #dice: Dice;
  hosts: readonly Running[] = [];
  rounds = 0;
  #now: number;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#dice = diceOf(parts.options.seed + 4);
    this.#now = parts.span.from;
  }

  async play(fleet: readonly FleetHost[], acts: readonly OperatorAct[]): Promise<void> {
    const { span, attestationKeys } = this.#parts;
    this.hosts = fleet.map((one) => ({
      host: { fleet: one, disk: newDisk(), attestationKey: attestationKeys.get(one.deviceId)!, generation: 0 },
      ...{ process: null, isEnrolled: false, wakeAt: 0 },
      calls: { day: 0, today: 0, most: 0, all: 0, boots: 0 },
    }));
    for (const host of this.hosts) {
      this.#putBoot(host);
      for (const { from, to } of host.host.fleet.schedule.clockErrors) {
        this.#agenda.put(from, { kind: 'clock', host });
        this.#agenda.put(to, { kind: 'clock', host });
      }
    }
    for (const act of acts) this.#agenda.put(act.at, { kind: 'operator', act });
    for (let first = this.#agenda.next(); first !== null && first.at < span.to; first = this.#agenda.next()) {
      this.#now = first.at;
      await this.#happen(first.event);
    }
    this.#now = span.to;
  }

  async #happen(event: Event): Promise<void> {
    const { backend } = this.#parts;
    switch (event.kind) {
      case 'operator':
        return backend.operate(event.act, new Date(this.#now));
      case 'boot':
        return this.#boot(event.host);
      case 'clock':
        if (event.host.process !== null) this.#sleep(event.host, minute);
        return;
      case 'halt':
        event.host.process = null;
        event.host.wakeAt = 0;
        this.#putBoot(event.host);
        return;
      case 'wake':
        // Woken earlier by something else, or no longer there.
        return event.host.wakeAt === this.#now ? this.#round(event.host) : undefined;
      default:
        return event satisfies never;
    }
  }

  /** The next boot; it brings its halt. */
  #putBoot(running: Running): void {
    const next = running.host.fleet.schedule.up[running.calls.boots];
    if (next === undefined) return;
    this.#agenda.put(next.from, { kind: 'boot', host: running });
    if (next.to < this.#parts.span.to) this.#agenda.put(next.to, { kind: 'halt', host: running });
  }

  #isServerUp = (): boolean => contains(this.#parts.server, this.#now);

  async #boot(running: Running): Promise<void> {
    const { host } = running;
    running.calls.boots += 1;
    if (!running.isEnrolled) {
      const pairs = await this.#parts.backend.enroll(host, new Date(this.#now));
      for (const target of host.fleet.targets) {
        const pair = pairs.get(target.name);
        if (pair === undefined) throw new Error(`${host.fleet.hostName} was not given ${target.name}`);
        host.disk.places.set(target.name, pair);
        this.#parts.log.placings.push({ at: this.#now, lineage: target.lineage, fingerprint: pair.certificate });
      }
      running.isEnrolled = true;
    }
    running.process = this.#start(running);
    this.#sleep(running, 20_000 + this.#dice.roll(40_000));
  }

  #start(running: Running): KeepPorts {
    const { keys, log, backend } = this.#parts;
    const { host, calls } = running;
    const ports: HostPorts = {
      ...{ host, keys, dice: this.#dice },
      mishaps: { killed: 2000, hookFails: 400, tpmBusy: 300 },
      hostNow: () => this.#now + clockOffset(host.fleet.schedule, this.#now),
      onEvent: (event) => void log.events.set(event, (log.events.get(event) ?? 0) + 1),
      onPlaced: ({ lineage }, pair) => {
        log.placings.push({ at: this.#now, lineage, fingerprint: pair.certificate });
        const isOfKey = keys.verify(readFakeCertificate(pair.text).public, 'pair', keys.sign(pair.private, 'pair'));
        if (!isOfKey) log.faults.push(`${host.fleet.hostName}: a pair that differs: ${pair.certificate}`);
      },
      network: {
        ...{ service: backend.service, dice: this.#dice, isServerUp: this.#isServerUp, now: () => this.#now },
        losses: { requests: 15, replies: 15, twice: 10 },
        onCall: () => countCall(calls, this.#now),
        onDifference: (what) => void log.faults.push(`${host.fleet.hostName}: retransmission answered: ${what}`),
      },
    };
    return agentProcess(ports);
  }

  async #round(running: Running): Promise<void> {
    const { process } = running;
    if (process === null) return;
    this.rounds += 1;
    running.wakeAt = 0;
    try {
      const { nextAt } = await keepRound(process, usual);
      this.#sleep(running, nextAt.getTime() - process.now().getTime());
    } catch (thrown) {
      if (!(thrown instanceof Killed)) throw thrown;
      // systemd starts it again.
      running.process = this.#start(running);
      this.#sleep(running, 5000);
    }
  }

  #sleep(running: Running, milliseconds: number): void {
    running.wakeAt = this.#now + Math.max(1000, milliseconds);
    this.#agenda.put(running.wakeAt, { kind: 'wake', host: running });
  }
}

function countCall(calls: Running['calls'], now: number): void {
  const today = Math.floor(now / day);
  if (calls.day !== today) {
    calls.day = today;
    calls.today = 0;
  }
  calls.today += 1;
  calls.all += 1;
  calls.most = Math.max(calls.most, calls.today);
}

/** One host in five hundred is suspended (every second of them for good), as many are retired or lose a grant. */
function operatorActs(dice: Dice, fleet: readonly FleetHost[], span: Interval): readonly OperatorAct[] {
  const length = span.to - span.from;
  const sometime = (): number => Math.round(span.from + length * (0.4 + dice.roll(500) / 1000));
  const acts = fleet.flatMap(({ deviceId, targets, index }): readonly OperatorAct[] => {
    const at = sometime();
    if (index % 500 === 11) {
      const resumed = Math.round(at + (2 + dice.roll(30)) * day);
      const suspension = { at, act: 'suspend', deviceId } as const;
      return index % 1000 === 11 ? [suspension] : [suspension, { at: resumed, act: 'resume', deviceId }];
    }
    if (index % 500 === 42) return [{ at, act: 'retire', deviceId }];
    if (index % 500 === 17) return [{ at, act: 'withdrawGrant', deviceId, profile: targets[1]!.profile }];
    return [];
  });
  return [...acts, { at: Math.round(span.from + length / 2), act: 'pull', profile: 'spire-agents' }];
}
