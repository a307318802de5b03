// First contact over PostgreSQL, with the real store of issuance behind it: races, lost replies and crashes at every call.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { ActivatePorts } from '../../src/enrollment/activate.ts';
import { issuanceIn } from '../../src/storage/issuance.ts';
import { insertIssuer } from '../../src/storage/issuers.ts';
import {
  activationBody,
  at,
  enroll,
  made,
  makeHost,
  makeScene,
  now,
  ok,
  reasons,
  type SoftwareHost,
  vendor,
} from '../unit/enrollment/scene.ts';
import { ak, devid } from '../unit/tpm2/samples.ts';
import { type EnrollmentDatabase, enrollmentDatabase } from './support/enrollment-database.ts';

let opened: EnrollmentDatabase;

beforeAll(async () => {
  opened = await enrollmentDatabase();
  for (const record of [made.root, made.issuing]) {
    await insertIssuer(opened.db, { ...record, isActive: true, createdAt: now });
  }
});

afterAll(async () => {
  await opened.close();
});

const freshName = (): string => `h${randomBytes(6).toString('hex')}.example.org`;
const sceneOf = (over: Partial<ActivatePorts> = {}) => makeScene(opened.store, over, issuanceIn(opened.db));

const count = async (sql: string, values: readonly unknown[]): Promise<number> => {
  const [row] = await opened.db.query(`select count(*)::int as n from ${sql}`, values);
  return Number(row!['n']);
};
const certificatesOf = (hostName: string): Promise<number> =>
  count('certificate c join device d on d.id = c.device_id where d.host_name = $1', [hostName]);

describe('an enrollment', () => {
  test('by token leaves device, certificates and their audit', async () => {
    const scene = sceneOf();
    const host = makeHost(vendor, { hostName: freshName(), ekType: 'L-1' });
    const { result, challenge, body } = await enroll(scene, host, {
      token: await scene.token({ hostName: host.hostName }),
    });
    const answer = ok(result);
    expect(answer).toMatchObject({
      state: 'issued',
      certificates: [{ profile: 'devid' }, { profile: 'keylime-agent' }],
    });
    expect(await certificatesOf(host.hostName)).toBe(2);
    const events = await opened.db.query(`select event from audit_event where facts ->> 'hostName' = $1 order by id`, [
      host.hostName,
    ]);
    expect(events.map(({ event }) => event)).toEqual([
      'enrollmentToken.created',
      'enrollmentToken.spent',
      'device.enrolled',
      'enrollment.issued',
    ]);
    const [made] = await opened.db.query(
      `select facts ->> 'firmware' as firmware from audit_event where event = 'device.enrolled' and facts ->> 'hostName' = $1`,
      [host.hostName],
    );
    expect(made).toEqual({ firmware: '8217.4131.22.13878' });
    expect(await scene.send(challenge.id, body)).toEqual(result);
    expect(await certificatesOf(host.hostName)).toBe(2);
  });

  test('that waits is approved, and comes back with a fresh proof', async () => {
    const scene = sceneOf();
    const host = makeHost(vendor, { hostName: freshName() });
    const { result, challenge, body } = await enroll(scene, host);
    expect(ok(result)).toMatchObject({ state: 'pending' });
    ok(await scene.approve(challenge.id, 1));
    expect(ok(await scene.send(challenge.id, body))).toMatchObject({ state: 'pending' });
    const stored = await opened.store.findEnrollment(challenge.id);
    const key = stored?.state === 'approved' ? stored.proof.requestKey!.spkiSha256 : '';
    const read = ok(await scene.read(challenge.id, key));
    if (read.state !== 'approved') throw new Error(read.state);
    const document = JSON.parse(Buffer.from(body.request, 'base64url').toString('utf8'));
    const again = activationBody(host, { id: challenge.id, ...read }, { document });
    expect(ok(await scene.send(challenge.id, again))).toMatchObject({ state: 'issued' });
  });
});

describe('a race', () => {
  test('of ten identical activations issues once', async () => {
    const scene = sceneOf();
    const host = makeHost(vendor, { hostName: freshName() });
    const challenge = ok(await scene.begin(host, await scene.token({ hostName: host.hostName })));
    const body = activationBody(host, challenge);
    const results = await Promise.all(Array.from({ length: 10 }, () => scene.send(challenge.id, body)));
    const told = results.map((result) => (result.ok ? result.value.state : reasons(result)[0]));
    expect(told.filter((what) => what === 'issued').length).toBeGreaterThanOrEqual(1);
    expect(told.every((what) => what === 'issued' || what === 'activationInProgress')).toBe(true);
    expect(await certificatesOf(host.hostName)).toBe(2);
    expect(ok(await scene.send(challenge.id, body))).toMatchObject({ state: 'issued' });
    expect(await certificatesOf(host.hostName)).toBe(2);
  });

  test('of ten hosts for one token makes one device', async () => {
    const scene = sceneOf();
    const hostName = freshName();
    const token = await scene.token({ hostName });
    const hosts = Array.from({ length: 10 }, () => makeHost(vendor, { hostName }));
    const sent = await Promise.all(
      hosts.map(async (host) => {
        const challenge = ok(await scene.begin(host, token));
        return { id: challenge.id, body: activationBody(host, challenge) };
      }),
    );
    const results = await Promise.all(sent.map(({ id, body }) => scene.send(id, body)));
    expect(results.filter((result) => result.ok && result.value.state === 'issued')).toHaveLength(1);
    expect(await count('device where host_name = $1', [hostName])).toBe(1);
    const told = results.flatMap((result) => reasons(result));
    expect(told.every((reason) => ['spentEnrollmentToken', 'hostNameTaken'].includes(reason))).toBe(true);
  });
});

