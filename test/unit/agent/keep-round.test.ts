// Rounds of keeping on a host in memory: what is lost, what crashes, what is refused, and what a host does about it.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { keepRound, type RoundOptions } from '../../../src/agent/keep-round.ts';
import { Trouble } from '../../../src/agent/keep-ports.ts';
import { keepTarget, type KeepWorld, keepWorld, refusedWith } from '../../fakes/keep-world.ts';

const day = 86_400_000;
const hour = 3_600_000;
const usual: RoundOptions = { urgency: () => 'usual' };

let world: KeepWorld;
beforeEach(() => {
  world = keepWorld();
});

const round = (options = usual) => keepRound(world.ports, options);
const devid = () => world.lineage('devid');
const renewals = () => world.calls.filter((call) => call.startsWith('renew'));
const inPlace = (name: string) => world.disk.files.get(name)?.facts.certificate;
const newest = (name: string) => world.lineage(name).issued.at(-1)?.facts.certificate;

/** Rounds as the daemon would do them, until a true time; at most so many. */
async function keepUntil(time: number, most = 10_000): Promise<number> {
  for (let rounds = 1; rounds <= most; rounds += 1) {
    const { nextAt } = await round();
    const next = Math.max(world.time + 1000, nextAt.getTime() - world.skewMilliseconds);
    if (next > time) {
      world.time = time;
      return rounds;
    }
    world.time = next;
  }
  throw new Error(`more than ${most} rounds`);
}

describe('a calm host', () => {
  test('confirms what enrollment left, and then only reports', async () => {
    const { hasFailed, ...rest } = await round();
    expect({
      hasFailed,
      failures: rest.targets.map(({ record }) => record.failure),
      contact: rest.contact.failure,
    }).toEqual({ hasFailed: false, failures: [null, null], contact: null });
    expect(devid().confirmed).toBe(newest('devid'));
    const before = world.calls.length;
    world.time += 2 * hour;
    await round();
    expect(world.calls.slice(before)).toEqual(['report']);
  });

  test('has an unbroken row of confirmed certificates over a year, one new one every sixty days or more', async () => {
    await keepUntil(world.time + 365 * day);
    await round();
    const { issued, confirmed } = devid();
    expect(issued.length).toBeGreaterThanOrEqual(5);
    expect(issued.length).toBeLessThanOrEqual(7);
    expect(confirmed).toBe(newest('devid'));
    expect(new Set(issued.map(({ key }) => key)).size).toBe(issued.length);
    for (const [at, one] of issued.slice(1).entries()) {
      expect(one.issuedAt).toBeLessThan(Date.parse(issued[at]!.facts.notAfter));
    }
  });

  test('writes nothing when nothing has changed', async () => {
    await round();
    world.time += 60_000;
    const { saves } = world;
    await round();
    expect(world.saves).toBe(saves);
  });

  test('renews at once what the service pulled forward', async () => {
    await round();
    devid().pulledTo = world.time;
    world.time += 2 * hour;
    await round();
    expect(devid().issued).toHaveLength(2);
    expect(inPlace('devid')).toBe(newest('devid'));
  });

  test('renews by force before its time, once', async () => {
    await round({ urgency: ({ name }) => (name === 'devid' ? 'forced' : 'unpaused') });
    expect(devid().issued).toHaveLength(2);
    expect(world.lineage('keylime-agent').issued).toHaveLength(1);
    expect(devid().confirmed).toBe(newest('devid'));
  });
});

describe('a lost reply', () => {
  test.each(['devid', 'keylime-agent'])(
    'of %s is asked for with the same octets, and makes no second certificate',
    async (name) => {
      await round();
      world.time = Date.parse(world.lineage(name).issued[0]!.facts.notAfter) - day;
      world.targets = world.targets.filter((target) => target.name === name);
      world.loseReplies = 1;
      await round();
      await keepUntil(world.time + hour);
      expect(world.lineage(name).issued).toHaveLength(2);
      expect(renewals()).toHaveLength(2);
      expect(renewals()[0]).toBe(renewals()[1]);
      expect(world.lineage(name).confirmed).toBe(newest(name));
    },
  );

  test('is asked for even after the nonce has run out, and the answer is the stored one', async () => {
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 5 * day;
    world.targets = [keepTarget('devid')];
    world.loseReplies = 1;
    await round();
    world.isServerAway = true;
    await keepUntil(world.time + 3 * hour);
    world.isServerAway = false;
    await keepUntil(world.time + 2 * hour);
    expect(devid().issued).toHaveLength(2);
    expect(devid().confirmed).toBe(newest('devid'));
  });
});

