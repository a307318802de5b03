// Looks over time, with a store of warnings in memory: what opens when, and that an absence of the servers is nobody's fault.
import { describe, expect, test } from '@jest/globals';
import type { HostSubject } from '../../../src/domain/standings/host.ts';
import type { LineageSubject } from '../../../src/domain/standings/lineage-subject.ts';
import type { WarningRecord } from '../../../src/domain/warning.ts';
import { type LineageLookPorts, lookAtLineages } from '../../../src/lifecycle/look-at-lineages.ts';
import { fakeWarningStore } from '../../fakes/warning-store.ts';
import { warningTables } from '../../fakes/warning-tables.ts';
import { at, certificate, lineage, policies, terms } from '../domain/standings/scene.ts';

type World = { readonly lineages: readonly LineageSubject[]; readonly isPatient?: boolean };

/** Looks of one store at worlds that a test makes. */
function looks(worldAt: (hour: number) => World) {
  const tables = warningTables();
  const store = fakeWarningStore(tables);
  let hour = 0;
  const world = (): World => worldAt(hour);
  const ports: LineageLookPorts = {
    ...store,
    ...{ channels: [], policy: policies.warnings, blackouts: [], lifetimes: [86_400], signerOf: terms.signerOf },
    lineagesToLookAt: async () => world().lineages.map(({ id }) => id),
    lineagesLookedAt: async (ids) => world().lineages.filter(({ id }) => ids.includes(id)),
    hostsToLookAt: async (since) => silentHosts(world().lineages, since),
    aloneToLookAt: async () => [],
    turnLooks: async () => world().isPatient ?? false,
    issuers: () => [],
    issuersAtWork: async () => [],
  };
  const look = lookAtLineages(ports);
  return {
    warnings: (): readonly WarningRecord[] => tables.warnings.rows(),
    /** Once a minute, or every so many. */
    run: async (from: number, to: number, every = 1): Promise<void> => {
      for (let minute = Math.round(from * 60); minute <= Math.round(to * 60); minute += every) {
        hour = minute / 60;
        await look(at(hour));
      }
    },
  };
}

function silentHosts(lineages: readonly LineageSubject[], since: Date): readonly HostSubject[] {
  const hosts = lineages.map(({ deviceId, hostName, host, newest }) => ({
    ...{ deviceId, hostName, ...host, serving: 1, firstNotAfter: newest?.notAfter ?? null },
  }));
  return hosts.filter(({ lastSeenAt }) => lastSeenAt <= since);
}

const text = ({ condition, level, openedAt }: WarningRecord): string =>
  `${(openedAt.getTime() - at(0).getTime()) / 3_600_000} ${condition} ${level}`;

describe('a renewal client that fails silently, with a certificate of 24 hours', () => {
  const lastCall = (hour: number): Date => at(Math.floor((hour - 0.4) / 0.75) * 0.75 + 0.4);
  const host = (calledAt: Date, hour: number) => ({
    ...{ lastSeenAt: calledAt, shortestLifetime: 86_400, firstCriticalAt: hour < 22 ? null : at(22) },
  });
  const refused = { at: '2026-02-11T15:00:00Z', phase: 'request', reason: 'connectionRefused' } as const;
  const lastError = { ...refused, detail: 'Get "https://127.0.0.1:8200/v1/sys": connection refused' };

  const variants: readonly [string, (hour: number) => LineageSubject, readonly string[], string][] = [
    [
      'that never calls again',
      (hour) => lineage({ host: host(at(0.75), hour) }),
      ['6.75 hostNotSeen critical', '22 expiry critical'],
      'has not called since 2026-02-11 00:45 UTC; its certificate ends 2026-02-12 00:00 UTC',
    ],
    [
      'that calls and reports its error',
      (hour) =>
        lineage({
          host: host(lastCall(hour), hour),
          ...(hour < 15.4 ? {} : { lastError, failures: Math.ceil((hour - 15.3) / 0.75) }),
        }),
      ['15.5 renewalMissed critical', '16.85 renewalFailing critical', '18 expiry critical'],
      'due since 2026-02-11 15:00 UTC; request: Get "https://127.0.0.1:8200/v1/sys": connection refused (1 attempt); last success 2026-02-11 00:00 UTC, ends 2026-02-12 00:00 UTC',
    ],
    [
      'that calls, reports nothing and does not renew',
      (hour) => lineage({ host: host(lastCall(hour), hour) }),
      ['15.5 renewalMissed critical', '18 expiry critical'],
      'due since 2026-02-11 15:00 UTC; its host calls, reports no error and does not ask for it: is it a target in its agent.yaml, and is the agent running?; last success 2026-02-11 00:00 UTC, ends 2026-02-12 00:00 UTC',
    ],
  ];

  test.each(variants)(
    '%s is told of long before the end, with the cause',
    async (_what, subjectAt, expected, reason) => {
      const scene = looks((hour) => ({ lineages: [subjectAt(hour)] }));
      const opened: string[] = [];
      for (let hour = 0; hour < 36 && opened.length === 0; hour += 0.25) {
        await scene.run(hour, hour + 0.25 - 1 / 60);
        opened.push(...scene.warnings().map((one) => one.reason));
      }
      expect(opened[0]).toBe(reason);
      const again = looks((hour) => ({ lineages: [subjectAt(hour)] }));
      await again.run(0, 36, 3);
      expect(again.warnings().map(text)).toEqual(expected);
    },
  );

  test('is told with its error as soon as its host reports that, in the warning that is open', async () => {
    const [, [, subjectAt]] = variants as [unknown, (typeof variants)[number]];
    const scene = looks((hour) => ({ lineages: [subjectAt(hour)] }));
    await scene.run(15, 16.5);
    expect(scene.warnings()).toMatchObject([
      {
        condition: 'renewalMissed',
        cause: 'error:connectionRefused',
        reason: expect.stringContaining(
          'request: Get "https://127.0.0.1:8200/v1/sys": connection refused (2 attempts)',
        ),
      },
    ]);
  });

  test('is well again when it renews, once', async () => {
    const next = certificate({ fingerprint: 'c1'.repeat(32), issuedAt: at(20) });
    const scene = looks((hour) => ({
      lineages: [
        hour < 20 ? variants[2]![1](hour) : lineage({ newest: next, renewAt: at(34), host: host(lastCall(hour), 0) }),
      ],
    }));
    await scene.run(12, 30);
    expect(scene.warnings().map(({ condition, closedAt }) => [condition, closedAt])).toEqual([
      ['renewalMissed', at(20 + 5 / 60)],
      ['expiry', at(20 + 5 / 60)],
    ]);
  });
});

