// Twenty hosts whose certificates live for a minute or two: agents and server are killed at random, and nothing that reads
// the files or connects by TLS may ever notice.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LineagePage, LineageResource } from '../../src/domain/lineage-wire.ts';
import type { CertificateResource, Page } from '../../src/domain/wire.ts';
import { diceOf } from '../hostile/dice.ts';
import { call, freePort } from '../e2e/support/estate.ts';
import { type Fleet, openFleet } from '../e2e/support/fleet.ts';
import type { WatchedPair, Watched } from '../e2e/support/pair-watcher.ts';
import type { Called } from '../e2e/support/tls-caller.ts';

const count = 20;
const seconds = 100;
const lifetimes = { devid: '80s', 'keylime-agent': '75s', 'nginx-vhost': '75s' };
const support = join(import.meta.dirname, '../../dist/test/e2e/support');

let fleet: Fleet;
let isOpen = false;
let port: number;
let nginx: Nginx | undefined;

type Nginx = { readonly configuration: string; readonly stop: () => void };

const vhost = 'www.funlab.casa';
const nginxHost = 0;

/** agent.yaml of a host: quick, and on one of them nginx with a hook and a look at what it serves. */
function agentYaml(index: number, root: string): string {
  const vhostLines = [
    '  - preset: nginx-vhost',
    '    name: www',
    '    hooks:',
    `      validate: [nginx, -t, -c, ${join(root, 'nginx.conf')}]`,
    `      reload: [nginx, -s, reload, -c, ${join(root, 'nginx.conf')}]`,
    '      settleSeconds: 1',
    '    checks:',
    `      - { served: '127.0.0.1:${port}', serverName: ${vhost}, withinSeconds: 15 }`,
  ];
  const targets = ['  - preset: devid', '  - preset: keylime-agent', ...(index === nginxHost ? vhostLines : [])];
  return ['checkEverySeconds: 3', 'targets:', ...targets, ''].join('\n');
}

/** A real nginx on the files of one host. Its first certificate is made by hand, as on a host before takeover. */
function startNginx(root: string): Nginx {
  const configuration = join(root, 'nginx.conf');
  const ssl = join(root, 'etc/nginx/ssl');
  mkdirSync(ssl, { recursive: true });
  mkdirSync(join(root, 'nginx'), { recursive: true });
  writeFileSync(
    configuration,
    `pid ${root}/nginx/nginx.pid; error_log ${root}/nginx/error.log; user root; worker_processes 1;
     events { worker_connections 256; }
     http {
       access_log off; client_body_temp_path ${root}/nginx/body; proxy_temp_path ${root}/nginx/proxy;
       fastcgi_temp_path ${root}/nginx/fastcgi; uwsgi_temp_path ${root}/nginx/uwsgi; scgi_temp_path ${root}/nginx/scgi;
       server {
         listen 127.0.0.1:${port} ssl; server_name ${vhost};
         ssl_certificate ${ssl}/www.crt; ssl_certificate_key ${ssl}/www.key;
         location / { return 204; }
       }
     }\n`,
  );
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
    ...['-subj', `/CN=${vhost}`, '-keyout', join(ssl, 'www.key'), '-out', join(ssl, 'www.crt')],
  ]);
  execFileSync('nginx', ['-c', configuration]);
  return { configuration, stop: () => void execFileSync('nginx', ['-s', 'stop', '-c', configuration]) };
}

