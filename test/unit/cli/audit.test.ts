// `omens audit list`: what is asked of the service, and what people and scripts read.
import { expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import type { AuditPage } from '../../../src/domain/warning-wire.ts';
import { type Answers, fakeWorld } from '../../fakes/service.ts';

const device = '4444aaaa-4444-4444-8444-444444444444';
const page: AuditPage = {
  items: [
    {
      ...{ id: '7', at: '2026-11-23T12:00:00Z', event: 'certificate.issued', principal: `device:${device}` },
      facts: { certificate: 'a'.repeat(64), profile: 'devid', lineage: null, names: ['\u001b[31m'] },
    },
  ],
  next: 'bmV4dA',
};

async function omens(args: readonly string[], answers: Answers = {}) {
  const world = fakeWorld(answers);
  const code = await run(args, world);
  return { code, out: world.out(), errors: world.errors(), calls: world.calls };
}

test('shows who did what, digests by their beginning, without control characters', async () => {
  const args = ['audit', 'list', '--event', 'certificate', '--principal', 'operator:ann', '--device', device];
  const { out, errors, calls } = await omens(args, { listAudit: page });
  const filter = { limit: undefined, cursor: undefined, event: 'certificate', principal: 'operator:ann', device };
  expect(calls).toEqual([['listAudit', filter]]);
  expect(out).toContain(
    `2026-11-23T12:00:00Z  certificate.issued  device:${device}  certificate=aaaaaaaaaaaa profile=devid`,
  );
  expect(out).not.toContain('\u001b');
  expect(errors).toContain('--cursor bmV4dA');
});

test('prints the resource unchanged with --json', async () => {
  const { out } = await omens(['audit', 'list', '--json'], { listAudit: page });
  expect(JSON.parse(out)).toEqual(page);
});
