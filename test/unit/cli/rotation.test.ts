// `omens rotation`: what is asked of the service, and what people and scripts read.
import { describe, expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import type { CampaignResource, FleetResource, ForecastResource } from '../../../src/domain/rotation-wire.ts';
import { type Answers, fakeWorld, refusedWith } from '../../fakes/service.ts';

const time = '2026-11-23T12:00:00Z';
const id = '44444444-4444-4444-8444-444444444444';
const counts = { total: 2, waiting: 1, released: 0, confirmed: 0, failed: 1 };

const campaign: CampaignResource = {
  ...{ id, name: 'devid-2026', state: 'stopped', stopReason: '1 of the pilots failed', scope: { profile: 'devid' } },
  ...{
    because: 'a new CA',
    pilots: ['tower.example.org'],
    waveSize: 10,
    maxInFlight: { devid: 2 },
    serviceClasses: {},
  },
  ...{ errorBudget: { percent: 5 }, confirmWithinSeconds: 86_400, createdBy: 'operator:me', createdAt: time },
  ...{ changedAt: time, members: counts, waves: [{ wave: 0, ...counts, hosts: ['tower.example.org'] }] },
  failures: [
    {
      ...{ lineage: id, hostName: 'tower.example.org', profile: 'devid', place: '' },
      ...{ error: 'postCheck: the old one is served', at: time },
    },
  ],
};

const states = {
  ...{ empty: 0, current: 7, windowOpen: 0, inProgress: 0, issued: 0 },
  ...{ installed: 0, failed: 0, late: 3, blocked: 0 },
};

const fleet: FleetResource = {
  ...{ generatedAt: time, states, profiles: [{ profile: 'devid', states }] },
  late: [
    {
      ...{ lineage: id, device: id, hostName: 'tower.example.org', profile: 'devid', place: '', notAfter: time },
      reason: 'the renewal window is over',
    },
  ],
  ceiling: { perHour: 600, usedInLastHour: 12, outsideInLastDay: 4, waiting: 2 },
  blackouts: [{ kind: 'daily', from: '22:00', to: '06:00', active: true }],
  campaigns: [campaign],
};

async function omens(args: readonly string[], answers: Answers = {}) {
  const world = fakeWorld(answers);
  const code = await run(['rotation', ...args], world);
  return { code, out: world.out(), errors: world.errors(), calls: world.calls };
}

describe('omens rotation plan', () => {
  const base = ['plan', 'devid-2026', '--because', 'a new CA'];

  test('asks for exactly what was said, and says how it begins', async () => {
    const args = [
      ...[...base, '--tpm', '494e5443,model=X,from=7.1,to=7.61', '--pilot', 'tower.example.org', 'web.example.org'],
      ...['--wave-size', '20', '--max-in-flight', 'tls=3', 'devid=1', '--class', 'nginx-vhost=tls'],
      ...['--error-budget', '2.5%', '--confirm-within', '12h'],
    ];
    const { code, errors, calls } = await omens(args, { planCampaign: campaign });
    expect({ code, errors }).toEqual({
      code: 0,
      errors: 'omens: planned; `omens rotation start devid-2026` begins it\n',
    });
    expect(calls).toEqual([
      [
        'planCampaign',
        {
          ...{ name: 'devid-2026', because: 'a new CA', pilots: ['tower.example.org', 'web.example.org'] },
          scope: { tpm: { manufacturer: '494E5443', model: 'X', firmwareFrom: '7.1', firmwareTo: '7.61' } },
          ...{ waveSize: 20, maxInFlight: { tls: 3, devid: 1 }, serviceClasses: { 'nginx-vhost': 'tls' } },
          ...{ errorBudget: { percent: 2.5 }, confirmWithinSeconds: 43_200 },
        },
      ],
    ]);
  });
  test('leaves to the service what was not said', async () => {
    const { calls } = await omens([...base, '--profile', 'devid', '--dry-run'], { planCampaign: campaign });
    const asked = { name: 'devid-2026', because: 'a new CA', scope: { profile: 'devid' }, dryRun: true };
    expect(calls).toEqual([['planCampaign', asked]]);
  });
  test.each([
    ['no scope', [], 'exactly one of --profile, --device, --issuer, --tpm'],
    ['two scopes', ['--profile', 'devid', '--issuer', 'a'.repeat(64)], 'exactly one of'],
    ['a device by its name', ['--device', 'tower'], '`omens devices list`'],
    ['an issuer by its name', ['--issuer', 'Omens'], '`omens issuers list`'],
    ['a maker in words', ['--tpm', 'Infineon'], 'eight hex digits'],
    ['firmware in words', ['--tpm', '49465800,from=new'], 'such as 7.61'],
    ['a fact of a TPM that nobody knows', ['--tpm', '49465800,color=red'], 'model=M'],
    ['a wave of none', ['--profile', 'devid', '--wave-size', '0'], 'a whole number'],
    ['a class without a number', ['--profile', 'devid', '--max-in-flight', 'tls'], 'NAME=VALUE'],
    ['a budget of more than all', ['--profile', 'devid', '--error-budget', '101%'], 'a share such as 5%'],
    ['half a failure', ['--profile', 'devid', '--error-budget', '0.5'], 'a number of failures'],
    ['a time without unit', ['--profile', 'devid', '--confirm-within', '12'], '90s, 15m'],
  ])('refuses %s, and says what would do', async (_what, args, hint) => {
    const { code, errors, calls } = await omens([...base, ...args]);
    expect({ code, calls }).toEqual({ code: 2, calls: [] });
    expect(errors).toContain(hint);
  });
  test('says which rule the service had', async () => {
    const problem = {
      ...{ type: 'https://ca.example.org/problems/pilotNotInScope', title: 'No pilot', status: 409 },
      ...{ detail: 'the pilot x.example.org has nothing in this scope', instance: 'urn:uuid:1' },
      ...{ field: 'pilots', accepted: 'host names of active devices' },
    };
    const { code, errors } = await omens([...base, '--profile', 'devid'], { planCampaign: refusedWith(problem) });
    expect(code).toBe(1);
    expect(errors).toBe(
      'omens: the pilot x.example.org has nothing in this scope (pilotNotInScope)\nhint: pilots: accepted: host names of active devices\n',
    );
  });
});

describe('omens rotation start, pause, resume', () => {
  test.each(['start', 'pause', 'resume'])('%s finds the campaign by its name', async (change) => {
    const { code, calls } = await omens([change, 'devid-2026'], {
      ...{ listCampaigns: { items: [campaign], next: null }, changeCampaign: campaign },
    });
    expect(code).toBe(0);
    expect(calls.at(-1)).toEqual(['changeCampaign', id, change]);
  });
  test('names those that there are when it finds none', async () => {
    const { code, errors } = await omens(['start', 'x'], { listCampaigns: { items: [campaign], next: null } });
    expect({ code, errors }).toEqual({
      code: 1,
      errors: 'omens: there is no campaign x\nhint: there are: devid-2026\n',
    });
  });
});

describe('omens rotation status', () => {
  test('shows the fleet, who is late and why, and what the ceiling was used for', async () => {
    const { out } = await omens(['status'], { showFleet: fleet });
    expect(out).toContain('tower.example.org  devid    2026-11-23T12:00:00Z  the renewal window is over');
    expect(out).toContain('2 more are late: GET /v1/lineages?state=late');
    expect(out).toContain('devid-2026  stopped  0 of 2     0          1       profile devid');
    expect(out).toContain('12 of 600 in the last hour, 2 wait; 4 outside the ceiling in 24 h; none until 06:00');
  });
  test('shows one campaign, why it stopped and who failed', async () => {
    const { out } = await omens(['status', id], { listCampaigns: { items: [campaign], next: null } });
    expect(out).toContain('stopped: 1 of the pilots failed');
    expect(out).toMatch(/^pilots +2 +1 +0 +0 +1 +tower\.example\.org$/m);
    expect(out).toContain('postCheck: the old one is served');
  });
  test('prints the resource unchanged with --json', async () => {
    const { out } = await omens(['status', '--json'], { showFleet: fleet });
    expect(JSON.parse(out)).toEqual(fleet);
  });
});

test('omens rotation pull says what is pulled and when', async () => {
  const answer = { matched: 3, pulled: 2, batches: [{ at: time, count: 3 }], dryRun: false };
  const args = ['pull', '--device', id, '--because', 'CVE', '--batch-size', '5', '--batch-every', '1h'];
  const { out, calls } = await omens(args, { pullRenewals: answer });
  expect(calls).toEqual([
    ['pullRenewals', { scope: { device: id }, because: 'CVE', batchSize: 5, batchSeconds: 3600 }],
  ]);
  expect(out).toBe(`AT                    LINEAGES\n${time}  3\n\n2 of 3 were due later and are pulled\n`);
});

test('omens rotation forecast says which hours are too full', async () => {
  const forecast: ForecastResource = {
    ...{ generatedAt: time, days: 30, perHour: 600, total: 700 },
    ...{
      items: [{ day: '2026-12-01', profile: 'devid', renewals: 700 }],
      overCeiling: [{ hour: time, renewals: 700 }],
    },
  };
  const { out, calls } = await omens(['forecast', '--days', '30'], { showForecast: forecast });
  expect(calls).toEqual([['showForecast', 30]]);
  expect(out).toContain(`${time}: 700 are due, and 600 an hour are admitted\n700 in 30 d\n`);
});
