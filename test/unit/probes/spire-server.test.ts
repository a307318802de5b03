// The SPIRE server by its command line: what may be run, how its replies are read, and what is made of its faults.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spireServer } from '../../../src/probes/spire-server.ts';
import { readAgents, readCreated, readEntries } from '../../../src/probes/spire-replies.ts';
import { type SpireProgram, spireProgram } from '../../fakes/spire-program.ts';

let program: SpireProgram;
beforeEach(() => {
  program = spireProgram();
});
afterEach(() => program.remove());

const agentId = `spiffe://funlab.casa/spire/agent/tpm_devid/${'a'.repeat(40)}`;
const alias = {
  spiffeId: 'spiffe://funlab.casa/omens/node/tower.example.org',
  selectors: ['tpm_devid:subject:cn:tower.example.org', `tpm_devid:ca:fingerprint:${'b'.repeat(40)}`],
};

describe('what may be run', () => {
  test('nothing, when commands are only to be printed', async () => {
    const server = spireServer(program.settings('print'));
    const answers = [await server.listAgents(), await server.showEntries(agentId), await server.evict(agentId)];
    expect(answers.map((answer) => !answer.ok && answer.error.reason)).toEqual(Array(3).fill('spireNotAllowed'));
    expect(program.asked()).toEqual([]);
  });

  test('reads and nothing else, when it may be asked', async () => {
    const server = spireServer(program.settings('ask'));
    expect(await server.listAgents()).toEqual({ ok: true, value: [] });
    expect(await server.showEntries(alias.spiffeId)).toEqual({ ok: true, value: [] });
    const answers = [await server.createAlias(alias), await server.evict(agentId), await server.ban(agentId)];
    expect(answers.map((answer) => !answer.ok && answer.error.reason)).toEqual(Array(3).fill('spireNotAllowed'));
    expect(program.asked().map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(['agent list', 'entry show']);
  });

  test('aliases, evictions and bans, when it may act; an alias that is there already is no fault', async () => {
    program.write({ agents: [{ spiffeId: agentId, attestationType: 'tpm_devid', expiresAt: 1_795_693_400 }] });
    const server = spireServer(program.settings('act'));
    expect(await server.createAlias(alias)).toEqual({ ok: true, value: null });
    expect(await server.createAlias(alias)).toEqual({ ok: true, value: null });
    expect(await server.showEntries(alias.spiffeId)).toMatchObject({
      ok: true,
      value: [{ spiffeId: alias.spiffeId, parentId: 'spiffe://funlab.casa/spire/server', selectors: alias.selectors }],
    });
    expect(await server.ban(agentId)).toEqual({ ok: true, value: null });
    expect(await server.listAgents()).toMatchObject({ ok: true, value: [{ spiffeId: agentId, isBanned: true }] });
    expect(await server.evict(agentId)).toEqual({ ok: true, value: null });
    expect(await server.evict(agentId)).toMatchObject({
      ok: false,
      error: { reason: 'spireFailed', detail: expect.stringContaining('agent not found') },
    });
  });
});

describe('a program that misbehaves', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'omens-spire-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const running = (source: string, limits = { timeoutMs: 500, maxOutputOctets: 1000 }) => {
    const file = join(directory, 'program.mjs');
    writeFileSync(file, source);
    return spireServer({ ...program.settings('ask'), serverCommand: [process.execPath, file] }, limits);
  };

  test.each([
    ['hangs', 'setInterval(() => {}, 1000)', 'it took more than 0.5 s'],
    ['prints without end', "process.stdout.write('x'.repeat(100000))", 'it printed more than is read'],
    ['fails with colors', "process.stderr.write('\\x1b[31mno\\x1b[0m\\nmore'); process.exit(1)", '?[31mno?[0m'],
  ])('%s is a fault that says so', async (_what, source, why) => {
    const limits = { timeoutMs: source.startsWith('setInterval') ? 500 : 20_000, maxOutputOctets: 1000 };
    const answer = await running(source, limits).listAgents();
    expect(answer).toMatchObject({
      ok: false,
      error: { reason: 'spireFailed', detail: `spire-server failed: ${why}` },
    });
  });

  test('is not there', async () => {
    const settings = { ...program.settings('ask'), serverCommand: [join(directory, 'nowhere')] };
    expect(await spireServer(settings).listAgents()).toMatchObject({
      ok: false,
      error: { detail: 'spire-server failed: the program is not there' },
    });
  });

  test('gets nothing of our environment, and no shell', async () => {
    process.env['OMENS_TEST_SECRET'] = 'hidden';
    const source = `process.stdout.write(JSON.stringify({ agents: [], found: process.env.OMENS_TEST_SECRET ?? null }));
      if (process.env.OMENS_TEST_SECRET !== undefined || process.argv.includes('$(id)') === false) process.exit(1);`;
    writeFileSync(join(directory, 'program.mjs'), source);
    const serverCommand = [process.execPath, join(directory, 'program.mjs'), '$(id)'];
    const answer = await spireServer({ ...program.settings('ask'), serverCommand }).listAgents();
    delete process.env['OMENS_TEST_SECRET'];
    expect(answer).toEqual({ ok: true, value: [] });
  });
});

describe('a reply', () => {
  const agent = {
    ...{ attestation_type: 'tpm_devid', banned: false, can_reattest: true, x509svid_expires_at: '1795693400' },
    id: { path: '/spire/agent/tpm_devid/aa', trust_domain: 'funlab.casa' },
  };
  test.each([
    ['no JSON', 'Found 1 attested agent'],
    ['a list', '[]'],
    ['no agents', '{}'],
    ['an agent without an id', JSON.stringify({ agents: [{ ...agent, id: undefined }] })],
    ['a path that is none', JSON.stringify({ agents: [{ ...agent, id: { ...agent.id, path: '/a b' } }] })],
    ['a path with steps', JSON.stringify({ agents: [{ ...agent, id: { ...agent.id, path: '/a//b' } }] })],
    ['a time that is none', JSON.stringify({ agents: [{ ...agent, x509svid_expires_at: '-1' }] })],
    ['a number for a time', JSON.stringify({ agents: [{ ...agent, x509svid_expires_at: 1_795_693_400 }] })],
    ['text for a flag', JSON.stringify({ agents: [{ ...agent, banned: 'false' }] })],
    ['control characters', JSON.stringify({ agents: [{ ...agent, attestation_type: 'a\x1b[2J' }] })],
  ])('with %s is refused whole', (_what, output) => {
    expect(readAgents(output)).toMatchObject({ ok: false, error: { reason: 'malformedSpireReply' } });
  });

  test('with members that are not known is taken', () => {
    expect(readAgents(JSON.stringify({ agents: [{ ...agent, agent_version: '1.15.3' }], more: 1 }))).toEqual({
      ok: true,
      value: [
        {
          spiffeId: 'spiffe://funlab.casa/spire/agent/tpm_devid/aa',
          attestationType: 'tpm_devid',
          expiresAt: new Date(1_795_693_400_000),
          canReattest: true,
          isBanned: false,
        },
      ],
    });
    expect(readEntries('{"entries":{}}')).toMatchObject({ ok: false });
  });

  test('that refuses an entry is a refusal although the program ended well', () => {
    const refused = { results: [{ status: { code: 3, message: 'invalid selector' } }] };
    expect(readCreated(JSON.stringify(refused))).toMatchObject({
      ok: false,
      error: { reason: 'spireRefused', detail: expect.stringContaining('invalid selector') },
    });
    expect(readCreated('{"results":[]}')).toMatchObject({ ok: false, error: { reason: 'spireRefused' } });
  });
});