describe('a nonce that the service refuses', () => {
  test('has the key of the TPM speak anew, with the same key', async () => {
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - day;
    world.refuseNext = { call: 'renew', answer: refusedWith(401, 'expiredNonce') };
    world.targets = [keepTarget('devid')];
    await round();
    const keys = world.events.filter((event) => event === 'renewal.begins');
    expect(keys).toHaveLength(1);
    expect(new Set(renewals()).size).toBe(2);
    expect(devid().issued).toHaveLength(2);
    expect(devid().confirmed).toBe(newest('devid'));
  });

  test('leaves the octets of a request for a software key as they are', async () => {
    await round();
    world.targets = [keepTarget('keylime-agent')];
    world.time = Date.parse(world.lineage('keylime-agent').issued[0]!.facts.notAfter) - day;
    world.refuseNext = { call: 'renew', answer: refusedWith(401, 'expiredNonce') };
    await round();
    expect(renewals()).toHaveLength(2);
    expect(new Set(renewals()).size).toBe(1);
  });

  test('again and again is a failure with a pause, not a loop', async () => {
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - day;
    const { renew } = await world.ports.connect();
    expect(renew).toBeDefined();
    const server = await world.ports.connect();
    const stubborn = { ...server, renew: async () => refusedWith(401, 'unknownNonce') };
    const { targets } = await keepRound({ ...world.ports, connect: async () => stubborn }, usual);
    expect(targets[0]?.record.failure?.error.reason).toBe('noProgress');
    expect(Date.parse(targets[0]!.record.failure!.nextAttemptAt)).toBeGreaterThan(world.time);
  });
});

describe('kill -9 after a durable write', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'number %i of a renewal: the next round ends with one certificate and one request',
    async (write) => {
      world.targets = [keepTarget('devid')];
      await round();
      world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 5 * day;
      world.crashAfterSave = world.saves + write;
      await round().catch((error: unknown) => {
        expect(String(error)).toContain('kill -9');
      });
      world.crashAfterSave = null;
      await keepUntil(world.time + hour);
      expect(devid().issued).toHaveLength(2);
      expect(new Set(renewals()).size).toBe(1);
      expect(inPlace('devid')).toBe(newest('devid'));
      expect(devid().confirmed).toBe(newest('devid'));
      expect(world.kept().targets['devid']?.work).toEqual({ step: 'idle' });
    },
  );
});

describe('a service that is away', () => {
  test('for days is asked with growing pauses of at most half an hour, and costs nothing while there is life left', async () => {
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 14 * day;
    world.isServerAway = true;
    const rounds = await keepUntil(world.time + 4 * day);
    expect(rounds).toBeLessThan(4 * 24 * 5);
    expect(rounds).toBeGreaterThan(4 * 24 * 2 - 8);
    world.isServerAway = false;
    await keepUntil(world.time + 2 * hour);
    expect(devid().confirmed).toBe(newest('devid'));
    expect(devid().issued).toHaveLength(2);
  });

  test('has its key made already when it comes back', async () => {
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 5 * day;
    world.isServerAway = true;
    await round();
    expect(world.kept().targets['devid']?.work.step).toBe('keyMade');
  });

  test('never waits for longer than a quarter of the life that is left', async () => {
    world.lifetimeMilliseconds = 120_000;
    world.targets = [keepTarget('devid')];
    world.disk.files.delete('devid');
    await round();
    world.isServerAway = true;
    world.random = 0.999;
    world.time += 20_000;
    const { contact } = await round({ urgency: () => 'unpaused' });
    expect(Date.parse(contact.failure!.nextAttemptAt) - world.time).toBeLessThanOrEqual(16_000);
  });

  test('and a certificate staged early: it is put in place at its time, without the service', async () => {
    world.targets = [keepTarget('devid', { stageEarly: true })];
    await round();
    const renewAt = Date.parse(world.kept().targets['devid']!.inPlace!.renewAt);
    world.time = renewAt - hour + 60_000;
    await keepUntil(world.time + 120_000);
    expect(world.kept().targets['devid']?.work.step).toBe('staged');
    expect(inPlace('devid')).toBe(devid().issued[0]!.facts.certificate);
    world.isServerAway = true;
    await keepUntil(renewAt + 1000);
    await round();
    expect(inPlace('devid')).toBe(devid().issued[1]!.facts.certificate);
    expect(devid().confirmed).toBe(devid().issued[0]!.facts.certificate);
    world.isServerAway = false;
    await keepUntil(world.time + 2 * hour);
    expect(devid().confirmed).toBe(newest('devid'));
  });
});

