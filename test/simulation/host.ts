// A host as its agent sees it: a disk on which each write is one instant, a TPM and key files of fake keys, and a process
// that may die between any two writes. The ports are honest fakes; deciding and acting is the agent's own code.
import type { Dice } from '../hostile/dice.ts';
import { type KeepHost, type KeepPorts, type KeepTarget, type Placing, Trouble } from '../../src/agent/keep-ports.ts';
import { type Kept, type KeptKey, nothingKept } from '../../src/agent/kept.ts';
import { attestedDigest, confirmationMessage } from '../../src/domain/attested-statement.ts';
import type { ObservedUse, RenewalBody, RenewalDocument } from '../../src/domain/lineage-wire.ts';
import { base64url } from '../../src/domain/octets.ts';
import { err, ok } from '../../src/domain/result.ts';
import { type IssuedCertificateResource, wireTime } from '../../src/domain/wire.ts';
import { readFakeCertificate } from './certificates.ts';
import type { FleetHost, FleetTarget } from './fleet.ts';
import type { FakeKey, KeyRegistry } from './keys.ts';
import { connect, type NetworkPorts } from './network.ts';

/** The process died between two writes. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** A generation of files: key and certificate together, as a reader finds them. */
export type Pair = {
  readonly certificate: string;
  /** The file of the certificate. */
  readonly text: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly public: string;
  readonly private: string;
};

export type Disk = {
  /** The text of the agent's state. */
  kept: Kept;
  /** Written beside, not in service. */
  readonly next: Map<string, Pair>;
  /** In service, by target. */
  readonly places: Map<string, Pair>;
};

/** What lasts of a host from boot to boot. */
export type SimulatedHost = {
  readonly fleet: FleetHost;
  readonly disk: Disk;
  /** Attestation key and request key: made at the enrollment. */
  readonly attestationKey: FakeKey;
  /** Counts generations. */
  generation: number;
};

export const newDisk = (): Disk => ({ kept: nothingKept, next: new Map(), places: new Map() });

/** Of so many writes or hooks one fails. */
export type Mishaps = { readonly killed: number; readonly hookFails: number; readonly tpmBusy: number };

export type HostPorts = {
  readonly host: SimulatedHost;
  readonly keys: KeyRegistry;
  readonly dice: Dice;
  readonly mishaps: Mishaps;
  readonly network: Omit<NetworkPorts, 'alive' | 'hostNow'>;
  /** The host's clock, milliseconds. */
  readonly hostNow: () => number;
  /** A reader of the files sees this pair from now on. */
  readonly onPlaced: (target: FleetTarget, pair: Pair) => void;
  readonly onEvent: (event: string) => void;
};

/** One process of the agent: from a start to its end by `Killed`, a halt or the end of the simulation. */
export function agentProcess(ports: HostPorts): KeepPorts {
  const { host, dice, hostNow, mishaps } = ports;
  let isDead = false;
  const alive = (): void => {
    if (isDead) throw new Killed();
  };
  /** A write that is durable once this returns; the process may die just before or just after it. */
  const write = (change: () => void): void => {
    alive();
    const roll = dice.roll(mishaps.killed * 2);
    if (roll !== 0) change();
    if (roll > 1) return;
    isDead = true;
    ports.onEvent('killed');
    throw new Killed();
  };
  const network: NetworkPorts = { ...ports.network, alive, hostNow };
  const isTextual = host.fleet.index % 16 === 0;
  return {
    agentVersion: 'simulated',
    now: () => new Date(hostNow()),
    random: () => dice.roll(1_000_000) / 1_000_000,
    load: async () => host.disk.kept,
    save: async (kept) =>
      // Records never change, so the disk may keep them; some hosts go through text to show that nothing is lost by it.
      write(() => (host.disk.kept = isTextual ? (JSON.parse(JSON.stringify(kept)) as Kept) : kept)),
    exclusively: (work) => work(),
    targets: async () => host.fleet.targets,
    connect: () => connect(network, host.fleet.deviceId),
    host: filesAndKeys({ ...ports, alive, write }),
    tend: async () => undefined,
    trust: { isDue: async () => false, generation: async () => 0, renew: async () => ok({ generation: 0 }) },
    recovery: { mode: 'manual', enroll: () => Promise.reject(new Error('a simulated TPM is never cleared')) },
    log: (event, { reason }) => {
      alive();
      ports.onEvent(reason === undefined ? event : `${event} ${String(reason)}`);
    },
  };
}

type Process = HostPorts & { readonly alive: () => void; readonly write: (change: () => void) => void };

