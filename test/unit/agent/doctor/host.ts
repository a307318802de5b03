// A host on disk for the tests of the doctor: everything as it should be, so that a test states its one difference. Its
// TPM is told, not asked.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { AgentState } from '../../../../src/agent/agent-state.ts';
import { examine } from '../../../../src/agent/doctor/examine.ts';
import type { Finding } from '../../../../src/agent/doctor/finding.ts';
import type { DoctorPorts, ManagedCertificate } from '../../../../src/agent/doctor/ports.ts';
import { unmanagedCertificates } from '../../../../src/agent/doctor/unmanaged.ts';
import type { Plan } from '../../../../src/domain/plan.ts';
import { encodeTpm2bPublic } from '../../../../src/tpm2/public-area.ts';
import { sha256Hex } from '../../../../src/x509/digest.ts';
import { encodePem } from '../../../../src/x509/pem.ts';
import { spkiOfArea } from '../../../fakes/software-host.ts';
import { devid } from '../../tpm2/samples.ts';
import { ca, type Ca, day, devidPlan, issued, serverPlan, spkiOf, start } from '../../x509/authority.ts';

export const hostName = 'tower.example.lan';
export const now = new Date(start + 10 * day);

export const pem = (...ders: readonly Uint8Array[]): string =>
  ders.map((der) => encodePem('CERTIFICATE', der)).join('');

export const pkcs8 = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** The CAs of an estate. */
export const root: Ca = ca('Eye of the Tests');
export const issuing: Ca = ca('Book of the Tests', { issuer: root });

/** A leaf for a fresh key, as DER, and the key. */
export function leaf(
  over: Partial<Plan> = {},
  issuer = issuing,
): { readonly der: Uint8Array; readonly key: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { der: issued(serverPlan({ subjectPublicKeyInfo: spkiOf(publicKey), ...over }), issuer), key: privateKey };
}

export const agentConf = `[agent]
uuid = "hash_ek"
ip = "0.0.0.0"
server_cert = "/etc/keylime/certs/agent.crt"
server_key = "/etc/keylime/certs/agent-pkcs8.key"
trusted_client_ca = "/etc/keylime/certs/keylime-control-ca.crt"
extract_payload_zip = false
payload_script = ""
`;

export type TestHost = {
  readonly directory: string;
  readonly ports: (over?: Partial<DoctorPorts>) => DoctorPorts;
  /** Replaces or adds a file, with its mode. */
  readonly put: (path: string, content: string | Uint8Array, mode?: number) => Promise<void>;
  readonly text: (path: string) => Promise<string>;
  readonly remove: (path: string) => Promise<void>;
  readonly findings: (over?: Partial<DoctorPorts>) => Promise<readonly Finding[]>;
  readonly unmanaged: (over?: Partial<DoctorPorts>) => ReturnType<typeof unmanagedCertificates>;
};

/** What the agent keeps on it. */
export const managed = (over: Partial<ManagedCertificate> = {}): ManagedCertificate => ({
  ...{
    name: 'keylime-agent',
    profile: 'keylime-agent',
    certificateSha256: null,
    isConfirmed: true,
    rolledBackAt: null,
  },
  ...{ paths: ['/etc/keylime/certs/agent.crt', '/etc/keylime/certs/agent-pkcs8.key'], readableBy: [], units: [] },
  ...over,
});

/** Makes it below a temporary directory. */
export async function healthyHost(): Promise<TestHost> {
  const directory = await mkdtemp(join(tmpdir(), 'omens-doctor-'));
  const put: TestHost['put'] = async (path, content, mode = 0o644) => {
    const at = join(directory, path);
    await mkdir(dirname(at), { recursive: true });
    await writeFile(at, content);
    await chmod(at, mode);
  };
  const agent = leaf();
  const tpmKey = devid();
  const devId = issued(devidPlan({ subjectPublicKeyInfo: spkiOfArea(tpmKey.area) }), issuing);
  const uid = process.getuid?.() ?? 0;
  // The files belong to whoever runs the tests: user keylime reads them by that group.
  await put('/etc/passwd', `root:x:0:0::/root:/bin/sh\nkeylime:x:4242:${process.getgid?.() ?? 0}::/:/bin/false\n`);
  await put('/etc/group', 'root:x:0:\n');
  await put('/etc/keylime/agent.conf', agentConf);
  await put('/etc/keylime/certs/agent.crt', pem(agent.der, issuing.der));
  await put('/etc/keylime/certs/agent-pkcs8.key', pkcs8(agent.key), 0o640);
  await put('/etc/keylime/certs/ca-root-only.crt', pem(root.der));
  await put('/etc/keylime/certs/ca.crt', pem(issuing.der));
  await put('/etc/keylime/certs/ca-complete-chain.crt', pem(issuing.der, root.der));
  await put('/var/lib/tpm2-devid/devid.crt', pem(devId, issuing.der), 0o640);
  await put('/var/lib/tpm2-devid/devid.pub', encodeTpm2bPublic(tpmKey.area), 0o640);
  await put('/etc/systemd/system/omens-agent.service', '[Service]\nExecStart=/usr/bin/omens agent run\n');
  await put('/etc/systemd/system/multi-user.target.wants/omens-agent.service', '');
  const state = {
    hostName,
    server: { url: 'https://ca.example.lan', rootSha256: sha256Hex(root.der) },
    device: null,
    installed: [],
  } as unknown as AgentState;
  const ports: TestHost['ports'] = (over = {}) => ({
    ...{ root: directory, uid, now: () => now, state, places: [], addresses: ['10.10.2.62'], run: null, listens: null },
    managed: [
      managed({ certificateSha256: sha256Hex(agent.der) }),
      managed({
        ...{ name: 'devid', profile: 'devid', certificateSha256: sha256Hex(devId) },
        paths: ['/var/lib/tpm2-devid/devid.crt', '/var/lib/tpm2-devid/devid.pub'],
      }),
    ],
    withTpm: () => Promise.reject(new Error('this test asks no TPM')),
    passwords: {},
    clockDifference: () => Promise.resolve(1),
    space: () => Promise.resolve({ free: 2 ** 33, total: 2 ** 35 }),
    trust: null,
    ...over,
  });
  return {
    directory,
    ports,
    put,
    text: (path) => readFile(join(directory, path), 'utf8'),
    remove: (path) => rm(join(directory, path), { recursive: true, force: true }),
    findings: async (over) => (await examine(ports(over))).filter(({ check }) => !check.startsWith('tpm')),
    unmanaged: (over) => unmanagedCertificates(ports(over)),
  };
}