describe('a look', () => {
  test('finds nothing in a fleet that renews 24-hour certificates for a month', async () => {
    const started = [0, 7, 13.3].map((hour, n) => ({ id: `l${n}`, deviceId: `d${n}`, hour }));
    const scene = looks((hour) => ({
      lineages: started.map(({ id, deviceId, hour: start }) => {
        // Each is due 15 hours after it was issued, renewed 5 minutes later and confirmed 10 minutes after that.
        const round = Math.max(0, Math.floor((hour - start) / (15 + 5 / 60)));
        const issuedAt = at(start + round * (15 + 5 / 60));
        const age = hour - (issuedAt.getTime() - at(0).getTime()) / 3_600_000;
        const one = certificate({ fingerprint: `${round}`, issuedAt });
        const newest = age < 10 / 60 ? { ...one, confirmed: null } : one;
        const before = certificate({ fingerprint: `${round - 1}`, issuedAt: at(start + (round - 1) * (15 + 5 / 60)) });
        const renewAt = new Date(issuedAt.getTime() + 15 * 3_600_000);
        const presence = { lastSeenAt: at(Math.floor(hour)), shortestLifetime: 86_400, firstCriticalAt: null };
        return {
          ...lineage({ newest, renewAt, host: presence }),
          id,
          deviceId,
          inUse: newest.confirmed === null ? before : newest,
        };
      }),
    }));
    await scene.run(0, 30 * 24, 23);
    expect(scene.warnings()).toEqual([]);
  });

  test('says nothing of anybody after an absence of the servers, and closes nothing either', async () => {
    const overdue = lineage({ host: { lastSeenAt: at(14), shortestLifetime: 86_400, firstCriticalAt: null } });
    const scene = looks((hour) => ({ lineages: [overdue], isPatient: hour >= 16 && hour < 18 }));
    await scene.run(15.5, 15.9);
    expect(scene.warnings().map(text)).toEqual(['15.5 renewalMissed warning']);
    await scene.run(16, 17.9);
    expect(scene.warnings()).toMatchObject([{ closedAt: null, wellSince: null, level: 'warning' }]);
    await scene.run(18, 18);
    expect(scene.warnings()).toMatchObject([{ level: 'critical' }, { condition: 'expiry' }]);
  });

  test('tells of a silent host with two hundred lineages once, and of all that ends with it together', async () => {
    const many = Array.from({ length: 200 }, (_, n) => ({
      ...lineage({
        host: { lastSeenAt: at(0.5), shortestLifetime: 86_400, firstCriticalAt: at(22) },
        renewAt: at(12 + n / 40),
      }),
      id: `l${n}`,
      newest: certificate({ issuedAt: at(n / 40) }),
      inUse: certificate({ issuedAt: at(n / 40) }),
    }));
    const scene = looks(() => ({ lineages: many }));
    await scene.run(6.5, 21.5, 30);
    expect([...new Set(scene.warnings().map(text))]).toEqual(['6.5 hostNotSeen critical']);
    await scene.run(22, 22);
    expect(scene.warnings().slice(1).map(text)).toEqual(many.map(() => '22 expiry critical'));
    expect(new Set(scene.warnings().map(({ cause }) => cause))).toEqual(new Set(['host:device']));
  });
});