describe('several targets that are due in one round', () => {
  const pulled = (...names: readonly string[]) => {
    for (const name of names) world.lineage(name).pulledTo = world.time;
    world.time += 2 * hour;
  };

  test('are put in place in one go, and then confirmed', async () => {
    await round();
    pulled('devid', 'keylime-agent');
    const before = world.calls.length;
    await round();
    expect(world.installs).toEqual([['devid', 'keylime-agent']]);
    for (const name of ['devid', 'keylime-agent']) expect(world.lineage(name).confirmed).toBe(newest(name));
    const told = world.calls.slice(before).map((call) => call.split(' ')[0]);
    expect(told.filter((call) => call !== 'nonce')).toEqual(['report', 'renew', 'renew', 'confirm', 'confirm']);
  });

  test('are put in place with one that was staged before, and without the service too', async () => {
    world.targets = [keepTarget('devid', { stageEarly: true }), keepTarget('keylime-agent')];
    await round();
    world.time = Date.parse(world.kept().targets['devid']!.inPlace!.renewAt) - hour + 60_000;
    await keepUntil(world.time + 120_000);
    expect(world.kept().targets['devid']?.work.step).toBe('staged');
    expect(world.installs).toEqual([]);
    pulled('keylime-agent');
    await round();
    expect(world.installs).toEqual([['devid', 'keylime-agent']]);
  });

  test('stand for themselves when the programs of one fail', async () => {
    await round();
    pulled('devid', 'keylime-agent');
    const error = { phase: 'postCheck', reason: 'checkFailed', detail: 'spire-agent is not ready' } as const;
    Object.assign(world, { placing: { state: 'rolledBack', error, hints: [] }, placingOf: 'devid' });
    const { targets } = await round();
    expect(world.lineage('keylime-agent').confirmed).toBe(newest('keylime-agent'));
    expect(targets[1]?.record.failure).toBeNull();
    expect(targets[0]?.record.failure?.error).toMatchObject(error);
    expect(world.reports.at(-1)?.targets).toMatchObject([{ state: 'rolledBack', error }, { state: 'inUse' }]);
    world.placing = null;
    await keepUntil(world.time + hour);
    expect(world.installs.slice(1)).toEqual([['devid']]);
    expect(devid().confirmed).toBe(newest('devid'));
  });

  test('all carry the fault when putting in place cannot be done at all', async () => {
    await round();
    pulled('devid', 'keylime-agent');
    const { installAll } = world.ports.host;
    Object.assign(world.ports.host, { installAll: () => Promise.reject(new Error('EIO')) });
    const { targets } = await round();
    expect(targets.map(({ record }) => record.failure?.error)).toMatchObject([
      { phase: 'install', reason: 'unexpected', detail: 'EIO' },
      { phase: 'install', reason: 'unexpected', detail: 'EIO' },
    ]);
    Object.assign(world.ports.host, { installAll });
    await keepUntil(world.time + hour);
    expect(devid().confirmed).toBe(newest('devid'));
  });
});

describe('a clock that is wrong', () => {
  test('by more than certificates bear: nothing is sent, and it is asked again after a minute at most', async () => {
    world.skewMilliseconds = 400 * day;
    const { contact, hasFailed } = await round();
    expect(hasFailed).toBe(true);
    expect(world.calls).toEqual([]);
    expect(contact.failure).toMatchObject({ error: { reason: 'clockDiffers' }, pace: 'clock' });
    const next = Date.parse(contact.failure!.nextAttemptAt) - world.ports.now().getTime();
    expect(next).toBeLessThanOrEqual(61_000);
    world.skewMilliseconds = 0;
    world.time += 1000;
    expect((await round()).hasFailed).toBe(false);
  });

  test('behind the service: due is what the service calls due, and the new certificate waits until it is valid here', async () => {
    world.targets = [keepTarget('devid')];
    await round();
    const renewAt = Date.parse(world.kept().targets['devid']!.inPlace!.renewAt);
    world.skewMilliseconds = -2 * hour;
    world.time = renewAt + 1000;
    await round();
    expect(devid().issued).toHaveLength(2);
    expect(inPlace('devid')).toBe(devid().issued[0]!.facts.certificate);
    expect(world.kept().targets['devid']?.work.step).toBe('staged');
    expect(world.kept().contact.clockDifferenceSeconds).toBe(7200);
    world.skewMilliseconds = 0;
    await keepUntil(world.time + 2 * hour);
    expect(inPlace('devid')).toBe(newest('devid'));
    expect(devid().confirmed).toBe(newest('devid'));
  });

  test('ahead of the service: nothing is renewed before the service calls it due', async () => {
    world.targets = [keepTarget('devid')];
    await round();
    const renewAt = Date.parse(world.kept().targets['devid']!.inPlace!.renewAt);
    world.time = renewAt - 10 * day;
    await round();
    world.skewMilliseconds = 2 * hour;
    world.time = renewAt - hour;
    // Its own clock says that it is due, so the key is made; the request then waits for nothing.
    world.disk.kept = JSON.stringify({ ...world.kept(), contact: { ...world.kept().contact, reportDueAt: null } });
    await round();
    await keepUntil(renewAt + 3 * hour);
    expect(devid().issued).toHaveLength(2);
    expect(devid().confirmed).toBe(newest('devid'));
  });
});

