// A campaign over simulated days: hosts confirm, fail or stay away, and each turn is the decision of the scheduler.
import { describe, expect, test } from '@jest/globals';
import {
  allowedFailures,
  type CampaignMember,
  type CampaignPlan,
  type Candidate,
  decideCampaign,
  planCampaign,
  unknownPilots,
} from '../../../src/domain/campaign.ts';

const hour = 3600;
const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);

const plan = (over: Partial<CampaignPlan> = {}): CampaignPlan => ({
  ...{ scope: { profile: 'devid' }, because: 'test', pilots: [], waveSize: 2, maxInFlight: {}, serviceClasses: {} },
  ...{ errorBudget: { count: 0 }, confirmWithinSeconds: 24 * hour },
  ...over,
});

const candidate = (host: string, profile = 'devid'): Candidate => ({
  ...{ lineageId: `${host}/${profile}`, hostName: host, profile, place: '', certificate: `old ${host}/${profile}` },
});

const candidates = (count: number): readonly Candidate[] =>
  Array.from({ length: count }, (_, i) => candidate(`h${i}.example.org`));

/** What hosts do once their window is pulled: after so many seconds confirmed, or failed, or never anything. */
type Behavior = { readonly confirmsAfter?: number; readonly failsAfter?: number };

/** A campaign in memory, its hosts and its clock. */
function simulate(wanted: CampaignPlan, of: readonly Candidate[], behaviors: Readonly<Record<string, Behavior>> = {}) {
  let state: 'running' | 'paused' | 'stopped' | 'finished' = 'running';
  let stopReason: string | null = null;
  let patientUntil: Date | null = null;
  let seconds = 0;
  const released: (readonly [hours: number, lineageId: string])[] = [];
  let mostInFlight = 0;
  let members: CampaignMember[] = planCampaign(wanted, of).map((member) => ({
    ...{ lineageId: member.lineageId, wave: member.wave, serviceClass: member.serviceClass, state: 'waiting' },
    ...{ fromCertificate: member.certificate, releasedAt: null, isDeviceActive: true },
    ...{ newestCertificate: member.certificate, isNewestConfirmed: true, failure: null },
  }));
  const change = (lineageId: string, over: Partial<CampaignMember>): void => {
    members = members.map((member) => (member.lineageId === lineageId ? { ...member, ...over } : member));
  };
  const hostsAct = (): void => {
    for (const { lineageId, state: one, releasedAt } of members) {
      if (one !== 'released' || releasedAt === null) continue;
      const { confirmsAfter, failsAfter } = behaviors[lineageId] ?? { confirmsAfter: hour };
      const since = (at(seconds).getTime() - releasedAt.getTime()) / 1000;
      if (confirmsAfter !== undefined && since >= confirmsAfter)
        change(lineageId, { newestCertificate: `new ${lineageId}`, isNewestConfirmed: true });
      if (failsAfter !== undefined && since >= failsAfter)
        change(lineageId, { failure: { at: at(seconds), detail: 'postCheck: not served' } });
    }
  };
  const turn = (): void => {
    const decision = decideCampaign({ plan: wanted, state, patientUntil }, members, at(seconds));
    for (const one of decision.conclude) change(one.lineageId, { state: one.as });
    if (decision.do === 'release')
      for (const lineageId of decision.lineageIds) {
        change(lineageId, { state: 'released', releasedAt: at(seconds) });
        released.push([seconds / hour, lineageId]);
      }
    if (decision.do === 'stop') [state, stopReason] = ['stopped', decision.reason];
    if (decision.do === 'finish') state = 'finished';
    mostInFlight = Math.max(mostInFlight, members.filter((member) => member.state === 'released').length);
  };
  return {
    /** A turn every half hour. */
    run: (hours: number): void => {
      for (const end = seconds + hours * hour; seconds < end; seconds += hour / 2) {
        hostsAct();
        turn();
      }
    },
    pass: (hours: number): void => void (seconds += hours * hour),
    set: (next: 'running' | 'paused'): void => void (state = next),
    bePatient: (hours: number): void => void (patientUntil = at(seconds + hours * hour)),
    suspend: (lineageId: string): void => change(lineageId, { isDeviceActive: false }),
    change,
    released,
    state: () => state,
    stopReason: () => stopReason,
    mostInFlight: () => mostInFlight,
    count: (one: CampaignMember['state']): number => members.filter((member) => member.state === one).length,
  };
}

