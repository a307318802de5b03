// One host to be kept and its service, in memory: a disk that remembers what was saved, a clock that a test moves, a TPM
// that fails when it is told to, and a service that keeps the promises a host leans on (single nonces, retransmission).
import { createHash } from 'node:crypto';
import type { HostReportBody, LineageResource, RenewalAnswer } from '../../src/domain/lineage-wire.ts';
import { err, ok } from '../../src/domain/result.ts';
import { wireTime } from '../../src/domain/wire.ts';
import {
  type KeepAnswer,
  type KeepPorts,
  type KeepServer,
  type KeepTarget,
  type Placing,
  Trouble,
} from '../../src/agent/keep-ports.ts';
import type { CertificateFacts, Kept, KeptKey } from '../../src/agent/kept.ts';
import { nothingKept } from '../../src/agent/kept.ts';
import { ruleOf } from '../../src/agent/keep-decision.ts';
import { problem } from './enrollment-server.ts';

const day = 86_400_000;

/** What a test may change while the world runs. */
export type KeepWorld = {
  readonly ports: KeepPorts;
  /** True time; the host's clock differs from it by `skewMilliseconds`. */
  time: number;
  skewMilliseconds: number;
  random: number;
  lifetimeMilliseconds: number;
  targets: KeepTarget[];
  /** What lies on the disk: the kept state as text, and the pair of each target. */
  disk: { kept: string; readonly files: Map<string, { facts: CertificateFacts; key: string }> };
  /** Throws after the durable write of this number, counted from 1. */
  crashAfterSave: number | null;
  saves: number;
  isServerAway: boolean;
  /** Replies to renewals that are lost after the service has acted. */
  loseReplies: number;
  /** Answers the next call of this kind with a refusal, once. */
  refuseNext: { readonly call: 'renew' | 'confirm' | 'report'; readonly answer: Refused } | null;
  /** Thrown by the TPM at the next use, and at every one while `isLasting`. */
  tpmTrouble: Trouble | null;
  tpmUses: number;
  isTpmTroubleLasting: boolean;
  /** What putting in place ends in, while it is not null. */
  placing: Exclude<Placing, { readonly state: 'installed' }> | null;
  /** The only target for which `placing` holds; null for all. */
  placingOf: string | null;
  recoveryMode: 'auto' | 'manual';
  recoveryState: 'issued' | 'pending';
  recoveries: number;
  /** Names of the targets of each call. */
  readonly installs: string[][];
  /** Every request that arrived: `report`, `renew <sha256>`, `confirm`, `nonce`. */
  readonly calls: string[];
  readonly reports: HostReportBody[];
  readonly events: string[];
  readonly lineages: Map<string, FakeLineage>;
  readonly lineage: (name: string) => FakeLineage;
  readonly kept: () => Kept;
};

type Refused = Extract<KeepAnswer<never>, { readonly ok: false }>;

export type FakeLineage = {
  readonly id: string;
  readonly profile: string;
  readonly place: string;
  readonly issued: { readonly facts: CertificateFacts; readonly key: string; readonly issuedAt: number }[];
  confirmed: string | null;
  pulledTo: number | null;
  isBlocked: boolean;
  isRevoked: boolean;
};

/** A refusal as the service words it. */
export const refusedWith = (status: number, reason: string, retryAfterSeconds: number | null = null): Refused => ({
  ok: false,
  problem: problem(status, reason, `refused for ${reason}`),
  retryAfterSeconds,
});

