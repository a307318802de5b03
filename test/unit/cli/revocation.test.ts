// What people read after taking something back.
import { expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import { fakeWorld } from '../../fakes/service.ts';

const revoked = {
  certificate: 'ab'.repeat(32),
  subject: 'CN=www.example.org',
  reasonCode: 'keyCompromise',
  changed: true,
  revokedSerials: 3,
};

test('a revocation says what went with it', async () => {
  const world = fakeWorld({ revokeCertificate: revoked });
  expect(await run(['certs', 'revoke', 'x', '--reason', 'keyCompromise'], world)).toBe(0);
  expect(world.calls).toEqual([['revokeCertificate', 'x', { reasonCode: 'keyCompromise' }]]);
  expect(world.out()).toContain('is revoked (keyCompromise), and 2 more of the same key');
});

test('a second revocation says that nothing has changed', async () => {
  const world = fakeWorld({ revokeCertificate: { ...revoked, changed: false, revokedSerials: 0 } });
  expect(await run(['certs', 'revoke', 'x', '--reason', 'superseded'], world)).toBe(0);
  expect(world.out()).toContain('was revoked before (keyCompromise): nothing has changed');
});

test.each([[['certs', 'revoke', 'x']], [['certs', 'revoke', 'x', '--reason', 'certificateHold']]])(
  '%j is wrong usage',
  async (args) => {
    const world = fakeWorld({});
    expect(await run(args, world)).toBe(2);
    expect(world.calls).toEqual([]);
  },
);

test('a retirement is followed by the exact commands for the relying parties', async () => {
  const step = { relyingParty: 'spire', action: 'evict the agent', because: 'evicting lifts the ban' };
  const device = {
    ...{ id: '33333333-3333-4333-8333-333333333333', hostName: 'tower.example.org', state: 'retired' },
    ...{ keylimeUuid: null, createdAt: '2026-11-20T12:00:00Z', lastSeenAt: '2026-11-20T12:00:00Z' },
    ...{ tpm: { manufacturer: null, model: null, version: null }, endorsementKeys: [], grants: [], lineages: [] },
    steps: [{ ...step, state: 'notYet', notBefore: '2026-12-24T12:00:00Z', command: 'spire-server agent evict X' }],
  };
  const world = fakeWorld({ retireDevice: device });
  expect(await run(['devices', 'retire', device.id], world)).toBe(0);
  expect(world.out()).toContain('- spire, from 2026-12-24T12:00:00Z on: evict the agent (evicting lifts the ban)');
  expect(world.out()).toContain('\n  spire-server agent evict X\n');
});
