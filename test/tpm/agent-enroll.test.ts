// The host side of enrollment with a real (software) TPM: what is installed, and what crashes, lost replies and waits
// leave behind. The service is a fake that checks every TPM statement.
import { execFile } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { loadAgentConfig } from '../../src/agent/agent-config.ts';
import { agentDirectory, loadState } from '../../src/agent/agent-state.ts';
import { enroll, type EnrollInput, type EnrollPorts } from '../../src/agent/enroll.ts';
import type { EnrollWishes } from '../../src/agent/errand.ts';
import { hostFacts } from '../../src/agent/host-facts.ts';
import { silent } from '../../src/agent/progress.ts';
import { certificatesIn } from '../../src/agent/prove.ts';
import { runCommand } from '../../src/agent/run-command.ts';
import { targetsOf } from '../../src/agent/targets.ts';
import { type FakeService, fakeService, problem } from '../fakes/enrollment-server.ts';
import { type CertifiedSoftwareTpm, startCertifiedSwtpm, tool, withTpm } from './swtpm.ts';

const run = promisify(execFile);
let swtpm: CertifiedSoftwareTpm;
let root: string;
let targets: EnrollPorts['targets'];
let service: FakeService;
let notes: string[];
let slept: number[];

beforeAll(async () => {
  swtpm = await startCertifiedSwtpm();
});
afterAll(() => swtpm.stop());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'omens-host-'));
  targets = targetsOf(await loadAgentConfig(root), await hostFacts(root));
  service = fakeService();
  notes = [];
  slept = [];
});
afterEach(() => rm(root, { recursive: true, force: true }));

const ports = (over: Partial<EnrollPorts> = {}): EnrollPorts => ({
  root,
  uid: 1000,
  now: () => new Date('2026-11-03T00:00:00Z'),
  sleep: async (milliseconds) => void slept.push(milliseconds),
  withTpm,
  connect: async () => service,
  passwords: {},
  progress: { ...silent, note: (line) => void notes.push(line) },
  ownName: null,
  targets,
  run: runCommand,
  ...over,
});

const wishes = (over: Partial<EnrollWishes> = {}): EnrollWishes => ({
  server: { url: 'https://ca.example.lan', rootSha256: '00'.repeat(32) },
  token: 'token-of-this-test',
  hostName: 'tower.example.lan',
  profiles: [],
  tpm: `unix:${swtpm.socketPath}`,
  oldKeys: 'keep',
  ...over,
});

const again = (over: Partial<EnrollWishes> = {}): EnrollWishes =>
  wishes({ server: null, token: null, hostName: null, tpm: null, ...over });

async function attempt(over: Partial<EnrollInput> = {}, portsOver: Partial<EnrollPorts> = {}) {
  return enroll(ports(portsOver), { wishes: wishes(), state: await loadState(root), patience: 'once', ...over });
}

const modeOf = async (path: string): Promise<string> => ((await stat(join(root, path))).mode & 0o777).toString(8);
const text = (path: string): Promise<string> => readFile(join(root, path), 'utf8');
const state = async () => (await loadState(root))!;