/** A target as tests want it. */
export const keepTarget = (name: string, over: Partial<KeepTarget> = {}): KeepTarget => ({
  ...{ name, profile: name, place: '', hasSpireAgent: false, stageEarly: false },
  ...over,
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const keyName = (key: KeptKey): string => (key.kind === 'tpm' ? key.public : key.privateKeyPem);

/** A host that was enrolled at `start`, with a DevID and a Keylime certificate in place. */
export function keepWorld(start = Date.UTC(2026, 10, 1)): KeepWorld {
  const world: Omit<KeepWorld, 'ports'> & { ports?: KeepPorts } = {
    ...{ time: start, skewMilliseconds: 0, random: 0.5, lifetimeMilliseconds: 90 * day },
    targets: [keepTarget('devid'), keepTarget('keylime-agent')],
    disk: { kept: JSON.stringify(nothingKept), files: new Map() },
    ...{ crashAfterSave: null, saves: 0, isServerAway: false, loseReplies: 0, refuseNext: null },
    ...{ tpmTrouble: null, tpmUses: 0, isTpmTroubleLasting: false, placing: null, placingOf: null },
    ...{ recoveryMode: 'auto', recoveryState: 'issued', recoveries: 0, installs: [] },
    ...{ calls: [], reports: [], events: [], lineages: new Map() },
    lineage: (name) => world.lineages.get(name)!,
    kept: () => JSON.parse(world.disk.kept) as Kept,
  };
  const made = { ...world, ports: undefined as unknown as KeepPorts };
  Object.assign(world, made);
  const self = world as KeepWorld;
  const nonces = new Map<string, number | null>();
  let counted = 0;
  const number = (): number => (counted += 1);
  const hostNow = (): Date => new Date(self.time + self.skewMilliseconds);

  for (const { name, profile, place } of self.targets) {
    self.lineages.set(name, {
      ...{ id: `lineage-${name}`, profile, place, issued: [] },
      ...{ confirmed: null, pulledTo: null, isBlocked: false, isRevoked: false },
    });
    const key = `key-${number()}`;
    self.disk.files.set(name, { facts: issue(self.lineage(name), key), key });
  }

  function issue(lineage: FakeLineage, key: string): CertificateFacts {
    const facts = {
      certificate: sha256(`${lineage.id} ${number()}`),
      notBefore: wireTime(new Date(self.time - 60_000)),
      notAfter: wireTime(new Date(self.time - 60_000 + self.lifetimeMilliseconds)),
    };
    lineage.issued.push({ facts, key, issuedAt: self.time });
    lineage.pulledTo = null;
    return facts;
  }

  const renewAtOf = (lineage: FakeLineage): string | null => {
    const newest = lineage.issued.at(-1);
    if (newest === undefined) return null;
    return wireTime(lineage.pulledTo === null ? ruleOf(lineage.profile, newest.facts) : new Date(lineage.pulledTo));
  };

  function resource(lineage: FakeLineage): LineageResource {
    const newest = lineage.issued.at(-1);
    const renewAt = renewAtOf(lineage);
    return {
      ...{ id: lineage.id, device: 'device', hostName: 'tower.example.org' },
      ...{ profile: lineage.profile, place: lineage.place, state: lineage.isBlocked ? 'blocked' : 'current' },
      ...{ since: null, reason: lineage.isBlocked ? 'its device is suspended' : null, inUse: null, renewAt },
      newest:
        newest === undefined
          ? null
          : {
              ...newest.facts,
              ...{
                serial: '01',
                issuedAt: wireTime(new Date(newest.issuedAt)),
                status: lineage.isRevoked ? 'revoked' : 'good',
              },
              installedAt: lineage.confirmed === newest.facts.certificate ? newest.facts.notBefore : null,
              confirmedAt: lineage.confirmed === newest.facts.certificate ? newest.facts.notBefore : null,
              confirmedBy: lineage.confirmed === newest.facts.certificate ? 'host' : null,
            },
      window: renewAt === null ? null : { start: wireTime(new Date(Date.parse(renewAt) - 3600_000)), end: renewAt },
      pulled: lineage.pulledTo === null ? null : { at: wireTime(new Date(self.time)), by: 'ops', because: 'test' },
      lastError: null,
    };
  }

  /** Null when the nonce is good and now used; the refusal otherwise. */
  function spend(nonce: string): Refused | null {
    const madeAt = nonces.get(nonce);
    if (madeAt === undefined) return refusedWith(401, 'unknownNonce');
    if (madeAt === null) return refusedWith(401, 'spentNonce');
    nonces.set(nonce, null);
    return self.time - madeAt > 300_000 ? refusedWith(401, 'expiredNonce') : null;
  }

  function arrive(call: string, kind: 'renew' | 'confirm' | 'report' | 'nonce'): Refused | null {
    if (self.isServerAway) throw new Trouble('serverUnreachable', 'the service cannot be reached');
    self.calls.push(call);
    if (self.refuseNext?.call !== kind) return null;
    const { answer } = self.refuseNext;
    self.refuseNext = null;
    return answer;
  }

  const answers = new Map<string, RenewalAnswer>();
  const server: KeepServer = {
    newNonce: async () => {
      arrive('nonce', 'nonce');
      const nonce = `nonce-${number()}`;
      nonces.set(nonce, self.time);
      return nonce;
    },
    report: async (body) => {
      useTpm();
      const refusal = arrive('report', 'report');
      if (refusal !== null) return refusal;
      self.reports.push(body);
      return ok({
        time: wireTime(new Date(self.time)),
        lineages: [...self.lineages.values()].map(resource),
        trustGeneration: 0,
        callAgainSeconds: 3600,
      });
    },
    renew: async ({ lineage: id, bodyText, nonce }) => {
      useTpm();
      const refusal = arrive(`renew ${sha256(bodyText)}`, 'renew');
      if (refusal !== null) return refusal;
      const known = answers.get(sha256(bodyText));
      const lineage = [...self.lineages.values()].find((one) => one.id === id)!;
      const body = JSON.parse(bodyText) as { key: string; nonce: string | null };
      if (known === undefined) {
        const spent = spend(nonce);
        if (spent !== null) return spent;
        if (lineage.isBlocked) return refusedWith(403, 'deviceNotActive');
        if (body.nonce !== null && body.nonce !== nonce) return refusedWith(403, 'qualifyingDataMismatch');
        const facts = issue(lineage, body.key);
        lineage.isRevoked = false;
        answers.set(sha256(bodyText), {
          ...{ state: 'issued', recovered: false },
          certificate: {
            ...{ profile: lineage.profile, lineage: id, certificate: JSON.stringify(facts), chain: '' },
            ...{ notAfter: facts.notAfter, renewAt: renewAtOf(lineage) ?? '' },
          },
        });
      }
      if (self.loseReplies > 0) {
        self.loseReplies -= 1;
        throw new Trouble('serverUnreachable', 'the test lost the reply');
      }
      return ok(answers.get(sha256(bodyText))!);
    },
    confirm: async ({ certificate, body, nonce }) => {
      useTpm();
      const refusal = arrive('confirm', 'confirm') ?? spend(nonce);
      if (refusal !== null) return refusal;
      const lineage = [...self.lineages.values()].find((one) => one.issued.at(-1)?.facts.certificate === certificate);
      if (lineage === undefined) return refusedWith(409, 'notNewest');
      const { key } = lineage.issued.at(-1)!;
      if (body.signature !== `${key} over ${certificate} ${nonce}`) return refusedWith(403, 'wrongProof');
      lineage.confirmed = certificate;
      return ok(resource(lineage));
    },
    close: () => undefined,
  };

  function useTpm(): void {
    self.tpmUses += 1;
    if (self.tpmTrouble === null) return;
    const trouble = self.tpmTrouble;
    if (!self.isTpmTroubleLasting) self.tpmTrouble = null;
    throw trouble;
  }

  const put = (target: KeepTarget, { key, answer }: { key: KeptKey; answer: { certificate: string } }): void => {
    self.disk.files.set(target.name, {
      facts: JSON.parse(answer.certificate) as CertificateFacts,
      key: keyName(key),
    });
  };
  const observed = () => ({
    ...{ installedAt: wireTime(hostNow()), generation: self.installs.length, servedSha256: null },
    ...{ hasSpireAgent: false, checks: [] },
  });

  const ports: KeepPorts = {
    agentVersion: 'test',
    now: hostNow,
    random: () => self.random,
    load: async () => self.kept(),
    save: async (kept) => {
      self.disk.kept = JSON.stringify(kept);
      self.saves += 1;
      if (self.saves === self.crashAfterSave) throw new Error('kill -9');
    },
    exclusively: (work) => work(),
    targets: async () => self.targets,
    connect: async () => {
      if (self.isServerAway) throw new Trouble('serverUnreachable', 'the service cannot be reached');
      if (Math.abs(self.skewMilliseconds) > 30 * day) {
        throw new Trouble('clockDiffers', 'the clock of this host is wrong', { pace: 'clock' });
      }
      return server;
    },
    host: {
      inPlace: async ({ name }) => {
        const there = self.disk.files.get(name);
        return there === undefined ? { state: 'missing', why: 'missing' } : { state: 'inPlace', ...there.facts };
      },
      makeKey: async ({ profile }) => {
        if (profile === 'devid') useTpm();
        const name = `key-${number()}`;
        return profile === 'devid'
          ? { kind: 'tpm', public: name, private: '' }
          : { kind: 'software', privateKeyPem: name };
      },
      makeRequest: async ({ profile }, { key, nonce }) => {
        const isBoundToNonce = profile === 'devid';
        if (isBoundToNonce) useTpm();
        const made = { key: keyName(key), nonce: isBoundToNonce ? nonce : null, salt: number() };
        return { bodyText: JSON.stringify(made), isBoundToNonce };
      },
      check: async (_target, { key, answer }) => {
        const facts = JSON.parse(answer.certificate) as CertificateFacts;
        const issued = [...self.lineages.values()].flatMap((one) => one.issued);
        const isOurs = issued.some((one) => one.facts.certificate === facts.certificate && one.key === keyName(key));
        if (!isOurs) return err({ reason: 'unrequestedCertificate', detail: 'not for the key that asked' });
        return hostNow() > new Date(facts.notAfter)
          ? err({ reason: 'notValidNow', detail: 'it has ended' })
          : ok(facts);
      },
      installAll: async (wishes) => {
        if (wishes.length === 0) throw new Error('nothing to be put in place');
        self.installs.push(wishes.map(({ target }) => target.name));
        return wishes.map(({ target, ...issued }) => {
          if (self.placing !== null && (self.placingOf ?? target.name) === target.name) return self.placing;
          put(target, issued);
          return { state: 'installed', observed: observed() };
        });
      },
      observe: async () => observed(),
      signConfirmation: async ({ name }, { certificate, nonce }) => {
        if (name === 'devid') useTpm();
        return `${self.disk.files.get(name)!.key} over ${certificate} ${nonce}`;
      },
      examined: async () => ({ findings: [], unmanaged: [] }),
    },
    trust: { generation: async () => 0, isDue: async () => false, renew: async () => ok({ generation: 0 }) },
    recovery: {
      get mode() {
        return self.recoveryMode;
      },
      enroll: async () => {
        self.recoveries += 1;
        if (self.recoveryState === 'pending') return { state: 'pending', detail: 'an operator has to approve' };
        self.tpmTrouble = null;
        for (const { name } of self.targets) {
          const key = `key-${number()}`;
          self.disk.files.set(name, { facts: issue(self.lineage(name), key), key });
        }
        return { state: 'issued' };
      },
    },
    tend: async () => undefined,
    log: (event) => void self.events.push(event),
  };
  return Object.assign(self, { ports });
}
