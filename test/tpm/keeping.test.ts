// A host kept by rounds over a software TPM and the real use cases of the service: what is done to the TPM is done to it by
// other programs, and what the host says and does about it is the agent's own.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Trouble } from '../../src/agent/keep-ports.ts';
import { onTpm } from '../../src/agent/keep-tpm.ts';
import type { AnchorApi } from '../../src/client/api.ts';
import type { TrustDomain } from '../../src/domain/profile.ts';
import { err, ok } from '../../src/domain/result.ts';
import { signTrustBundle } from '../../src/issuance/sign-trust-bundle.ts';
import { sign } from '../../src/tpm2/attestation.ts';
import { readPublic } from '../../src/tpm2/objects.ts';
import { sha256Hex } from '../../src/x509/digest.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { readAnchor } from '../../src/x509/signed-trust-bundle.ts';
import { run } from '../../src/cli/program.ts';
import { fakeWorld } from '../fakes/service.ts';
import { made, ok as must } from '../unit/enrollment/scene.ts';
import { ca } from '../unit/x509/authority.ts';
import { hostName, keptWorld, type KeptWorld } from './kept-host.ts';
import { type CertifiedSoftwareTpm, startCertifiedSwtpm, tool } from './swtpm.ts';

const hour = 3_600_000;
let machine: CertifiedSoftwareTpm;
let other: CertifiedSoftwareTpm;
let world: KeptWorld | null = null;
const endings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  machine = await startCertifiedSwtpm();
  endings.push(machine.stop);
  other = await startCertifiedSwtpm();
  endings.push(other.stop);
}, 60_000);
afterAll(async () => {
  for (const end of endings.toReversed()) await end();
});
afterEach(async () => {
  await world?.end();
  world = null;
});

/** A host that is enrolled, with this agent.yaml, and has told the service what it has. */
async function kept(yaml = '', token: Parameters<KeptWorld['enroll']>[0] = {}): Promise<KeptWorld> {
  const made = await keptWorld([machine, other]);
  world = made;
  mkdirSync(join(made.root, 'etc/omens'), { recursive: true });
  writeFileSync(join(made.root, 'etc/omens/agent.yaml'), yaml);
  expect(await made.enroll(token)).toMatchObject({ state: 'issued' });
  const { hasFailed, contact, targets } = await made.round();
  expect({ hasFailed, contact: contact.failure, targets: targets.map(({ record }) => record.failure) }).toEqual({
    ...{ hasFailed: false, contact: null },
    targets: targets.map(() => null),
  });
  return made;
}

const certificateIn = ({ root }: KeptWorld, path = 'var/lib/tpm2-devid/devid.crt'): X509Certificate =>
  new X509Certificate(readFileSync(join(root, path)));
const recordOf = async (one: KeptWorld, name: string) => (await one.state()).kept.targets[name]!;
const renewAtOf = async (one: KeptWorld, name = 'devid'): Promise<number> =>
  Date.parse((await recordOf(one, name)).inPlace!.renewAt);

describe('a TPM that was cleared', () => {
  test('is named so, keeps its host waiting while nothing is late, and then is the same device again by itself', async () => {
    const one = await kept();
    const [before, { device }] = [certificateIn(one), await one.state()];
    await tool(machine, 'tpm2_clear', []);
    const early = await one.round();
    expect(early.contact.failure).toMatchObject({
      ...{ error: { reason: 'tpmCleared' }, pace: 'slow' },
      hints: [expect.stringContaining('--new-keys')],
    });
    expect(certificateIn(one).fingerprint256).toBe(before.fingerprint256);
    one.time = (await renewAtOf(one)) + hour;
    one.isOverdue = true;
    await one.round();
    expect((await one.round()).hasFailed).toBe(false);
    expect((await one.state()).device).toEqual(device);
    expect(one.service.inventory.audit.filter((event) => event === 'device.recovered')).toHaveLength(1);
    const { inPlace, confirmed } = await recordOf(one, 'devid');
    expect(certificateIn(one).fingerprint256).not.toBe(before.fingerprint256);
    expect(confirmed?.certificate).toBe(inPlace?.certificate);
  }, 60_000);

  test('waits for a person where the service does not call the host late, and goes on after the approval', async () => {
    const one = await kept();
    await tool(machine, 'tpm2_clear', []);
    one.time = (await renewAtOf(one)) + hour;
    const { contact } = await one.round();
    expect(contact.failure).toMatchObject({ error: { reason: 'recoveryPending' }, pace: 'slow' });
    await one.round();
    const waiting = await one.service.scene.pending(one.now());
    expect(waiting.map((pending) => pending.hostName)).toEqual([hostName]);
    must(await one.service.scene.approve(waiting[0]!.id, waiting[0]!.version, {}, one.now()));
    await one.round();
    expect((await one.round()).hasFailed).toBe(false);
    expect((await one.state()).enrollment).toBeNull();
  }, 60_000);
});