describe('a plan', () => {
  test('has pilot hosts whole in wave 0, the others by name in waves of the size', () => {
    const of = [...candidates(5), candidate('h3.example.org', 'keylime-agent')];
    const members = planCampaign(plan({ pilots: ['h3.example.org'] }), of);
    expect(members.map(({ hostName, profile, wave }) => [wave, hostName, profile])).toEqual([
      [0, 'h3.example.org', 'devid'],
      [0, 'h3.example.org', 'keylime-agent'],
      [1, 'h0.example.org', 'devid'],
      [1, 'h1.example.org', 'devid'],
      [2, 'h2.example.org', 'devid'],
      [2, 'h4.example.org', 'devid'],
    ]);
  });
  test('is the same whatever order the lineages come in', () => {
    const of = candidates(7);
    expect(planCampaign(plan(), of.toReversed())).toEqual(planCampaign(plan(), of));
  });
  test('names pilots that have nothing in the scope', () => {
    const pilots = ['h1.example.org', 'elsewhere.example.org'];
    expect(unknownPilots(plan({ pilots }), candidates(2))).toEqual(['elsewhere.example.org']);
  });
  test('takes the service class from the profile unless it is mapped, whatever the profile is called', () => {
    const serviceClasses = { 'nginx-vhost': 'tls' };
    const of = [candidate('a.example.org', 'nginx-vhost'), candidate('b.example.org', 'tostring')];
    expect(planCampaign(plan({ serviceClasses }), of).map((member) => member.serviceClass)).toEqual([
      'tls',
      'tostring',
    ]);
  });
  test.each([
    [{ count: 3 }, 100, 3],
    [{ percent: 5 }, 100, 5],
    [{ percent: 5 }, 39, 1],
    [{ percent: 5 }, 19, 0],
    [{ percent: 100 }, 7, 7],
  ])('with the budget %j lets, of %i members, %i fail', (budget, members, allowed) => {
    expect(allowedFailures(budget, members)).toBe(allowed);
  });
});

