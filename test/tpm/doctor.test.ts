// The doctor beside a software TPM: a DevID that certifies a software key is found, and is gone once the host has enrolled;
// a TPM that is cleared, locked, another one or absent is told apart.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { loadAgentConfig } from '../../src/agent/agent-config.ts';
import { loadState } from '../../src/agent/agent-state.ts';
import { examine } from '../../src/agent/doctor/examine.ts';
import type { Finding } from '../../src/agent/doctor/finding.ts';
import { doctorPorts } from '../../src/agent/doctor/host-ports.ts';
import type { DoctorPorts } from '../../src/agent/doctor/ports.ts';
import { unmanagedCertificates } from '../../src/agent/doctor/unmanaged.ts';
import { enroll } from '../../src/agent/enroll.ts';
import { hostFacts } from '../../src/agent/host-facts.ts';
import { nothingKept } from '../../src/agent/kept.ts';
import { silent } from '../../src/agent/progress.ts';
import { runCommand } from '../../src/agent/run-command.ts';
import { targetsOf } from '../../src/agent/targets.ts';
import { fakeService } from '../fakes/enrollment-server.ts';
import { type CertifiedSoftwareTpm, startCertifiedSwtpm, startSwtpm, tool, withTpm } from './swtpm.ts';

const run = promisify(execFile);
let swtpm: CertifiedSoftwareTpm;
let root: string;

beforeAll(async () => {
  swtpm = await startCertifiedSwtpm();
});
afterAll(() => swtpm.stop());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'omens-host-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const place = (): string => join(root, 'var/lib/tpm2-devid');

/** As the estate did it: a key in the TPM, and a certificate for another one that OpenSSL made and that was deleted. */
async function oldDevId(): Promise<void> {
  await mkdir(place(), { recursive: true });
  const at = (name: string): string => join(place(), name);
  await tool(swtpm, 'tpm2_createprimary', ['-C', 'e', '-g', 'sha256', '-G', 'ecc', '-c', at('srk.ctx')]);
  await tool(swtpm, 'tpm2_flushcontext', ['-t']);
  const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign';
  const files = ['-u', at('devid.pub'), '-r', at('devid.priv')];
  await tool(swtpm, 'tpm2_create', ['-C', at('srk.ctx'), '-g', 'sha256', '-G', 'ecc', ...files, '-a', attributes]);
  await tool(swtpm, 'tpm2_flushcontext', ['-t']);
  const [key, ca] = [at('temporary.key'), at('ca.key')];
  const subject = '/CN=tower.example.lan/O=Tower of Omens/OU=DevID/C=US';
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await run('openssl', ['req', '-x509', ...newKey, '-keyout', ca, '-out', at('ca.pem'), '-subj', '/CN=Sword of Omens']);
  await run('openssl', ['req', '-new', ...newKey, '-keyout', key, '-out', at('devid.csr'), '-subj', subject]);
  await writeFile(at('extensions'), 'basicConstraints=CA:false\nextendedKeyUsage=serverAuth,clientAuth\n');
  const issuer = ['-CA', at('ca.pem'), '-CAkey', ca, '-days', '90', '-extfile', at('extensions')];
  await run('openssl', ['x509', '-req', '-in', at('devid.csr'), ...issuer, '-out', at('devid.crt')]);
  for (const file of ['srk.ctx', 'temporary.key', 'ca.key', 'ca.pem', 'devid.csr', 'extensions'])
    await rm(at(file), { force: true });
}

const enrolled = async (): Promise<void> => {
  const service = fakeService();
  await enroll(
    {
      ...{ root, uid: 1000, now: () => new Date('2026-11-03T00:00:00Z'), sleep: async () => undefined, withTpm },
      ...{
        connect: async () => service,
        passwords: {},
        progress: silent,
        ownName: null,
        targets: await targets(),
        run: runCommand,
      },
    },
    {
      wishes: {
        ...{ server: { url: 'https://ca.example.lan', rootSha256: '00'.repeat(32) }, token: 'token' },
        ...{ hostName: 'tower.example.lan', profiles: [], tpm: `unix:${swtpm.socketPath}`, oldKeys: 'keep' },
      },
      state: await loadState(root),
      patience: 'once',
    },
  );
};