describe('a crash', () => {
  const steps = ['burnChallenge', 'take', 'finishEnrollment', 'grantsOf', 'lineagesOf', 'findDevice'] as const;

  test.each(steps.flatMap((step) => (['before', 'after'] as const).map((when) => [when, step] as const)))(
    '%s %s ends, once the lease is over and the same octets come again, in the same two certificates',
    async (when, step) => {
      const scene = sceneOf();
      const host = makeHost(vendor, { hostName: freshName() });
      const challenge = ok(await scene.begin(host, await scene.token({ hostName: host.hostName })));
      const body = activationBody(host, challenge);
      const real = scene.ports[step] as (...args: readonly unknown[]) => Promise<unknown>;
      const dying = async (...args: readonly unknown[]): Promise<unknown> => {
        if (when === 'after') await real(...args);
        throw new Error('power lost');
      };
      const crashing = sceneOf({ [step]: dying });
      await expect(crashing.send(challenge.id, body)).rejects.toThrow('power lost');
      const answer = ok(await scene.send(challenge.id, body, at(61)));
      expect(answer).toMatchObject({
        state: 'issued',
        certificates: [{ profile: 'devid' }, { profile: 'keylime-agent' }],
      });
      expect(await certificatesOf(host.hostName)).toBe(2);
      expect(await count('device where host_name = $1', [host.hostName])).toBe(1);
      expect(await scene.send(challenge.id, body, at(62))).toEqual({ ok: true, value: answer });
    },
  );

  test('between the two certificates keeps the first', async () => {
    let calls = 0;
    const scene = sceneOf();
    const crashing = sceneOf({
      issue: async (request) => {
        if ((calls += 1) === 2) throw new Error('power lost');
        return scene.ports.issue(request);
      },
    });
    const host = makeHost(vendor, { hostName: freshName() });
    const challenge = ok(await scene.begin(host, await scene.token({ hostName: host.hostName })));
    const body = activationBody(host, challenge);
    await expect(crashing.send(challenge.id, body)).rejects.toThrow('power lost');
    expect(await certificatesOf(host.hostName)).toBe(1);
    expect(reasons(await scene.send(challenge.id, body, at(30)))).toEqual(['activationInProgress']);
    ok(await scene.send(challenge.id, body, at(61)));
    expect(await certificatesOf(host.hostName)).toBe(2);
  });
});

describe('a host without its keys', () => {
  const withoutKeys = (host: SoftwareHost): SoftwareHost =>
    makeHost(vendor, { ...host, ak: ak(), requestKey: devid(), devid: devid() });
  const alarms = async (hostName: string) =>
    (
      await opened.db.query(
        `select facts ->> 'kind' as kind from outbox where topic = 'alarm' and facts ->> 'hostName' = $1`,
        [hostName],
      )
    ).map(({ kind }) => kind);

  test('waits with one alarm until it is overdue, then recovers, and the audit says since when it was away', async () => {
    const scene = sceneOf();
    const host = makeHost(vendor, { hostName: freshName() });
    const { hostName } = host;
    const first = ok((await enroll(scene, host, { token: await scene.token({ hostName }) })).result);
    if (first.state !== 'issued') throw new Error(first.state);
    const early = await enroll(scene, withoutKeys(host), { at: at(60) });
    expect(ok(early.result).state).toBe('pending');
    expect(ok(await scene.send(early.challenge.id, early.body, at(61))).state).toBe('pending');
    expect(await alarms(hostName)).toEqual(['notOverdue']);
    const later = at(60 * 86_400);
    const late = await enroll(scene, withoutKeys(host), { at: later });
    const back = ok(late.result);
    if (back.state !== 'issued') throw new Error(back.state);
    expect(back.device).toEqual(first.device);
    expect(back.certificates.map(({ lineage }) => lineage)).toEqual(first.certificates.map(({ lineage }) => lineage));
    expect(await alarms(hostName)).toEqual(['notOverdue']);
    const [event] = await opened.db.query(
      `select facts, principal from audit_event where event = 'device.recovered' and facts ->> 'hostName' = $1`,
      [hostName],
    );
    expect(event).toMatchObject({
      principal: `device:${first.device.id}`,
      facts: { by: 'recovery', absentSince: now.toISOString(), grants: [] },
    });
    expect(ok(await scene.send(late.challenge.id, late.body, at(60 * 86_400 + 5)))).toEqual(back);
  });

  test('is not another TPM that claims its name: that one waits, aloud', async () => {
    const scene = sceneOf();
    const host = makeHost(vendor, { hostName: freshName() });
    const { hostName } = host;
    ok((await enroll(scene, host, { token: await scene.token({ hostName }) })).result);
    const stranger = makeHost(vendor, { hostName });
    expect(ok((await enroll(scene, stranger, { at: at(60 * 86_400) })).result).state).toBe('pending');
    expect(await alarms(hostName)).toEqual(['nameHeldByAnotherTpm']);
    expect(await certificatesOf(hostName)).toBe(2);
  });
});