describe('a campaign', () => {
  test('releases the pilots alone, then wave after wave as each is confirmed, and finishes', () => {
    const campaign = simulate(plan({ pilots: ['h4.example.org'] }), candidates(5));
    campaign.run(24);
    expect(campaign.released).toEqual([
      [0, 'h4.example.org/devid'],
      [1, 'h0.example.org/devid'],
      [1, 'h1.example.org/devid'],
      [2, 'h2.example.org/devid'],
      [2, 'h3.example.org/devid'],
    ]);
    expect([campaign.state(), campaign.count('confirmed')]).toEqual(['finished', 5]);
  });
  test('keeps each service class under its maximum, and others at the size of the wave', () => {
    const of = candidates(6).flatMap((one) => [one, candidate(one.hostName, 'nginx-vhost')]);
    const campaign = simulate(plan({ waveSize: 12, maxInFlight: { devid: 1 } }), of);
    campaign.run(1);
    expect([campaign.mostInFlight(), campaign.count('released')]).toEqual([7, 7]);
    campaign.run(24);
    expect(campaign.released.filter(([hours]) => hours > 0).map(([hours]) => hours)).toEqual([1, 2, 3, 4, 5]);
    expect(campaign.state()).toBe('finished');
  });
  test('stops by itself when one more fails than may, and releases nothing after that', () => {
    const broken = { failsAfter: hour };
    const campaign = simulate(plan({ errorBudget: { count: 1 } }), candidates(20), {
      'h1.example.org/devid': broken,
      'h10.example.org/devid': broken,
    });
    campaign.run(24 * 5);
    expect([campaign.state(), campaign.stopReason()]).toEqual(['stopped', '2 failed, and 1 may']);
    expect([campaign.released.length, campaign.count('failed')]).toEqual([4, 2]);
  });
  test('goes on within its budget', () => {
    const campaign = simulate(plan({ errorBudget: { percent: 10 } }), candidates(10), {
      'h1.example.org/devid': { failsAfter: hour },
    });
    campaign.run(24);
    expect([campaign.state(), campaign.count('failed'), campaign.count('confirmed')]).toEqual(['finished', 1, 9]);
  });
  test('counts who is not confirmed in time as failed, and not a moment before', () => {
    const campaign = simulate(plan({ confirmWithinSeconds: 2 * hour }), candidates(4), { 'h0.example.org/devid': {} });
    campaign.run(2.5);
    expect([campaign.state(), campaign.count('released')]).toEqual(['running', 1]);
    campaign.run(0.5);
    expect([campaign.state(), campaign.stopReason()]).toEqual(['stopped', '1 failed, and 0 may']);
  });
  test('stops when a pilot fails, however large the budget is', () => {
    const wanted = plan({ pilots: ['h0.example.org'], errorBudget: { percent: 100 } });
    const campaign = simulate(wanted, candidates(5), { 'h0.example.org/devid': { failsAfter: hour } });
    campaign.run(24);
    expect([campaign.state(), campaign.stopReason()]).toEqual(['stopped', '1 of the pilots failed']);
    expect(campaign.released).toHaveLength(1);
  });
  test('that is paused keeps what is in flight and releases nothing, and goes on where it was', () => {
    const campaign = simulate(plan(), candidates(6));
    campaign.run(0.5);
    campaign.set('paused');
    campaign.run(24);
    expect([campaign.released.length, campaign.count('confirmed'), campaign.count('waiting')]).toEqual([2, 2, 4]);
    campaign.set('running');
    campaign.run(24);
    expect([campaign.state(), campaign.count('confirmed')]).toEqual(['finished', 6]);
  });
  test('that is paused still stops when the budget is spent', () => {
    const campaign = simulate(plan(), candidates(6), { 'h0.example.org/devid': { failsAfter: hour } });
    campaign.run(0.5);
    campaign.set('paused');
    campaign.run(3);
    expect(campaign.state()).toBe('stopped');
  });
  test('does not blame hosts for an absence of the servers', () => {
    const campaign = simulate(plan({ confirmWithinSeconds: hour }), candidates(2), {
      'h0.example.org/devid': { confirmsAfter: 73 * hour },
    });
    campaign.run(0.5);
    campaign.pass(72);
    campaign.bePatient(2);
    campaign.run(3);
    expect([campaign.state(), campaign.count('confirmed')]).toEqual(['finished', 2]);
  });
  test('does not count an error from before the release, nor a failure after the confirmation', () => {
    const campaign = simulate(plan({ waveSize: 1 }), candidates(1), {
      'h0.example.org/devid': { confirmsAfter: 2 * hour },
    });
    campaign.change('h0.example.org/devid', { failure: { at: at(-1), detail: 'old' } });
    campaign.run(2);
    expect(campaign.state()).toBe('running');
    campaign.change('h0.example.org/devid', {
      ...{ newestCertificate: 'new', isNewestConfirmed: true },
      failure: { at: at(2 * hour), detail: 'late' },
    });
    campaign.run(1);
    expect(campaign.state()).toBe('finished');
  });
  test('takes a lineage that was renewed by itself as done, and waits for one whose certificate is not in use yet', () => {
    const campaign = simulate(plan(), candidates(2), { 'h1.example.org/devid': {} });
    campaign.change('h0.example.org/devid', { newestCertificate: 'new', isNewestConfirmed: true });
    campaign.change('h1.example.org/devid', { newestCertificate: 'new', isNewestConfirmed: false });
    campaign.run(2);
    expect(campaign.released).toEqual([[0, 'h1.example.org/devid']]);
    expect([campaign.state(), campaign.count('confirmed')]).toEqual(['running', 1]);
  });
  test('gives up a host that was suspended before its turn, without spending the budget', () => {
    const campaign = simulate(plan(), candidates(4));
    campaign.suspend('h3.example.org/devid');
    campaign.run(24);
    expect([campaign.state(), campaign.count('confirmed'), campaign.count('failed')]).toEqual(['finished', 3, 1]);
  });
});

test('a campaign that is planned or over does nothing', () => {
  for (const state of ['planned', 'stopped', 'finished'] as const) {
    const members = planCampaign(plan(), candidates(2)).map((member) => ({
      ...{ ...member, state: 'waiting' as const, fromCertificate: member.certificate, releasedAt: null },
      ...{ isDeviceActive: true, newestCertificate: member.certificate, isNewestConfirmed: true, failure: null },
    }));
    expect(decideCampaign({ plan: plan(), state, patientUntil: null }, members, at(0))).toEqual({
      ...{ conclude: [], do: 'wait' },
    });
  }
});