test('a TPM that was replaced is named with the EK that is there now, and waits for a person', async () => {
  const one = await kept();
  one.tpm = other;
  const { contact } = await one.round();
  expect(contact.failure?.error).toMatchObject({
    ...{ reason: 'tpmReplaced', detail: expect.stringMatching(/its EK is [0-9a-f]{64}/) },
  });
  one.time = (await renewAtOf(one)) + hour;
  one.isOverdue = true;
  expect((await one.round()).contact.failure?.error.reason).toBe('recoveryPending');
  // Its keys are of the new TPM now; when that one is cleared, it is not called replaced.
  expect((await one.state()).identity.ekSha256).toBeNull();
  expect(await one.service.inventory.listDevices(null, 10)).toHaveLength(1);
}, 60_000);

describe('a TPM that wants a password', () => {
  test('is named so, with the options that give it, and serves once they do', async () => {
    const one = await kept();
    await tool(machine, 'tpm2_changeauth', ['-c', 'owner', 'secret']);
    try {
      const { contact } = await one.round();
      expect(contact.failure).toMatchObject({ error: { reason: 'tpmPassword' }, pace: 'slow' });
      expect(contact.failure?.hints.join()).toContain('--owner-password-file');
      writeFileSync(join(one.root, 'owner'), 'secret\n');
      writeFileSync(join(one.root, 'etc/omens/agent.yaml'), 'ownerPasswordFile: /owner\n');
      expect((await one.round()).hasFailed).toBe(false);
    } finally {
      await tool(machine, 'tpm2_changeauth', ['-c', 'owner', '-p', 'secret']);
    }
  }, 60_000);
});

