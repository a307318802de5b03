// A DevID of ours at a real SPIRE server and agent, on a software TPM: it attests under the ID that we compute, a re-keyed
// one under the next, and our reading of the real program's output confirms and evicts. Runs only when named:
// `npm test -- spire`, with spire-server and spire-agent on the PATH or in SPIRE_BIN. Last run with 1.13.3.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSigningKey } from '../../src/agent/tpm-keys.ts';
import { devidAgentId, nodeAliasId, nodeAliasSelectors, type SpireSettings } from '../../src/domain/spire.ts';
import { issue } from '../../src/issuance/issue.ts';
import { spireServer, type SpireServer } from '../../src/probes/spire-server.ts';
import { toSpireBlobs } from '../../src/tpm2/key-files.ts';
import { parseTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { spkiOfArea } from '../fakes/software-host.ts';
import { type CertifiedSoftwareTpm, startCertifiedSwtpm, withTpm } from '../tpm/swtpm.ts';
import { made, ok, profiles } from '../unit/enrollment/scene.ts';
import { activeIssuer, portsOf } from '../unit/issuance/scene.ts';
import { type Running, spireProgram, startSpireAgent, startSpireServer } from './programs.ts';

const hostName = 'tower.example.org';
let directory: string;
let tpm: CertifiedSoftwareTpm;
let server: Running;
let settings: SpireSettings;
let calls: SpireServer;
let port: number;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** What `look` gives once it is not undefined. */
async function until<T>(look: () => Promise<T | undefined>, why: () => string): Promise<T> {
  for (let tries = 0; tries < 120; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(250);
  }
  throw new Error(`in vain: ${why()}`);
}

/** Undoes what the set-up came to, last first. */
const endings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'omens-spire-'));
  endings.push(() => rm(directory, { recursive: true, force: true }));
  tpm = await startCertifiedSwtpm();
  endings.push(tpm.stop);
  port = await freePort();
  const [devidCa, endorsementCa] = [join(directory, 'devid-ca.pem'), join(directory, 'ek-ca.pem')];
  await writeFile(devidCa, encodePem('CERTIFICATE', made.root.der));
  await writeFile(endorsementCa, tpm.ekIntermediatePem);
  server = await startSpireServer(directory, { port, devidCa, endorsementCa });
  endings.push(server.stop);
  const socketPath = join(directory, 'api.sock');
  settings = { trustDomain: 'funlab.casa', serverCommand: [spireProgram('spire-server')], socketPath, mode: 'act' };
  calls = spireServer(settings);
  await until(async () => ((await calls.listAgents()).ok ? true : undefined), server.log);
});

afterAll(async () => {
  for (const end of endings.toReversed()) await end();
});

/** A DevID for a fresh key of the TPM, in the files that SPIRE reads. */
async function devidFiles(): Promise<{ readonly der: Uint8Array }> {
  const key = await withTpm(`unix:${tpm.socketPath}`, (open) => createSigningKey(open));
  const issuer = activeIssuer(made);
  const issued = ok(
    await issue(portsOf(issuer))({
      profile: profiles.get('devid')!,
      subject: {
        ...{ hostName, keylimeUuid: null, principal: null, hardwareSerial: 'AA:BB:CC' },
        names: { dnsNames: [hostName], ipAddresses: [], uris: [] },
      },
      key: {
        subjectPublicKeyInfo: spkiOfArea(parseTpm2bPublic(key.public)),
        ...{ keyType: 'ec-p256', origin: 'tpm' },
      },
      holder: { kind: 'device', deviceId: '33333333-3333-4333-8333-333333333333' },
      ...{ principal: 'device:x', lineageId: null, conversationId: null, idempotency: null, now: new Date() },
    }),
  );
  const blobs = toSpireBlobs(key);
  await writeFile(join(directory, 'devid.crt'), issued.certificatePem + encodePem('CERTIFICATE', made.issuing.der));
  await writeFile(join(directory, 'devid.pub.blob'), blobs.public);
  await writeFile(join(directory, 'devid.priv.blob'), blobs.private);
  return { der: issued.record.der };
}

async function agentOf(name: string): Promise<Running> {
  const { stdout } = await promisify(execFile)(spireProgram('spire-server'), [
    ...['bundle', 'show', '-socketPath', settings.socketPath ?? ''],
  ]);
  const own = join(directory, name);
  const bundle = join(directory, 'bundle.pem');
  await writeFile(bundle, stdout);
  return startSpireAgent(own, { port, bundle, devid: directory, socketPath: tpm.socketPath });
}

const listed = async (spiffeId: string) => ok(await calls.listAgents()).find((agent) => agent.spiffeId === spiffeId);

test('a DevID attests under the ID that we compute, its successor under the next, and the old one is evicted', async () => {
  const alias = {
    spiffeId: nodeAliasId('funlab.casa', hostName),
    selectors: nodeAliasSelectors(hostName, made.issuing.der),
  };
  expect(await calls.createAlias(alias)).toEqual({ ok: true, value: null });
  expect(await calls.createAlias(alias)).toEqual({ ok: true, value: null });
  expect(ok(await calls.showEntries(alias.spiffeId))).toMatchObject([
    { spiffeId: alias.spiffeId, parentId: 'spiffe://funlab.casa/spire/server' },
  ]);
  const ids: string[] = [];
  for (const name of ['first', 'second']) {
    const { der } = await devidFiles();
    const agent = await agentOf(name);
    const spiffeId = devidAgentId('funlab.casa', der);
    try {
      const found = await until(
        () => listed(spiffeId),
        () => agent.log() + server.log(),
      );
      expect(found).toMatchObject({ attestationType: 'tpm_devid', canReattest: true, isBanned: false });
      expect(found.expiresAt.getTime()).toBeGreaterThan(Date.now());
    } finally {
      await agent.stop();
    }
    ids.push(spiffeId);
  }
  const [first, second] = ids as [string, string];
  expect(first).not.toBe(second);
  expect(await calls.evict(first)).toEqual({ ok: true, value: null });
  expect(await listed(first)).toBeUndefined();
  expect(await listed(second)).toBeDefined();
});

test('a banned agent cannot attest again with the same DevID, and eviction lifts that: so a ban comes first', async () => {
  const { der } = await devidFiles();
  const spiffeId = devidAgentId('funlab.casa', der);
  const agent = await agentOf('banned');
  await until(
    () => listed(spiffeId),
    () => agent.log() + server.log(),
  );
  await agent.stop();
  expect(await calls.ban(spiffeId)).toEqual({ ok: true, value: null });
  expect(await listed(spiffeId)).toMatchObject({ isBanned: true });
  const again = await agentOf('again');
  await until(async () => (/banned/.test(again.log() + server.log()) ? true : undefined), again.log);
  await again.stop();
  expect(ok(await calls.listAgents()).find((one) => one.spiffeId === spiffeId)?.isBanned).toBe(true);
  expect(await calls.evict(spiffeId)).toEqual({ ok: true, value: null });
  const free = await agentOf('free');
  await until(
    () => listed(spiffeId),
    () => free.log() + server.log(),
  );
  await free.stop();
});

test('an ID that is not there is a fault in the words of the real program', async () => {
  const unknown = devidAgentId('funlab.casa', randomBytes(8));
  expect(await calls.evict(unknown)).toMatchObject({
    ok: false,
    error: { detail: expect.stringContaining('not found') },
  });
});