function filesAndKeys(process: Process): KeepHost {
  const { host, keys, dice, mishaps, alive } = process;
  const placeOf = ({ name }: KeepTarget): Pair | null => host.disk.places.get(name) ?? null;
  const observed = (): ObservedUse => ({
    installedAt: wireTime(new Date(process.hostNow())),
    generation: host.generation,
    ...{ servedSha256: null, hasSpireAgent: false, checks: [] },
  });
  return {
    inPlace: async (target) => {
      alive();
      const pair = placeOf(target);
      if (pair === null) return { state: 'missing', why: 'there is no file' };
      const { certificate, notBefore, notAfter } = pair;
      return { state: 'inPlace', certificate, notBefore, notAfter };
    },
    makeKey: async (target) => {
      alive();
      if (dice.roll(mishaps.tpmBusy) === 0) throw new Trouble('tpmBusy', 'the TPM answers TPM_RC_RETRY');
      return keptKey(targetOf(host, target), keys.make());
    },
    makeRequest: async (target, request) => {
      alive();
      return requestFor(process, targetOf(host, target), request);
    },
    check: async (_, { key, answer }) => {
      alive();
      const read = readFakeCertificate(answer.certificate);
      const facts = { certificate: read.fingerprint, notBefore: read.notBefore, notAfter: read.notAfter };
      if (read.public !== keyOf(key).public) return err({ reason: 'keyDiffers', detail: 'it is for another key' });
      const hasEnded = new Date(process.hostNow()) > new Date(facts.notAfter);
      return hasEnded ? err({ reason: 'ended', detail: `it ended at ${facts.notAfter}` }) : ok(facts);
    },
    installAll: async (wishes) => {
      const placings: Placing[] = [];
      for (const { target, ...issued } of wishes) {
        placings.push(await install(process, targetOf(host, target), issued));
      }
      return placings;
    },
    observe: async () => observed(),
    signConfirmation: async (target, { certificate, nonce }) => {
      alive();
      const pair = placeOf(target);
      if (pair === null) throw new Trouble('keyUnusable', 'there is no key in its place');
      return keys.sign(pair.private, confirmationMessage(certificate, Buffer.from(nonce, 'base64url')));
    },
    examined: async () => ({ findings: [], unmanaged: [] }),
  };

  /** Written beside, then switched: a reader sees the one pair or the other. */
  async function install(
    { write, onPlaced }: Process,
    target: FleetTarget,
    { key, answer }: { readonly key: KeptKey; readonly answer: IssuedCertificateResource },
  ) {
    const read = readFakeCertificate(answer.certificate);
    const { fingerprint, notBefore, notAfter } = read;
    const pair: Pair = { certificate: fingerprint, text: answer.certificate, notBefore, notAfter, ...keyOf(key) };
    write(() => host.disk.next.set(target.name, pair));
    if (dice.roll(mishaps.hookFails) === 0) {
      const error = { phase: 'postCheck', reason: 'postCheckFailed', detail: 'port 443 refuses' } as const;
      return { state: 'rolledBack', error, hints: [] } as const;
    }
    write(() => {
      const written = host.disk.next.get(target.name);
      if (written === undefined) throw new Error('nothing was written beside');
      host.generation += 1;
      host.disk.places.set(target.name, written);
      onPlaced(target, written);
    });
    return { state: 'installed', observed: observed() } as const;
  }
}

function targetOf(host: SimulatedHost, { name }: KeepTarget): FleetTarget {
  const target = host.fleet.targets.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  return target;
}

const keptKey = ({ isTpmKey }: FleetTarget, key: FakeKey): KeptKey =>
  isTpmKey ? { kind: 'tpm', ...key } : { kind: 'software', privateKeyPem: `${key.public} ${key.private}` };

export function keyOf(key: KeptKey): FakeKey {
  if (key.kind === 'tpm') return { public: key.public, private: key.private };
  const [publicOctets = '', privateOctets = ''] = key.privateKeyPem.split(' ');
  return { public: publicOctets, private: privateOctets };
}

/** A request as the real one is bound: a TPM key by AK and itself to lineage, nonce and octets; a CSR by its own key. */
function requestFor(
  { keys, host }: Process,
  target: FleetTarget,
  request: { readonly lineage: string; readonly key: KeptKey; readonly nonce: string },
) {
  const key = keyOf(request.key);
  const csr = `${key.public} ${keys.sign(key.private, 'csr')}`;
  const document: RenewalDocument = {
    version: 1,
    lineage: request.lineage,
    key: target.isTpmKey ? { public: key.public } : { csr: base64url(Buffer.from(csr)) },
  };
  const octets = Buffer.from(JSON.stringify(document));
  const body: RenewalBody = { request: base64url(octets) };
  if (!target.isTpmKey) return { bodyText: JSON.stringify(body), isBoundToNonce: false };
  const nonce = Buffer.from(request.nonce, 'base64url');
  const digest = attestedDigest('renewal', { id: request.lineage, nonce, request: octets });
  const certification = {
    attest: base64url(digest),
    signature: keys.sign(host.attestationKey.private, `${key.public} ${base64url(digest)}`),
    proof: keys.sign(key.private, digest),
  };
  return { bodyText: JSON.stringify({ ...body, certification }), isBoundToNonce: true };
}