/** A process of test/e2e/support that answers one JSON line when it is ended. */
function observer(script: string, argument: string): { readonly end: () => Promise<unknown> } {
  const child: ChildProcess = spawn(process.execPath, [join(support, script), argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return {
    end: async () => {
      const closed = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await closed;
      return JSON.parse(output.trim().split('\n').at(-1) ?? '') as unknown;
    },
  };
}

const pairsOf = (root: string, index: number): readonly WatchedPair[] => [
  {
    generation: join(root, 'etc/keylime/certs/.omens/keylime-agent/current'),
    certificate: join(root, 'etc/keylime/certs/agent.crt'),
    key: join(root, 'etc/keylime/certs/agent-pkcs8.key'),
  },
  ...(index === nginxHost
    ? [
        {
          generation: join(root, 'etc/nginx/ssl/.omens/www/current'),
          certificate: join(root, 'etc/nginx/ssl/www.crt'),
          key: join(root, 'etc/nginx/ssl/www.key'),
        },
      ]
    : []),
];

async function lineages(): Promise<readonly LineageResource[]> {
  const reply = await call(fleet.estate, '/v1/lineages?limit=200');
  expect(reply.status).toBe(200);
  return (JSON.parse(reply.body) as LineagePage).items;
}

/** Kills somebody every second or two: mostly an agent, sometimes the server. */
async function killAtRandom(until: number): Promise<{ agents: number; servers: number }> {
  const dice = diceOf(Number(process.env['OMENS_FLEET_SEED'] ?? '7'));
  const killed = { agents: 0, servers: 0 };
  while (Date.now() < until) {
    await sleep(dice.roll(1500) + 300);
    if (dice.roll(25) === 0) {
      await fleet.killServer();
      killed.servers += 1;
    } else {
      const host = fleet.hosts[dice.roll(count)]!;
      await host.stop('SIGKILL');
      host.start();
      killed.agents += 1;
    }
  }
  return killed;
}

beforeAll(async () => {
  port = await freePort();
  fleet = await openFleet({
    ...{ count, lifetimes, agentYaml },
    profiles: (index) => (index === nginxHost ? [{ profile: 'nginx-vhost', dnsNames: [vhost] }] : []),
    prepare: async (index, root) => {
      if (index === nginxHost) nginx = startNginx(root);
    },
  });
  isOpen = true;
}, 240_000);

afterAll(async () => {
  nginx?.stop();
  if (isOpen) await fleet.close();
}, 60_000);

/** The certificates that each lineage has had, from the issued ones in the inventory. */
async function certificatesByLineage(): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (let cursor = ''; ; ) {
    const reply = await call(fleet.estate, `/v1/certificates?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`);
    const page = JSON.parse(reply.body) as Page<CertificateResource>;
    for (const { lineage, certificate } of page.items) {
      if (lineage !== null) found.set(lineage, [...(found.get(lineage) ?? []), certificate]);
    }
    if (page.next === null) return found;
    cursor = encodeURIComponent(page.next);
  }
}

/** Polls until every lineage has a confirmed certificate that is good now, or the time is over. */
async function settled(withinMs: number): Promise<readonly LineageResource[]> {
  const until = Date.now() + withinMs;
  for (;;) {
    const all = await lineages();
    const unsettled = all.filter(({ state }) => state !== 'current' && state !== 'windowOpen');
    if (unsettled.length === 0 || Date.now() > until) return unsettled;
    await sleep(1000);
  }
}

/** When the leaf of a file ends, in milliseconds since 1970. */
const endOf = (path: string): number => Date.parse(new X509Certificate(readFileSync(path)).validTo);

describe('twenty agents whose certificates live for a minute or two', () => {
  test(
    'rotate through kills of agents and server, and no reader ever sees half a pair or fails to connect',
    async () => {
      const caFile = join(fleet.estate.directory, 'root.pem');
      writeFileSync(caFile, fleet.estate.caPem);
      const watched = join(fleet.estate.directory, 'watched.json');
      writeFileSync(watched, JSON.stringify(fleet.hosts.flatMap(({ root }, index) => pairsOf(root, index))));
      for (const host of fleet.hosts) host.start();
      const watcher = observer('pair-watcher.js', watched);
      const caller = observer('tls-caller.js', JSON.stringify({ port, serverName: vhost, caFile }));

      const killed = await killAtRandom(Date.now() + seconds * 1000);
      const unsettled = await settled(30_000);
      const pairs = (await watcher.end()) as Watched;
      const calls = (await caller.end()) as Called;

      const seen = {
        reads: pairs.reads,
        switched: pairs.switched,
        ...calls,
        failures: calls.failures.length,
        ...killed,
      };
      process.stderr.write(`fleet: ${JSON.stringify(seen)}\n`);
      expect(
        unsettled.map(({ hostName, profile, state, lastError }) => ({ hostName, profile, state, lastError })),
      ).toEqual([]);
      expect(pairs.unfit).toEqual([]);
      expect(pairs.missing).toBe(0);
      expect(pairs.reads).toBeGreaterThan(1000);
      expect(calls.failures).toEqual([]);
      expect(calls.handshakes).toBeGreaterThan(500);
      expect(calls.certificates).toBeGreaterThan(1);
      expect(killed.agents).toBeGreaterThan(30);
      expect(killed.servers).toBeGreaterThan(0);

      const issued = await certificatesByLineage();
      expect(issued.size).toBe(2 * count + 1);
      for (const [lineage, certificates] of issued)
        expect([lineage, certificates.length >= 2]).toEqual([lineage, true]);
      expect([...issued.values()].flat().length).toBeGreaterThan(2.2 * issued.size);
      for (const { root } of fleet.hosts) {
        expect(endOf(join(root, 'etc/keylime/certs/agent.crt'))).toBeGreaterThan(Date.now());
        expect(endOf(join(root, 'var/lib/tpm2-devid/devid.crt'))).toBeGreaterThan(Date.now());
      }
    },
    (seconds + 120) * 1000,
  );
});