describe('a TPM that is locked out', () => {
  const lockout = (...args: readonly string[]): Promise<string> => tool(machine, 'tpm2_dictionarylockout', args);

  test('serves this agent all the same, since its keys are exempt; a key that is not is named as locked', async () => {
    const one = await kept();
    const guarded = ['-a', 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign', '-G', 'ecc256:ecdsa'];
    await tool(machine, 'tpm2_createprimary', ['-C', 'o', '-c', 'guarded.ctx', '-p', 'secret', ...guarded]);
    await tool(machine, 'tpm2_evictcontrol', ['-C', 'o', '-c', 'guarded.ctx', '0x81000042']);
    await tool(machine, 'tpm2_flushcontext', ['-t']);
    const state = await one.state();
    const signing = () =>
      onTpm(
        { withTpm: (use) => one.machine.withTpm('', use), passwords: {}, state },
        { doing: 'signing', stake: 'certificateKey' },
        async (tpm) => sign(tpm, { key: await readPublic(tpm, 0x81000042), digest: new Uint8Array(32) }),
      );
    await lockout('-s', '-n', '1', '-t', '1000', '-l', '1000');
    try {
      await expect(signing()).rejects.toMatchObject({ reason: 'tpmPassword' });
      await expect(signing()).rejects.toMatchObject({
        ...{ name: 'Trouble', reason: 'tpmLockedOut', pace: 'slow' },
        hints: [expect.stringContaining('lock')],
      });
      expect((await one.round(() => 'forced')).hasFailed).toBe(false);
    } finally {
      await lockout('-c');
      await lockout('-s', '-n', '5', '-t', '10', '-l', '10');
      await tool(machine, 'tpm2_evictcontrol', ['-C', 'o', '-c', '0x81000042']);
    }
  }, 60_000);
});

test('a DevID that keeps its key is renewed for the same key, and confirmed', async () => {
  const one = await kept('targets: [{preset: devid, rekey: false}, {preset: keylime-agent}]');
  const before = certificateIn(one);
  const agent = certificateIn(one, 'etc/keylime/certs/agent.crt');
  one.time = (await renewAtOf(one)) + hour;
  expect((await one.round()).hasFailed).toBe(false);
  const after = certificateIn(one);
  expect(after.serialNumber).not.toBe(before.serialNumber);
  expect(after.publicKey.equals(before.publicKey)).toBe(true);
  expect(certificateIn(one, 'etc/keylime/certs/agent.crt').publicKey.equals(agent.publicKey)).toBe(false);
  const { confirmed, inPlace } = await recordOf(one, 'devid');
  expect(confirmed).toMatchObject({ certificate: inPlace!.certificate, by: 'host' });
}, 60_000);

test('a certificate that was fetched early is put in place at its time, with the service away', async () => {
  const one = await kept('stageEarly: true');
  const before = certificateIn(one).fingerprint256;
  const { window } = (await recordOf(one, 'devid')).inPlace!;
  const renewAt = await renewAtOf(one);
  expect(Date.parse(window!.start)).toBeLessThan(renewAt);
  one.time = Date.parse(window!.start) + 60_000;
  await one.round();
  expect((await recordOf(one, 'devid')).work.step).toBe('staged');
  expect(certificateIn(one).fingerprint256).toBe(before);
  const { open } = one.machine.service;
  Object.assign(one.machine.service, {
    open: () => Promise.reject(new Trouble('serverUnreachable', 'the service is away')),
  });
  one.time = renewAt + hour;
  await one.round();
  expect(certificateIn(one).fingerprint256).not.toBe(before);
  expect((await recordOf(one, 'devid')).work.step).toBe('installed');
  Object.assign(one.machine.service, { open });
  await one.round();
  const { confirmed, inPlace } = await recordOf(one, 'devid');
  expect(confirmed?.certificate).toBe(inPlace?.certificate);
}, 60_000);

describe('a second generation of trust anchors', () => {
  const control = ca('Keylime Control Root');
  const controlCa = ca('Keylime Control CA', { issuer: control, domain: 'keylime-control' });
  const pem = ({ der }: { readonly der: Uint8Array }): string => encodePem('CERTIFICATE', der);
  const anchor = (domain: TrustDomain, one: { readonly der: Uint8Array }) => must(readAnchor(domain, pem(one)));
  const trees = [
    { domain: 'estate', root: made.root, issuing: made.issuing },
    { domain: 'keylime-control', root: control, issuing: controlCa },
  ] as const;

  /** Generation 1 has the estate alone, generation 2 both domains; both are signed by the root of the estate. */
  async function publisher(now: Date): Promise<AnchorApi> {
    const root = anchor('estate', made.root);
    const bundles = [[root], [root, anchor('keylime-control', control)]].map(async (anchors, at) => {
      const signed = await signTrustBundle({ generation: at + 1, anchors, now, root, rootKey: made.rootKey });
      return { generation: at + 1, bundle: encodePem('CMS', must(signed)), createdAt: '', signedBy: '', anchors: [] };
    });
    const offers = await Promise.all(bundles);
    const notFound = { type: 'x/notFound', title: '', status: 404, detail: 'none', instance: '' };
    return {
      trustBundle: async ({ after = 0 }) => {
        const found = offers.find(({ generation }) => generation > after);
        return found === undefined
          ? err({ reason: 'problem', detail: 'none', problem: notFound, retryAfterSeconds: null })
          : ok(found);
      },
      listIssuers: async () =>
        ok({
          items: trees.map(({ domain, issuing }) => ({
            ...{ id: sha256Hex(issuing.der), trustDomain: domain, role: 'issuing' as const, subject: '' },
            ...{ subjectKeyIdentifier: '', notBefore: '', notAfter: '', active: true },
          })),
          next: null,
        }),
      issuerPem: async (id, part) => {
        const tree = trees.find(({ root, issuing }) => [root, issuing].some(({ der }) => sha256Hex(der) === id))!;
        return ok(pem(part === 'root' ? tree.root : tree.issuing));
      },
    };
  }

  test('is written for every target in one go, and each program is told once', async () => {
    const told = (): string => readFileSync(join(world!.root, 'told'), 'utf8');
    const one = await kept('targets: [{preset: keylime-agent}, {preset: devid}]');
    const reload = `['/bin/sh', '-c', 'echo agent >> ${join(one.root, 'told')}']`;
    const yaml = `targets: [{preset: keylime-agent, hooks: {reload: ${reload}}}, {preset: devid}]`;
    writeFileSync(join(one.root, 'etc/omens/agent.yaml'), yaml);
    const before = certificateIn(one, 'etc/keylime/certs/agent.crt').fingerprint256;
    Object.assign(one.trust, { newest: 2, api: await publisher(one.now()) });
    const { hasFailed } = await one.round();
    expect({ hasFailed, told: told() }).toEqual({ hasFailed: false, told: 'agent\n' });
    const written = readFileSync(join(one.root, 'etc/keylime/certs/keylime-control-ca.crt'), 'utf8');
    expect(written).toBe(pem(controlCa) + pem(control));
    expect(certificateIn(one, 'etc/keylime/certs/agent.crt').fingerprint256).toBe(before);
    await one.round();
    expect(told()).toBe('agent\n');
  }, 60_000);
});

test('a rollback by hand is told as one to the service, by status and by the doctor, until the next renewal', async () => {
  const one = await kept();
  const command = async (...args: readonly string[]) => {
    const process = fakeWorld({}, { now: one.now });
    const code = await run(['agent', ...args, '--root', one.root, '--tpm', `unix:${machine.socketPath}`], process);
    return { code, out: process.out() };
  };
  const path = 'etc/keylime/certs/agent.crt';
  const first = certificateIn(one, path).fingerprint256;
  one.time = (await renewAtOf(one, 'keylime-agent')) + hour;
  await one.round(() => 'usual');
  const second = certificateIn(one, path).fingerprint256;
  expect(second).not.toBe(first);
  expect((await command('rollback', '--target', 'keylime-agent')).code).toBe(0);
  expect(certificateIn(one, path).fingerprint256).toBe(first);
  const { time } = one;
  one.time += 2 * hour;
  await one.round(() => 'usual');
  const hex = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();
  expect(one.service.reports.at(-1)?.targets.find(({ name }) => name === 'keylime-agent')).toMatchObject({
    ...{ state: 'rolledBack', certificate: hex(first) },
    error: { reason: 'rolledBackByHand', detail: expect.stringContaining(hex(second)) },
  });
  const at = new Date(Math.floor(time / 1000) * 1000).toISOString().replace('.000', '');
  expect((await command('status')).out).toContain(`rolled back by hand ${at}`);
  const { out } = await command('doctor');
  expect(out).toContain(`keylime-agent was rolled back by hand at ${at}`);
  expect(out).toContain('omens agent renew --force --target keylime-agent');
  await one.round(({ name }) => (name === 'keylime-agent' ? 'forced' : 'usual'));
  await one.round();
  expect(one.service.reports.at(-1)?.targets.map(({ error }) => error)).toEqual([null, null]);
  expect((await recordOf(one, 'keylime-agent')).rolledBackByHand).toBeNull();
}, 60_000);

test('an RSA key confirms its certificate', async () => {
  const dnsNames = ['bao.funlab.casa'];
  const one = await kept(`targets: [{preset: openbao-server, dnsNames: [${dnsNames.join()}]}]`, {
    profiles: [{ profile: 'openbao-server', dnsNames }],
  });
  const key = createPrivateKey(readFileSync(join(one.root, 'opt/openbao/tls/tls.key')));
  expect(key.asymmetricKeyType).toBe('rsa');
  const { confirmed, inPlace } = await recordOf(one, 'openbao-server');
  expect(confirmed).toMatchObject({ certificate: inPlace!.certificate, by: 'host' });
  expect(certificateIn(one, 'opt/openbao/tls/tls.crt').checkPrivateKey(key)).toBe(true);
}, 60_000);