describe('a refusal', () => {
  test('of 429 is obeyed: the same octets, after the time that the service named', async () => {
    world.targets = [keepTarget('devid')];
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 14 * day;
    world.refuseNext = { call: 'renew', answer: refusedWith(429, 'tooManyRenewals', 900) };
    const { targets } = await round();
    expect(Date.parse(targets[0]!.record.failure!.nextAttemptAt)).toBeGreaterThanOrEqual(world.time + 900_000);
    expect(targets[0]?.record.work.step).toBe('requested');
    await keepUntil(world.time + 2 * hour);
    expect(devid().issued).toHaveLength(2);
  });

  test('that will not change by itself is blocked, told with its reason, and tried slowly', async () => {
    world.targets = [keepTarget('devid')];
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 14 * day;
    world.refuseNext = { call: 'renew', answer: refusedWith(403, 'grantGone') };
    const { targets, hasFailed } = await round();
    expect(hasFailed).toBe(true);
    expect(targets[0]?.record.failure).toMatchObject({
      pace: 'slow',
      error: { reason: 'grantGone', phase: 'request' },
    });
    expect(world.reports.at(-1)?.targets[0]).toMatchObject({ state: 'blocked', error: { reason: 'grantGone' } });
    const wait = Date.parse(targets[0]!.record.failure!.nextAttemptAt) - world.time;
    expect(wait).toBeGreaterThanOrEqual(1_800_000);
  });

  test('of a lineage that the service has blocked is not even asked for, and is over when it is unblocked', async () => {
    world.targets = [keepTarget('devid')];
    await round();
    devid().isBlocked = true;
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 14 * day;
    await keepUntil(world.time + 6 * hour);
    expect(renewals()).toEqual([]);
    expect(world.reports.at(-1)?.targets[0]?.state).toBe('blocked');
    devid().isBlocked = false;
    await keepUntil(world.time + 2 * hour);
    expect(devid().confirmed).toBe(newest('devid'));
    expect((await round()).hasFailed).toBe(false);
  });

  test('of one target stops no other', async () => {
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 10 * day;
    world.refuseNext = { call: 'renew', answer: refusedWith(403, 'grantGone') };
    await round();
    expect(devid().issued).toHaveLength(1);
    expect(world.lineage('keylime-agent').issued).toHaveLength(2);
  });
});

