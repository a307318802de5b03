import { beforeAll, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import type { ActiveIssuer } from '../../../src/issuance/active-issuer.ts';
import type { MadeTrustDomain } from '../../../src/issuance/ceremony.ts';
import { issue, type IssuancePorts } from '../../../src/issuance/issue.ts';
import { fakeIssuanceStore } from '../../fakes/issuance-store.ts';
import { activeIssuer, freshSpki, makeEstate, now, portsOf, profile, request, seconds } from './scene.ts';

let made: MadeTrustDomain;
let issuer: ActiveIssuer;

beforeAll(async () => {
  made = await makeEstate();
  issuer = activeIssuer(made);
});

describe('issuing a certificate', () => {
  test('answers with a certificate of the planned key, names and lifetime under the issuer', async () => {
    const ports = portsOf(issuer);
    const asked = request();
    const issued = await issue(ports)(asked);
    if (!issued.ok) throw new Error(JSON.stringify(issued.error));
    const certificate = new X509Certificate(issued.value.certificatePem);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.subjectAltName).toBe('DNS:www.example.org, IP Address:10.1.2.3');
    expect(certificate.publicKey.export({ type: 'spki', format: 'der' })).toEqual(
      Buffer.from(asked.key.subjectPublicKeyInfo),
    );
    expect(certificate.serialNumber.toLowerCase()).toBe(issued.value.record.serialNumber);
    expect(issued.value.record.notAfter.getTime() - issued.value.record.notBefore.getTime()).toBe(86_399_000);
    expect(ports.store.audit).toEqual(['certificate.issued']);
  });

  test('tells every rule that a request breaks', async () => {
    const refused = await issue(portsOf(issuer))(
      request({
        subject: {
          ...request().subject,
          names: { dnsNames: ['www.example.net', 'Bad_Name'], ipAddresses: ['192.0.2.1'], uris: ['spiffe://x/y'] },
        },
        key: { subjectPublicKeyInfo: freshSpki(), keyType: 'rsa-4096', origin: 'tpm' },
      }),
    );
    expect(refused.ok ? [] : refused.error.map((denial) => denial.reason).toSorted()).toEqual([
      'keyOriginNotAllowed',
      'keyTypeNotAllowed',
      'malformedName',
      'nameNotAllowed',
      'nameNotAllowed',
      'nameNotAllowed',
    ]);
  });

  test('refuses a certificate that would outlive its issuer', async () => {
    const refused = await issue(portsOf(issuer))(request({ profile: profile({ lifetimeSeconds: 11 * 365 * 86_400 }) }));
    expect(refused).toMatchObject({ ok: false, error: [{ reason: 'outlivesIssuer' }] });
  });

  test('signs nothing that the lint does not pass, and records nothing of it', async () => {
    const ports = portsOf(issuer);
    const broken = request({ profile: profile({ extendedKeyUsage: ['serverAuth', 'clientAuth'] }) });
    const refused = await issue(ports)(broken);
    expect(refused.ok ? null : refused.error[0]?.reason).toBe('lintFailed');
    expect(ports.store.rows.size).toBe(0);
  });

  test('a signer that signs other octets is found out: revoked, the profile stopped, nothing handed out', async () => {
    const lying: ActiveIssuer = {
      ...issuer,
      signer: { ...issuer.signer, sign: (octets) => issuer.signer.sign(octets.subarray(1)) },
    };
    const ports = portsOf(lying);
    const refused = await issue(ports)(request());
    expect(refused.ok ? null : refused.error[0]?.reason).toBe('opinionsDiffer');
    expect(ports.store.revoked.size).toBe(1);
    expect(ports.store.audit).toEqual(['profile.stopped', 'issuance.abandoned']);
    const next = await issue(ports)(request());
    expect(next.ok ? null : next.error[0]?.reason).toBe('profileStopped');
  });

  test('the same key for another holder is refused', async () => {
    const ports = portsOf(issuer);
    const asked = request();
    await issue(ports)(asked);
    const refused = await issue(ports)({ ...asked, holder: { kind: 'device', deviceId: 'd' } });
    expect(refused.ok ? null : refused.error[0]?.reason).toBe('keyHeldElsewhere');
  });
});

