// The roots that hosts trust, from `omens init` to a host that asks: the first bundle, one signed offline, and an estate
// whose root was never here.
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { takeTrustBundle, type TrustTaken } from '../../src/agent/take-trust-bundle.ts';
import type { HostTrust } from '../../src/agent/trust.ts';
import { hostApi } from '../../src/client/api.ts';
import { openConnection } from '../../src/client/connection.ts';
import type { TrustBundleResource } from '../../src/domain/wire.ts';
import { ensureBuilt } from '../db/support/embedded-process.ts';
import { omens } from './support/agent-command.ts';
import { type Estate, initializeEstate, removeEstate, type ServerProcess, startServer } from './support/estate.ts';

const run = promisify(execFile);
let work: string;
let estate: Estate;
let server: ServerProcess | null = null;

beforeAll(async () => {
  await ensureBuilt();
  work = mkdtempSync(join(tmpdir(), 'omens-trust-'));
  chmodSync(work, 0o700);
}, 120_000);
afterEach(async () => {
  await server?.stop();
  server = null;
  removeEstate(estate);
}, 60_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

const at = (name: string): string => join(work, name);

/** `omens trust …` as an operator of the estate. */
async function trust(...args: readonly string[]) {
  writeFileSync(at('token'), estate.token, { mode: 0o600 });
  writeFileSync(at('ca.crt'), estate.caPem);
  const service =
    args[0] === 'sign' ? [] : ['--url', estate.url, '--token-file', at('token'), '--ca-file', at('ca.crt')];
  return omens(['trust', ...args, ...service]);
}
const shown = async (): Promise<TrustBundleResource> => {
  const { code, stdout, stderr } = await trust('show', '--json');
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return JSON.parse(stdout) as TrustBundleResource;
};
/** Path without its end, of the root of a domain that was made here. */
const rootFile = (domain: string): string => {
  const directory = join(estate.directory, 'data-roots');
  const name = readdirSync(directory).find((file) => file.startsWith(`${domain}-root`) && file.endsWith('.crt'));
  return join(directory, (name ?? '').replace(/\.crt$/, ''));
};

/** What a host takes that was enrolled under the root with this digest. */
async function hostTakes(held: HostTrust | null, pinnedSha256: string): Promise<TrustTaken> {
  const now = (): Date => new Date();
  const opened = await openConnection({
    ...{ url: estate.url, trust: { kind: 'root', sha256: pinnedSha256 }, token: null, now },
    sleep: async () => undefined,
  });
  if (!opened.ok) throw new Error(opened.error.detail);
  const taken = await takeTrustBundle(hostApi(opened.value), { held, pinnedSha256, local: [] });
  opened.value.close();
  if (!taken.ok) throw new Error(taken.error.detail);
  return taken.value;
}

test('a new server has the first bundle; a later one is signed offline, published, and taken by a host', async () => {
  estate = await initializeEstate();
  server = await startServer(estate);
  const first = await shown();
  expect(first).toMatchObject({
    generation: 1,
    anchors: [{ trustDomain: 'estate' }, { trustDomain: 'keylime-control' }],
  });
  const root = first.signedBy;
  const taken = await hostTakes(null, root);
  expect([taken.trust.generation, taken.refused]).toEqual([1, []]);
  expect(taken.trust.authorities.map(({ domain }) => domain).toSorted()).toEqual(['estate', 'keylime-control']);

  const [eye, control] = [rootFile('estate'), rootFile('keylime-control')];
  const anchors = ['--anchor', `estate=${eye}.crt`, '--anchor', `keylime-control=${control}.crt`];
  const files = ['--root-certificate', `${eye}.crt`, '--root-key', `${eye}.key.pem`];
  const passphrase = ['--passphrase-file', join(estate.directory, 'passphrase')];
  const sign = (generation: number, out: string, which = anchors) =>
    trust('sign', ...files, ...passphrase, '--generation', String(generation), ...which, '--out', at(out));
  const signed = await sign(2, 'second.cms');
  expect([signed.code, signed.stdout]).toEqual([
    0,
    `estate ${root}\nkeylime-control ${first.anchors[1]?.certificate}\n`,
  ]);
  expect((await sign(3, 'second.cms')).code).toBe(1);

  expect(await trust('publish', at('second.cms'))).toMatchObject({ code: 0 });
  expect((await shown()).generation).toBe(2);
  expect(await trust('publish', at('second.cms'))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('generationNotLarger'),
  });
  expect((await sign(5, 'short.cms', anchors.slice(0, 2))).code).toBe(0);
  expect(await trust('publish', at('short.cms'))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('rootInUseMissing'),
  });

  const later = await hostTakes(taken.trust, root);
  expect([later.trust.generation, later.changed, later.refused]).toEqual([2, [], []]);
}, 180_000);

test('an imported estate has no bundle until its root has signed one where its key is', async () => {
  const openssl = (...args: readonly string[]) => run('openssl', args, { cwd: work });
  writeFileSync(at('passphrase'), 'of the estate\n', { mode: 0o600 });
  const ca = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n';
  writeFileSync(at('ca.cnf'), `${ca}authorityKeyIdentifier=keyid:always\n`);
  for (const name of ['root', 'issuing']) {
    const key = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-aes-256-cbc', '-pass', 'file:passphrase'];
    await openssl('genpkey', ...key, '-out', `${name}.key`);
    await openssl(
      'req',
      '-new',
      '-key',
      `${name}.key`,
      '-passin',
      'file:passphrase',
      '-subj',
      `/CN=${name}`,
      '-out',
      `${name}.csr`,
    );
    const by =
      name === 'root' ? ['-signkey', 'root.key'] : ['-CA', 'root.crt', '-CAkey', 'root.key', '-CAcreateserial'];
    const rest = ['-passin', 'file:passphrase', '-days', '3650', '-extfile', 'ca.cnf', '-out', `${name}.crt`];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...by, ...rest);
  }
  estate = await initializeEstate({
    importEstate: {
      ...{ certificateFile: at('issuing.crt'), keyFile: at('issuing.key'), chainFile: at('root.crt') },
      keyPassphraseFile: at('passphrase'),
    },
  });
  server = await startServer(estate);
  expect(await trust('show')).toMatchObject({ code: 1, stderr: expect.stringContaining('notFound') });

  const der = await run('openssl', ['x509', '-in', at('root.crt'), '-noout', '-fingerprint', '-sha256']);
  const root = der.stdout.trim().split('=')[1]!.replaceAll(':', '').toLowerCase();
  const before = await hostTakes(null, root);
  expect(before.trust.anchors.map(({ from, sha256 }) => [from, sha256])).toEqual([['enrollment', root]]);

  const files = [
    '--root-certificate',
    at('root.crt'),
    '--root-key',
    at('root.key'),
    '--passphrase-file',
    at('passphrase'),
  ];
  const anchors = ['--anchor', `estate=${at('root.crt')}`, `keylime-control=${rootFile('keylime-control')}.crt`];
  expect(await trust('sign', ...files, '--generation', '1', ...anchors, '--out', at('first.cms'))).toMatchObject({
    code: 0,
  });
  expect(readFileSync(at('first.cms'), 'utf8')).toMatch(/^-----BEGIN CMS-----\n/);
  expect(await trust('publish', at('first.cms'))).toMatchObject({ code: 0 });
  const after = await hostTakes(before.trust, root);
  expect(after.trust.anchors.map(({ domain, from }) => [domain, from])).toEqual([
    ['estate', 'bundle'],
    ['keylime-control', 'bundle'],
  ]);
  expect(after.changed).toEqual(['keylime-control']);
}, 180_000);