const targets = async () => targetsOf(await loadAgentConfig(root), await hostFacts(root));

const ports = async (over: Partial<DoctorPorts> = {}, spec = `unix:${swtpm.socketPath}`): Promise<DoctorPorts> => ({
  ...doctorPorts({
    ...{ root, uid: 1000, now: () => new Date('2026-11-03T01:00:00Z'), state: await loadState(root), trust: null },
    ...{ targets: await targets(), kept: nothingKept, tpm: spec, passwords: {} },
  }),
  clockDifference: null,
  ...over,
});

const ofChecks = async (pattern: RegExp, over?: Partial<DoctorPorts>, spec?: string): Promise<readonly Finding[]> =>
  (await examine(await ports(over, spec))).filter(({ check }) => pattern.test(check));

describe('a DevID as the estate made it', () => {
  test('is found critical, with a fix, and is told to the inventory as what it is', async () => {
    await oldDevId();
    const [finding] = await ofChecks(/^softwareKeyDevId$/);
    expect(finding).toMatchObject({ level: 'critical', path: '/var/lib/tpm2-devid/devid.crt' });
    expect(finding?.fix).toContain('omens agent');
    const [told] = await unmanagedCertificates(await ports());
    expect(told).toMatchObject({ path: '/var/lib/tpm2-devid/devid.crt', fault: 'softwareKeyDevId' });
    expect(told?.subject).toContain('CN=tower.example.lan');
  });

  test('has keys that no SPIRE agent can load: the TPM says so', async () => {
    await oldDevId();
    const [broken] = await ofChecks(/^tpm-key$/);
    expect(broken).toMatchObject({ level: 'critical' });
    expect(broken?.detail).toContain('DevID key');
  });

  test('is replaced by enrolling, and then the doctor is quiet about DevID and TPM', async () => {
    await oldDevId();
    await enrolled();
    expect((await ofChecks(/^(?:softwareKeyDevId|tpm.*)$/)).map(({ level }) => level)).toEqual(['ok']);
    expect(await unmanagedCertificates(await ports())).toEqual([]);
  });
});

describe('the TPM', () => {
  test('that is absent is critical, with what to try', async () => {
    const [finding] = await ofChecks(/^tpm/, {}, 'device:/dev/no-such-tpm');
    expect(finding).toMatchObject({ check: 'tpm-absent', level: 'critical' });
    expect(finding?.fix).toContain('firmware');
  });

  test('that is another one than enrolled does not take the keys', async () => {
    await enrolled();
    const other = await startSwtpm();
    try {
      const found = await ofChecks(/^tpm/, {}, `unix:${other.socketPath}`);
      expect(found.map(({ check }) => check)).toEqual(expect.arrayContaining(['tpm-key', 'tpm-key']));
      expect(found.every(({ level }) => level === 'critical')).toBe(true);
    } finally {
      await other.stop();
    }
  });

  test('that wrong passwords have locked is critical', async () => {
    await enrolled();
    const other = await startSwtpm();
    try {
      await tool(other, 'tpm2_dictionarylockout', ['-s', '-n', '1', '-t', '1000', '-l', '1000']);
      await tool(other, 'tpm2_createprimary', [
        '-C',
        'o',
        '-p',
        'right',
        '-a',
        'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt',
        '-c',
        'locked.ctx',
      ]);
      await tool(other, 'tpm2_create', ['-C', 'locked.ctx', '-P', 'wrong', '-u', 'x.pub', '-r', 'x.priv']).catch(
        () => undefined,
      );
      await tool(other, 'tpm2_flushcontext', ['-t']);
      const [finding] = await ofChecks(/^tpm-lockout$/, {}, `unix:${other.socketPath}`);
      expect(finding).toMatchObject({ level: 'critical' });
      expect(finding?.fix).toContain('tpm2_dictionarylockout');
    } finally {
      await other.stop();
    }
  });
});