test('how each issuance ended is told to whoever measures, once', async () => {
  const told: string[] = [];
  const ports: IssuancePorts = {
    ...portsOf(issuer),
    watch: (name) => (result) => told.push(`${name} ${result}`),
  };
  const asked = request({ idempotency: { key: 'watched', bodySha256: 'b'.repeat(64) } });
  await issue(ports)(asked);
  await issue(ports)({ ...asked, now: seconds(5) });
  await issue(ports)(request({ profile: profile({ lifetimeSeconds: 11 * 365 * 86_400 }) }));
  const broken = { ...ports.store, recordIntent: () => Promise.reject(new Error('the database is gone')) };
  await expect(issue({ ...ports, store: broken })(request())).rejects.toThrow();
  expect(told).toEqual(['nginx-vhost issued', 'nginx-vhost repeated', 'nginx-vhost refused', 'nginx-vhost failed']);
});

describe('the same request, asked again', () => {
  const idempotency = { key: 'k', bodySha256: 'b'.repeat(64) };

  test('gets the very same certificate', async () => {
    const ports = portsOf(issuer);
    const first = await issue(ports)(request({ idempotency }));
    const second = await issue(ports)(request({ idempotency, now: seconds(5) }));
    expect(first.ok && second.ok && second.value.certificatePem === first.value.certificatePem).toBe(true);
    expect(ports.store.rows.size).toBe(1);
  });

  test('is refused with another body', async () => {
    const ports = portsOf(issuer);
    await issue(ports)(request({ idempotency }));
    const refused = await issue(ports)(request({ idempotency: { ...idempotency, bodySha256: 'c'.repeat(64) } }));
    expect(refused.ok ? null : refused.error[0]?.reason).toBe('idempotencyKeyReused');
  });

  const crashed = (ports: IssuancePorts): IssuancePorts => ({
    ...ports,
    store: { ...ports.store, recordIssued: () => Promise.reject(new Error('the database is gone')) },
  });

  test('waits while the first attempt may still answer', async () => {
    const ports = portsOf(issuer);
    await expect(issue(crashed(ports))(request({ idempotency }))).rejects.toThrow('the database is gone');
    const early = await issue(ports)(request({ idempotency, now: seconds(29) }));
    expect(early.ok ? null : early.error[0]?.reason).toBe('issuanceInProgress');
  });

  test('takes over what a crash left: the old serial is revoked, one certificate comes out', async () => {
    const ports = portsOf(issuer);
    await expect(issue(crashed(ports))(request({ idempotency }))).rejects.toThrow();
    const [left] = [...ports.store.rows.keys()];
    const retried = await issue(ports)(request({ idempotency, now: seconds(31) }));
    const repeated = await issue(ports)(request({ idempotency, now: seconds(40) }));
    expect(retried.ok && repeated.ok && retried.value.record.fingerprint === repeated.value.record.fingerprint).toBe(
      true,
    );
    expect([...ports.store.revoked]).toEqual([left]);
  });

  test('an enrollment resumes at once, since its lease is its own', async () => {
    const ports = portsOf(issuer);
    const place = { conversationId: 'e', lineageId: 'l', holder: { kind: 'device', deviceId: 'd' } as const };
    await expect(issue(crashed(ports))(request(place))).rejects.toThrow();
    const asked = request({ ...place, now: seconds(1) });
    const resumed = await issue(ports)(asked);
    const again = await issue(ports)(request({ ...place, now: seconds(2) }));
    expect(resumed.ok && again.ok && again.value.record.fingerprint === resumed.value.record.fingerprint).toBe(true);
    expect(ports.store.revoked.size).toBe(1);
  });
});

test('a result that comes after the sweep is withheld', async () => {
  const store = fakeIssuanceStore();
  const ports = portsOf(issuer, store);
  const slow: IssuancePorts = {
    ...ports,
    store: {
      ...store,
      recordIssued: async (result) => {
        await store.abandonIntent({
          issuerId: issuer.id,
          serialNumber: result.intent.serialNumber,
          by: 'sweeper',
          at: now,
        });
        return store.recordIssued(result);
      },
    },
  };
  const refused = await issue(slow)(request());
  expect(refused.ok ? null : refused.error[0]?.reason).toBe('issuanceAbandoned');
});