describe('files', () => {
  test('that are gone are replaced at once', async () => {
    await round();
    world.disk.files.delete('devid');
    world.time += 60_000;
    await round();
    expect(inPlace('devid')).toBe(newest('devid'));
    expect(devid().issued).toHaveLength(2);
  });

  test('that ended half a year ago are replaced in one round', async () => {
    await round();
    world.time += 270 * day;
    await round();
    for (const name of ['devid', 'keylime-agent']) {
      expect(inPlace(name)).toBe(newest(name));
      expect(world.lineage(name).confirmed).toBe(newest(name));
    }
  });

  test('that a person put back are left alone for a quarter of their remaining life', async () => {
    world.targets = [keepTarget('devid')];
    await round();
    const old = { ...world.disk.files.get('devid')! };
    const notAfter = Date.parse(old.facts.notAfter);
    world.time = notAfter - 16 * day;
    await round();
    expect(inPlace('devid')).toBe(devid().issued[1]!.facts.certificate);
    world.disk.files.set('devid', old);
    await keepUntil(world.time + 3 * day);
    expect(inPlace('devid')).toBe(old.facts.certificate);
    await keepUntil(world.time + 2 * day);
    expect(inPlace('devid')).toBe(newest('devid'));
    expect(devid().issued).toHaveLength(3);
  });

  test('whose program does not take them are rolled back, told, and tried again with the same certificate', async () => {
    world.targets = [keepTarget('devid')];
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 10 * day;
    const error = { phase: 'postCheck', reason: 'servedDiffers', detail: 'nginx serves another' } as const;
    world.placing = { state: 'rolledBack', error, hints: [] };
    await keepUntil(world.time + 3 * hour);
    expect(world.reports.at(-1)?.targets[0]).toMatchObject({ state: 'rolledBack', error });
    expect(devid().issued).toHaveLength(2);
    world.placing = null;
    await keepUntil(world.time + 2 * hour);
    expect(devid().issued).toHaveLength(2);
    expect(devid().confirmed).toBe(newest('devid'));
  });

  test('that the service has revoked are replaced at once', async () => {
    await round();
    devid().isRevoked = true;
    world.time += 2 * hour;
    await round();
    expect(devid().issued).toHaveLength(2);
  });
});

describe('a TPM', () => {
  test('that is busy is asked again, and what was reached is kept', async () => {
    world.targets = [keepTarget('devid')];
    await round();
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 10 * day;
    world.tpmTrouble = new Trouble('tpmBusy', 'the TPM stayed busy');
    const { targets } = await round();
    expect(targets[0]?.record.failure).toMatchObject({ error: { phase: 'key', reason: 'tpmBusy' } });
    await keepUntil(world.time + hour);
    expect(devid().confirmed).toBe(newest('devid'));
  });

  test('that was cleared is proved anew once a certificate is late, and all is well again', async () => {
    await round();
    world.tpmTrouble = new Trouble('tpmCleared', 'its keys are gone', { areKeysLost: true });
    world.isTpmTroubleLasting = true;
    world.time += 2 * hour;
    const early = await round();
    expect(early.hasFailed).toBe(true);
    expect(world.recoveries).toBe(0);
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 10 * day;
    await round();
    expect(world.recoveries).toBe(1);
    await round();
    expect(devid().confirmed).toBe(newest('devid'));
    expect((await round()).hasFailed).toBe(false);
  });

  test('that was replaced waits for an operator, and asks slowly', async () => {
    await round();
    world.tpmTrouble = new Trouble('tpmReplaced', 'another endorsement key', { areKeysLost: true });
    world.isTpmTroubleLasting = true;
    world.recoveryState = 'pending';
    world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 10 * day;
    const { contact } = await round();
    expect(contact.failure).toMatchObject({ error: { reason: 'recoveryPending' }, pace: 'slow' });
    world.recoveryState = 'issued';
    await keepUntil(world.time + 3 * hour);
    expect(devid().confirmed).toBe(newest('devid'));
  });

  test('that was cleared, where recovery is left to people, is only told of', async () => {
    await round();
    world.recoveryMode = 'manual';
    world.tpmTrouble = new Trouble('tpmCleared', 'its keys are gone', { areKeysLost: true });
    world.isTpmTroubleLasting = true;
    world.time += 100 * day;
    const { contact } = await round();
    expect(world.recoveries).toBe(0);
    expect(contact.failure?.error.reason).toBe('tpmCleared');
  });

  test('whose DevID key in the files is of no use gets a new one', async () => {
    world.targets = [keepTarget('devid')];
    const unusable = new Trouble('keyUnusable', 'the key in the files does not load');
    const { signConfirmation } = world.ports.host;
    let failures = 1;
    Object.assign(world.ports.host, {
      signConfirmation: async (...given: Parameters<typeof signConfirmation>) => {
        if (failures-- > 0) throw unusable;
        return signConfirmation(...given);
      },
    });
    await round();
    await keepUntil(world.time + 2 * hour);
    expect(devid().issued).toHaveLength(2);
    expect(devid().confirmed).toBe(newest('devid'));
  });
});

test('a host that the service does not know any more enrolls anew when it is late', async () => {
  await round();
  world.time = Date.parse(devid().issued[0]!.facts.notAfter) - 10 * day;
  world.refuseNext = { call: 'report', answer: refusedWith(401, 'unknownRequestKey') };
  await round();
  expect(world.recoveries).toBe(1);
});