describe('an enrollment with a token', () => {
  test('installs the DevID whose key the TPM holds, in every format', async () => {
    await expect(attempt()).resolves.toMatchObject({ state: 'issued', device: { hostName: 'tower.example.lan' } });
    const certificate = new X509Certificate(await text('var/lib/tpm2-devid/devid.crt'));
    expect((await text('var/lib/tpm2-devid/devid.crt')).match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    const sized = await readFile(join(root, 'var/lib/tpm2-devid/devid.pub'));
    expect(sized.subarray(2)).toEqual(await readFile(join(root, 'var/lib/tpm2-devid/devid.pub.blob')));
    expect((await readFile(join(root, 'var/lib/tpm2-devid/devid.priv'))).subarray(2)).toEqual(
      await readFile(join(root, 'var/lib/tpm2-devid/devid.priv.blob')),
    );
    const template = ['-C', 'o', '-g', 'sha256', '-G', 'ecc256:null:aes128cfb', '-c', 'srk.ctx'];
    const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt';
    const flush = (): Promise<string> => tool(swtpm, 'tpm2_flushcontext', ['-t']);
    await tool(swtpm, 'tpm2_createprimary', [...template, '-a', attributes]);
    await flush();
    const at = (name: string): string => join(root, 'var/lib/tpm2-devid', name);
    await tool(swtpm, 'tpm2_load', ['-C', 'srk.ctx', '-u', at('devid.pub'), '-r', at('devid.priv'), '-c', 'devid.ctx']);
    await flush();
    await tool(swtpm, 'tpm2_readpublic', ['-c', 'devid.ctx', '-f', 'pem', '-o', 'devid.pem']);
    const loaded = createPublicKey(await readFile(join(swtpm.directory, 'devid.pem')));
    expect(certificate.publicKey.equals(loaded)).toBe(true);
    await flush();
  }, 120_000);

  test('installs the Keylime agent key and certificate as its consumers read them', async () => {
    await attempt();
    const key = await text('etc/keylime/certs/agent-pkcs8.key');
    expect(key.startsWith('-----BEGIN PRIVATE KEY-----\n')).toBe(true);
    const certificate = new X509Certificate(await text('etc/keylime/certs/agent.crt'));
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    const only = new X509Certificate(await text('etc/keylime/certs/ca-root-only.crt'));
    expect(only.subject).toBe('CN=Eye of Thundera');
    const chain = await text('etc/keylime/certs/ca-complete-chain.crt');
    expect(chain).toBe((await text('etc/keylime/certs/ca.crt')) + (await text('etc/keylime/certs/ca-root-only.crt')));
    expect(await readlink(join(root, 'etc/keylime/certs/ca-chain.crt'))).toBe('ca-complete-chain.crt');
    const verify = [
      'verify',
      '-x509_strict',
      '-no_check_time',
      '-CAfile',
      join(root, 'etc/keylime/certs/ca-root-only.crt'),
    ];
    const leaf = join(root, 'etc/keylime/certs/agent.crt');
    await expect(run('openssl', [...verify, '-untrusted', leaf, leaf])).resolves.toMatchObject({});
    await expect(run('openssl', [...verify, '-untrusted', leaf, '-purpose', 'sslclient', leaf])).rejects.toThrow();
  });

  test('keeps modes, and says which owners it skipped, without privilege', async () => {
    const { remarks } = (await attempt()) as { remarks: readonly string[] };
    expect(await modeOf('var/lib/tpm2-devid/devid.crt')).toBe('640');
    expect(await modeOf('var/lib/tpm2-devid/devid.priv.blob')).toBe('600');
    expect(await modeOf('var/lib/tpm2-devid/devid.key.pem')).toBe('600');
    expect(await modeOf('etc/keylime/certs/agent-pkcs8.key')).toBe('640');
    expect(await modeOf('etc/keylime/certs/agent.crt')).toBe('644');
    expect(await modeOf('var/lib/omens/agent')).toBe('700');
    expect(await modeOf('var/lib/omens/agent/state.json')).toBe('600');
    expect(remarks.join()).toContain('root:tss of //var/lib/tpm2-devid/devid.crt'.replace('//', '/'));
  });

  test('presents the certificate of the EK without padding, and the token', async () => {
    await attempt();
    const [body] = service.bodies;
    expect(body?.token).toBe('token-of-this-test');
    expect(new X509Certificate(Buffer.from(body!.ekCertificates[0]!, 'base64url')).issuer).toContain('swtpm-localca');
    expect(notes.join()).toMatch(/endorsement key of this TPM: [0-9a-f]{64}/);
  });

  test('forgets the software keys and the token once they are installed', async () => {
    await attempt();
    const kept = await text('var/lib/omens/agent/state.json');
    expect(kept).not.toContain('PRIVATE KEY');
    expect(kept).not.toContain('token-of-this-test');
  });

  test('does nothing when the same command comes again', async () => {
    await attempt();
    const calls = service.calls.length;
    await expect(attempt()).resolves.toMatchObject({ remarks: [expect.stringContaining('enrolled already')] });
    expect(service.calls).toHaveLength(calls);
  });

  test('puts every other profile into the directory of the agent, with a key of its type', async () => {
    const profiles = [{ profile: 'openbao-server', dnsNames: ['bao.example.lan'] }];
    await attempt({ wishes: wishes({ profiles }) });
    const at = 'var/lib/omens/agent/certificates/openbao-server';
    expect(createPrivateKey(await text(`${at}/key.pem`)).asymmetricKeyType).toBe('rsa');
    expect(await modeOf(`${at}/key.pem`)).toBe('600');
    expect(new X509Certificate(await text(`${at}/certificate.crt`)).subjectAltName).toBe('DNS:bao.example.lan');
    expect(existsSync(join(root, 'var/lib/tpm2-devid'))).toBe(false);
  });
});

describe('what goes wrong on the way', () => {
  test('a lost reply is asked for again with the very same octets', async () => {
    const real = service.activate;
    service.activate = async (id, body) => {
      if (service.calls.filter((call) => call.startsWith('activate')).length === 0) service.loseReplies = 2;
      return real(id, body);
    };
    await expect(attempt()).resolves.toMatchObject({ state: 'issued' });
    const sent = service.calls.filter((call) => call.startsWith('activate'));
    expect(sent).toHaveLength(3);
    expect(new Set(sent).size).toBe(1);
    expect(slept).toEqual([1000, 2000]);
  });

  test('after a crash the next run sends what was stored, with the same keys', async () => {
    const real = service.activate;
    service.activate = async (id, body) => {
      await real(id, body);
      throw new RangeError('the test ended the process');
    };
    await expect(attempt()).rejects.toThrow('ended the process');
    const { keys } = await state();
    service.activate = real;
    await expect(attempt({ wishes: again() })).resolves.toMatchObject({ state: 'issued' });
    expect((await state()).keys).toEqual(keys);
    expect(service.calls.filter((call) => call === 'begin')).toHaveLength(1);
    expect(new Set(service.calls.filter((call) => call.startsWith('activate'))).size).toBe(1);
  });

  test('all keys are made and kept before the server hears anything', async () => {
    const connect = async (): Promise<never> => {
      throw new RangeError('there is no server');
    };
    await expect(attempt({}, { connect })).rejects.toThrow('no server');
    const before = await state();
    expect(before).toMatchObject({ enrollment: { progress: { step: 'prepared' } }, keys: { devId: {} } });
    await attempt();
    expect((await state()).keys).toEqual(before.keys);
  });

  test('a challenge that the server forgot is asked for anew', async () => {
    const real = service.activate;
    service.activate = async (id, body) => {
      service.activate = real;
      service.forgetAll();
      return real(id, body);
    };
    await expect(attempt()).resolves.toMatchObject({ state: 'issued' });
    expect(service.calls.filter((call) => call === 'begin')).toHaveLength(2);
  });

  test('a refusal is told with its reason, and the next run begins with a fresh challenge', async () => {
    service.refuseNext = { ...problem(403, 'nameBeyondGrant', 'the grant has other names'), accepted: 'tower' };
    await expect(attempt()).rejects.toMatchObject({
      message: expect.stringContaining('the grant has other names (nameBeyondGrant)'),
      hints: ['accepted: tower'],
    });
    await expect(attempt()).resolves.toMatchObject({ state: 'issued' });
  });

  test('an activation that the server still works on is not given up: its token may be spent for it', async () => {
    const real = service.activate;
    service.activate = async (id, body) => {
      await real(id, body);
      return { ok: false, problem: problem(409, 'activationInProgress', 'worked on at this moment') };
    };
    await expect(attempt()).rejects.toThrow('activationInProgress');
    service.activate = real;
    await expect(attempt({ wishes: again() })).resolves.toMatchObject({ state: 'issued' });
    expect(service.calls.filter((call) => call === 'begin')).toHaveLength(1);
  });

  test('a certificate for another key is not installed', async () => {
    service.tamper = (answer) => ({
      ...answer,
      certificates: answer.certificates.map((one) => ({ ...one, certificate: one.chain })),
    });
    await expect(attempt()).rejects.toMatchObject({
      message: expect.stringContaining('nothing was installed'),
      hints: expect.arrayContaining([expect.stringContaining('unrequestedCertificate')]),
    });
    expect(existsSync(join(root, 'etc/keylime'))).toBe(false);
  });

  test('a certificate under another root than the pinned one is not installed', async () => {
    const { root: otherRoot } = fakeService();
    const connect = async () => ({ ...service, root: otherRoot });
    await expect(attempt({}, { connect })).rejects.toMatchObject({
      hints: expect.arrayContaining([expect.stringContaining('notUnderPinnedRoot')]),
    });
    expect(existsSync(join(root, 'var/lib/tpm2-devid'))).toBe(false);
  });

  test('certificates that cannot be written are installed by the next run, without asking again', async () => {
    await mkdir(join(root, 'etc'));
    await writeFile(join(root, 'etc/keylime'), 'in the way');
    await expect(attempt()).rejects.toMatchObject({ message: expect.stringContaining('could not be installed') });
    await rm(join(root, 'etc/keylime'));
    const calls = service.calls.length;
    await expect(attempt({ wishes: again() })).resolves.toMatchObject({ state: 'issued' });
    expect(service.calls).toHaveLength(calls);
  });

  test('a TPM that is not there has a message and a next step', async () => {
    await expect(attempt({ wishes: wishes({ tpm: 'unix:/nonexistent/tpm' }) })).rejects.toMatchObject({
      name: 'AgentFailure',
      message: expect.stringContaining('cannot connect to the TPM'),
      hints: expect.arrayContaining([expect.stringContaining('--tpm')]),
    });
  });
});

describe('an enrollment that a person decides', () => {
  beforeEach(() => {
    service.admits = 'approved';
  });
  const wished = (): EnrollWishes => wishes({ token: null });

  test('ends with the fingerprint that the operator compares', async () => {
    const outcome = await attempt({ wishes: wished() });
    expect(outcome).toMatchObject({ state: 'pending', version: 1 });
    expect(notes.join()).toContain((outcome as { ekFingerprint: string }).ekFingerprint);
    expect((await stat(agentDirectory(root))).mode & 0o777).toBe(0o700);
  });

  test('asks by the request key on the next run, and proves itself once more after the approval', async () => {
    await attempt({ wishes: wished() });
    await expect(attempt({ wishes: again() })).resolves.toMatchObject({ state: 'pending' });
    service.approveAll();
    await expect(attempt({ wishes: again() })).resolves.toMatchObject({ state: 'issued' });
    expect(service.calls.map((call) => call.split(' ')[0])).toEqual(['begin', 'activate', 'read', 'read', 'activate']);
    expect(existsSync(join(root, 'var/lib/tpm2-devid/devid.crt'))).toBe(true);
  });

  test('waits as long as the server says, when it was told to wait', async () => {
    const sleep = async (milliseconds: number) => {
      slept.push(milliseconds);
      if (slept.length === 2) service.approveAll();
    };
    await expect(attempt({ wishes: wished(), patience: 'untilDecided' }, { sleep })).resolves.toMatchObject({
      state: 'issued',
    });
    expect(slept).toEqual([30_000, 30_000]);
  });
});

test('certificates in NV are taken apart, and padding is left behind', () => {
  const one = Uint8Array.of(0x30, 2, 5, 0);
  const octets = Uint8Array.of(...one, ...one, 0xff, 0xff);
  expect(certificatesIn({ octets })).toEqual([one, one]);
  expect(certificatesIn({ octets: Uint8Array.of(0x30, 0x82, 0xff) })).toEqual([]);
});
