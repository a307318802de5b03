// Renewal and confirmation over PostgreSQL, with proofs by software keys: each rule of the protocol with what breaks it,
// races, lost replies and crashes.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, generateKeyPairSync, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import type { ConfirmationBody, RenewalBody } from '../../src/domain/lineage-wire.ts';
import { proveRenewal, verifyRenewalAgain } from '../../src/enrollment/prove-renewal.ts';
import { verifyUse } from '../../src/enrollment/prove-use.ts';
import { issue, preview } from '../../src/issuance/issue.ts';
import { certificateResource } from '../../src/issuance/resource.ts';
import { confirm } from '../../src/lifecycle/confirm.ts';
import { isRetransmission, renew, type RenewPorts } from '../../src/lifecycle/renew.ts';
import { certificatesIn } from '../../src/storage/certificates.ts';
import { deviceStore } from '../../src/storage/devices.ts';
import { issuanceIn } from '../../src/storage/issuance.ts';
import { insertIssuer } from '../../src/storage/issuers.ts';
import { lineagesIn } from '../../src/storage/lineages.ts';
import { renewalsIn } from '../../src/storage/renewals.ts';
import { csrFor, type SoftwareHost, type SoftwareKey, spkiOfArea } from '../fakes/software-host.ts';
import { confirmation, csrRenewal, type RenewalChange, renewalDigest, tpmRenewal } from '../fakes/software-renewal.ts';
import {
  enrolled,
  made,
  makeHost,
  makeScene,
  now,
  ok,
  profiles,
  tpmDenials,
  vendor,
} from '../unit/enrollment/scene.ts';
import { devid } from '../unit/tpm2/samples.ts';
import { type EnrollmentDatabase, enrollmentDatabase } from './support/enrollment-database.ts';

let opened: EnrollmentDatabase;
const day = 86_400;
const after = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

beforeAll(async () => {
  opened = await enrollmentDatabase();
  for (const record of [made.root, made.issuing]) {
    await insertIssuer(opened.db, { ...record, isActive: true, createdAt: now });
  }
});
afterAll(() => opened.close());

/** An enrolled host, and the service as it stands before it. */
async function begin(over: Partial<RenewPorts> = {}) {
  const scene = makeScene(opened.store, {}, issuanceIn(opened.db));
  const { host, answer } = await enrolled(
    scene,
    makeHost(vendor, { hostName: `h${randomBytes(5).toString('hex')}.example.org` }),
  );
  const store = { ...lineagesIn(opened.db), ...renewalsIn(opened.db) };
  const certificates = certificatesIn(opened.db);
  const ports: RenewPorts = {
    ...store,
    ...opened.store,
    certificate: async (fingerprint) => {
      const record = await certificates.byFingerprint(fingerprint);
      return record === null ? null : certificateResource(record, '');
    },
    profiles,
    limits: { perHour: 1000, perLineagePerHour: 6, blackouts: [] },
    prove: proveRenewal({ ...deviceStore(opened.db), tpmDenials }),
    issue: issue(scene.issuance),
    preview: preview(scene.issuance),
    newId: () => randomUUID(),
    ...over,
  };
  const [own, service] = answer.certificates;
  const nonce = randomBytes(38);
  const send = (
    lineageId: string,
    body: RenewalBody,
    more: {
      readonly at?: Date;
      readonly isFresh?: boolean;
      readonly nonce?: Uint8Array;
      readonly deviceId?: string;
    } = {},
  ) =>
    renew(ports)({
      lineageId,
      deviceId: more.deviceId ?? answer.device.id,
      body,
      bodySha256: renewalDigest(body),
      nonce: { octets: more.nonce ?? nonce, isFresh: more.isFresh ?? true },
      now: more.at ?? after(61 * day),
    });
  const confirming = confirm({ ...store, verifyUse, findCertificate: certificates.byFingerprint });
  return {
    ...{ scene, host, ports, nonce, send, store },
    deviceId: answer.device.id,
    devidLineage: own!.lineage,
    serviceLineage: service!.lineage,
    first: new X509Certificate(own!.certificate),
    firstService: new X509Certificate(service!.certificate),
    confirm: (cert: string, body: ConfirmationBody, at: Date, by = answer.device.id) =>
      confirming({ cert, deviceId: by, body, nonce, now: at }),
  };
}

const renewed = (result: Awaited<ReturnType<ReturnType<typeof renew>>>) => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return new X509Certificate(result.value.certificate.certificate);
};
const reasonsOf = (result: { readonly ok: boolean; readonly error?: unknown }): readonly string[] => {
  if (result.ok) return [];
  const { refusals = [result.error] } = result.error as { refusals?: readonly unknown[] };
  return (refusals as readonly { readonly reason: string }[]).map(({ reason }) => reason);
};
const spkiOf = (certificate: X509Certificate): Uint8Array =>
  certificate.publicKey.export({ type: 'spki', format: 'der' });
const certificatesOf = async (lineageId: string): Promise<number> =>
  (await opened.db.query('select fingerprint from certificate where lineage_id = $1', [lineageId])).length;
const events = async (text: string): Promise<readonly string[]> =>
  (await opened.db.query('select event from audit_event where facts::text like $1 order by id', [`%${text}%`])).map(
    (row) => String(row['event']),
  );
const alarms = async (key: string): Promise<number> =>
  (await opened.db.query(`select id from outbox where topic = 'alarm' and key = $1`, [key])).length;

describe('a DevID', () => {
  test('is renewed for a new key, under the same lineage, and its evidence can be verified again', async () => {
    const { host, devidLineage: lineage, nonce, send } = await begin();
    const key = devid();
    const result = await send(lineage, tpmRenewal(host, { lineage, nonce, key }));
    const certificate = renewed(result);
    expect(Buffer.compare(spkiOf(certificate), spkiOfArea(key.area))).toBe(0);
    expect(ok(result)).toMatchObject({ state: 'issued', recovered: false, certificate: { profile: 'devid', lineage } });
    const [row] = await opened.db.query('select evidence from renewal where lineage_id = $1', [lineage]);
    expect(verifyRenewalAgain(row!['evidence'] as never)).toEqual({ ok: true, value: null });
    const [device] = await opened.db.query(
      'select attested_firmware::text as version from device where host_name = $1',
      [host.hostName],
    );
    expect(device!['version']).toBe(String(0x2019_1023_0016_3636n));
  });

  test('keeps its key when the host wants that', async () => {
    const { host, devidLineage: lineage, nonce, send, first } = await begin();
    const certificate = renewed(await send(lineage, tpmRenewal(host, { lineage, nonce, key: host.devid })));
    expect(Buffer.compare(spkiOf(certificate), spkiOf(first))).toBe(0);
    expect(certificate.serialNumber).not.toBe(first.serialNumber);
  });

  test('that ended half a year ago is renewed, and the audit says so', async () => {
    const { host, devidLineage: lineage, nonce, send } = await begin();
    const at = after(270 * day);
    const result = await send(lineage, tpmRenewal(host, { lineage, nonce, key: devid() }), { at });
    expect(ok(result)).toMatchObject({ recovered: true });
    const fingerprint = sha256(renewed(result).raw);
    expect(await events(fingerprint)).toEqual(expect.arrayContaining(['certificate.recoveredAfterExpiry']));
  });

  test.each<[string, (facts: { host: SoftwareHost; key: SoftwareKey }) => RenewalChange, string]>([
    ['an attestation by the AK of another TPM', () => ({ certifier: makeHost(vendor).ak }), 'badSignature'],
    ['a statement made for an enrollment', () => ({ label: 'omens-enrollment-v1' }), 'qualifyingDataMismatch'],
    ['a statement over another nonce', () => ({ nonce: randomBytes(38) }), 'qualifyingDataMismatch'],
    ['a statement about another lineage', () => ({ attestedLineage: randomUUID() }), 'qualifyingDataMismatch'],
    ['a document about another lineage', () => ({ documentLineage: randomUUID() }), 'lineageDiffers'],
    ['a proof by another key', ({ host }) => ({ prover: host.requestKey }), 'wrongProof'],
    [
      'a member nobody knows',
      () => ({ document: { version: 1, lineage: '', key: {}, names: [] } }),
      'unknownRequestMember',
    ],
    [
      'a document of another version',
      () => ({ document: { version: 2, lineage: '', key: {} } }),
      'unsupportedRequestVersion',
    ],
    ['no key at all', () => ({ document: { version: 1, lineage: randomUUID(), key: {} } }), 'malformedRequestDocument'],
  ])('is not renewed by %s, and the refusal is kept', async (_what, change, reason) => {
    const { host, devidLineage: lineage, nonce, send, store } = await begin();
    const key = devid();
    const body = tpmRenewal(host, { lineage, nonce, key }, change({ host, key }));
    const refused = await send(lineage, body);
    expect(reasonsOf(refused)).toEqual([reason]);
    expect(await certificatesOf(lineage)).toBe(1);
    expect(await send(lineage, body, { isFresh: false })).toEqual(refused);
    expect(await store.lineageFacts(lineage)).toMatchObject({ failures: 1, lastError: { reason } });
  });

  test('is not renewed for the request key, nor for a key of another host', async () => {
    const [one, two] = [await begin(), await begin()];
    const { devidLineage: lineage, nonce } = one;
    for (const key of [one.host.requestKey, two.host.devid]) {
      const result = await one.send(lineage, tpmRenewal(one.host, { lineage, nonce, key }));
      expect(reasonsOf(result)).toEqual(['keyHeldElsewhere']);
    }
  });

  test('is not renewed for a software key', async () => {
    const { devidLineage: lineage, send } = await begin();
    expect(reasonsOf(await send(lineage, csrRenewal(lineage, csrFor(newKey()))))).toEqual(['keyOfWrongKind']);
  });

  test('is not renewed for a key that was revoked for keyCompromise', async () => {
    const { host, devidLineage: lineage, nonce, send } = await begin();
    const spki = sha256(spkiOfArea(host.devid.area));
    await opened.db.query('update public_key set compromised_at = now() where spki_sha256 = $1', [spki]);
    const result = await send(lineage, tpmRenewal(host, { lineage, nonce, key: host.devid }));
    expect(reasonsOf(result)).toEqual(['keyCompromised']);
  });

  test('of a TPM that is denied since is not renewed', async () => {
    const denied = await begin();
    const { host, devidLineage: lineage, nonce } = denied;
    const endorsementKeys = new Map([[sha256(spkiOfArea(host.ek.area)), 'a test']]);
    const prove = proveRenewal({ ...deviceStore(opened.db), tpmDenials: { ...tpmDenials, endorsementKeys } });
    const body = tpmRenewal(host, { lineage, nonce, key: devid() });
    const result = await renew({ ...denied.ports, prove })({
      ...{ lineageId: lineage, deviceId: denied.deviceId, body, bodySha256: renewalDigest(body) },
      ...{ nonce: { octets: nonce, isFresh: true }, now: after(61 * day) },
    });
    expect(reasonsOf(result)).toEqual(['endorsementKeyDenied']);
  });
});

test('how each request ended is told to whoever counts, with the profile where the lineage is known', async () => {
  const told: (readonly [string | null, string])[] = [];
  const { serviceLineage: lineage, send } = await begin({ counted: (...one) => told.push(one) });
  const body = csrRenewal(lineage, csrFor(newKey()));
  await send(lineage, body);
  await send(lineage, csrRenewal(lineage, csrFor(newKey(), { dnsNames: ['other.example.org'] })));
  await send(randomUUID(), body);
  expect(told).toEqual([
    ['keylime-agent', 'issued'],
    ['keylime-agent', 'refused'],
    [null, 'refused'],
  ]);
});

describe('a certificate for a software key', () => {
  test('is built from the grant, for the key of the CSR', async () => {
    const { serviceLineage: lineage, send, firstService } = await begin();
    const key = newKey();
    const certificate = renewed(await send(lineage, csrRenewal(lineage, csrFor(key))));
    expect(certificate.subjectAltName).toBe(firstService.subjectAltName);
    expect(certificate.checkPrivateKey(key)).toBe(true);
  });

  test('is not issued to a CSR with other names, nor to the key of the DevID', async () => {
    const { host, serviceLineage: lineage, send } = await begin();
    const named = csrFor(newKey(), { dnsNames: ['other.example.org'] });
    expect(reasonsOf(await send(lineage, csrRenewal(lineage, named)))).toEqual(['csrNamesDiffer']);
    const ofTpm = csrRenewal(lineage, csrFor(host.devid.privateKey));
    expect(reasonsOf(await send(lineage, ofTpm))).toEqual(['keyHeldElsewhere']);
  });
});

describe('who may renew', () => {
  test("a host renews no other's lineage, and people hear that it tried", async () => {
    const [one, two] = [await begin(), await begin()];
    const { devidLineage: lineage, nonce } = two;
    const body = tpmRenewal(two.host, { lineage, nonce, key: devid() });
    expect(reasonsOf(await two.send(lineage, body, { deviceId: one.deviceId }))).toEqual(['unknownLineage']);
    expect(await alarms(lineage)).toBe(1);
    const nobody = await two.send(randomUUID(), body);
    expect(reasonsOf(nobody)).toEqual(['unknownLineage']);
  });

  test('a suspended host gets nothing, nor does a lineage whose grant was withdrawn', async () => {
    const { scene, deviceId, host, devidLineage: lineage, nonce, send } = await begin();
    const body = tpmRenewal(host, { lineage, nonce, key: devid() });
    await scene.store.replaceGrants(deviceId, [], { by: 'test', at: now });
    expect(reasonsOf(await send(lineage, body))).toEqual(['grantWithdrawn']);
    await scene.suspend(deviceId);
    expect(reasonsOf(await send(lineage, body))).toEqual(['deviceNotActive']);
  });
});

describe('the same request again', () => {
  test('gets the same certificate, also under another nonce, and makes none', async () => {
    const { host, deviceId, devidLineage: lineage, nonce, send, ports } = await begin();
    const body = tpmRenewal(host, { lineage, nonce, key: devid() });
    const asked = { lineageId: lineage, deviceId, bodySha256: renewalDigest(body), now: after(61 * day) };
    expect(await isRetransmission(ports)(asked)).toBe(false);
    const first = renewed(await send(lineage, body));
    expect(await isRetransmission(ports)(asked)).toBe(true);
    expect(await isRetransmission(ports)({ ...asked, deviceId: randomUUID() })).toBe(false);
    expect(await isRetransmission(ports)({ ...asked, now: after(62 * day + 1) })).toBe(false);
    const again = await send(lineage, body, { isFresh: false, nonce: randomBytes(38), at: after(61.5 * day) });
    expect(renewed(again).fingerprint256).toBe(first.fingerprint256);
    expect(await certificatesOf(lineage)).toBe(2);
  });

  test('sent twice at once makes one certificate', async () => {
    const { host, devidLineage: lineage, nonce, send } = await begin();
    const body = tpmRenewal(host, { lineage, nonce, key: devid() });
    const both = await Promise.all([send(lineage, body), send(lineage, body)]);
    expect(both.filter((result) => result.ok).length).toBeGreaterThanOrEqual(1);
    for (const result of both) if (!result.ok) expect(reasonsOf(result)).toEqual(['renewalInProgress']);
    expect(await certificatesOf(lineage)).toBe(2);
  });

  test('after a crash between intent and result gets one certificate under a new serial number', async () => {
    const broken = await begin();
    const { host, scene, devidLineage: lineage, nonce, send } = broken;
    const body = tpmRenewal(host, { lineage, nonce, key: devid() });
    const lost = async (): Promise<never> => {
      throw new Error('the power is gone');
    };
    const store = { ...scene.issuance.store, recordIssued: lost };
    const crashed = renew({ ...broken.ports, issue: issue({ ...scene.issuance, store }) })({
      ...{ lineageId: lineage, deviceId: broken.deviceId, body, bodySha256: renewalDigest(body) },
      ...{ nonce: { octets: nonce, isFresh: true }, now: after(61 * day) },
    });
    await expect(crashed).rejects.toThrow('the power is gone');
    expect(reasonsOf(await send(lineage, body, { isFresh: false }))).toEqual(['renewalInProgress']);
    const at = after(61 * day + 120);
    const first = renewed(await send(lineage, body, { isFresh: false, at }));
    expect(renewed(await send(lineage, body, { isFresh: false, at })).fingerprint256).toBe(first.fingerprint256);
    expect(await certificatesOf(lineage)).toBe(2);
    const intents = await opened.db.query(
      'select i.outcome, r.reason_code from issuance_intent i left join revocation r using (issuer_id, serial_number) where lineage_id = $1 order by recorded_at',
      [lineage],
    );
    expect(intents.map(({ outcome, reason_code }) => [outcome, reason_code])).toEqual([
      ['issued', null],
      ['abandoned', 'unspecified'],
      ['issued', null],
    ]);
  });
});

test('a request that a crash left behind is ended by the next one, and the audit says so', async () => {
  const { store, serviceLineage: lineageId } = await begin();
  const decide = () => ({ kind: 'admit', isOutsideCeiling: false, isRecovery: false }) as const;
  const admit = (id: string, at: Date) => {
    const body = { bodySha256: sha256(randomBytes(8)), request: randomBytes(8) };
    const asked = { id, lineageId, ...body, at, leaseUntil: new Date(at.getTime() + 60_000) };
    return store.admitRenewal(asked, { sameSince: at, decide });
  };
  const left = randomUUID();
  await admit(left, after(1));
  expect(await admit(randomUUID(), after(100))).toMatchObject({ kind: 'admitted' });
  expect(await events(left)).toEqual(['renewal.admitted', 'renewal.lost']);
});

describe('the gate of attestation', () => {
  test('lets a held host wait without a mark on its lineage, and gives an answer again that was given', async () => {
    let isHeld = true;
    const hold = { detail: 'Keylime does not attest this host', retryAfterSeconds: 300 };
    const { host, devidLineage, nonce, send, store } = await begin({
      attestationHold: async () => (isHeld ? hold : null),
    });
    const body = tpmRenewal(host, { lineage: devidLineage, nonce, key: devid() });
    const before = await store.lineageFacts(devidLineage);
    const late = after(89 * day);
    for (const at of [after(61 * day), late]) {
      const held = await send(devidLineage, body, { at });
      expect(reasonsOf(held)).toEqual(['attestationFailing']);
      expect(held).toMatchObject({ error: { retryAfterSeconds: 300 } });
    }
    expect(await store.lineageFacts(devidLineage)).toEqual(before);
    expect(await opened.db.query('select id from renewal where lineage_id = $1', [devidLineage])).toEqual([]);
    expect(await events(devidLineage)).toContain('renewal.refused');
    isHeld = false;
    const serial = renewed(await send(devidLineage, body, { at: late })).serialNumber;
    isHeld = true;
    expect(renewed(await send(devidLineage, body, { at: late, isFresh: false })).serialNumber).toBe(serial);
  });

  test('holds what a crash left behind, too', async () => {
    let isHeld = false;
    let isBroken = true;
    const hold = { detail: 'Keylime does not attest this host', retryAfterSeconds: 300 };
    const begun = await begin({ attestationHold: async () => (isHeld ? hold : null) });
    const { host, devidLineage: lineage, nonce, ports } = begun;
    const body = tpmRenewal(host, { lineage, nonce, key: devid() });
    const send = (at: Date, isFresh: boolean) =>
      renew({
        ...ports,
        findDevice: async (id) => {
          if (isBroken) throw new Error('the process ended');
          return ports.findDevice(id);
        },
      })({
        ...{ lineageId: lineage, deviceId: begun.deviceId, body, bodySha256: renewalDigest(body), now: at },
        nonce: { octets: nonce, isFresh },
      });
    await expect(send(after(61 * day), true)).rejects.toThrow('the process ended');
    [isHeld, isBroken] = [true, false];
    expect(reasonsOf(await send(after(61 * day + 120), false))).toEqual(['attestationFailing']);
    isHeld = false;
    renewed(await send(after(61 * day + 120), false));
  });
});

describe('the ceiling', () => {
  test('lets a host wait, but not one in the last tenth', async () => {
    const {
      host,
      devidLineage: lineage,
      nonce,
      send,
    } = await begin({
      limits: { perHour: 1, perLineagePerHour: 1000, blackouts: [{ kind: 'daily', fromMinute: 0, toMinute: 1439 }] },
    });
    const body = () => tpmRenewal(host, { lineage, nonce, key: devid() });
    const waiting = await send(lineage, body());
    expect(reasonsOf(waiting)).toEqual(['renewalBlackout']);
    expect(waiting).toMatchObject({ error: { retryAfterSeconds: expect.any(Number) } });
    renewed(await send(lineage, body(), { at: after(85 * day) }));
    const [row] = await opened.db.query('select is_outside_ceiling as outside from renewal where lineage_id = $1', [
      lineage,
    ]);
    expect(row).toEqual({ outside: true });
  });

  test('binds one lineage to a few requests an hour', async () => {
    const {
      host,
      devidLineage: lineage,
      nonce,
      send,
    } = await begin({
      limits: { perHour: 1000, perLineagePerHour: 1, blackouts: [] },
    });
    renewed(await send(lineage, tpmRenewal(host, { lineage, nonce, key: devid() })));
    expect(reasonsOf(await send(lineage, tpmRenewal(host, { lineage, nonce, key: devid() })))).toEqual(['renewalRate']);
  });
});

describe('a confirmation', () => {
  const rotated = async () => {
    const world = await begin();
    const { host, devidLineage: lineage, nonce, send, first } = world;
    const key = devid();
    const old = { fingerprint: sha256(first.raw), key: host.devid, nonce };
    ok(await world.confirm(old.fingerprint, confirmation(old), after(60)));
    const second = renewed(await send(lineage, tpmRenewal(host, { lineage, nonce, key })));
    return { ...world, old, fresh: { fingerprint: sha256(second.raw), key, nonce }, at: after(61 * day + 60) };
  };

  test("by the certificate's own key ends the rotation", async () => {
    const { confirm: send, fresh, old, at } = await rotated();
    const resource = ok(await send(fresh.fingerprint, confirmation(fresh), at));
    expect(resource).toMatchObject({
      state: 'current',
      newest: { certificate: fresh.fingerprint, confirmedBy: 'host' },
    });
    expect(resource.inUse).toBeNull();
    const [use] = await opened.db.query('select superseded_at from certificate_use where fingerprint = $1', [
      old.fingerprint,
    ]);
    expect(use!['superseded_at']).toEqual(at);
  });

  test('only installs where a SPIRE agent uses it, or what was seen speaks against it', async () => {
    const { confirm: send, fresh, at } = await rotated();
    for (const observed of [
      { hasSpireAgent: true },
      { servedSha256: 'ab'.repeat(32) },
      { checks: [{ check: 'port', ok: false, detail: '' }] },
    ]) {
      const resource = ok(await send(fresh.fingerprint, confirmation(fresh, { observed }), at));
      expect(resource).toMatchObject({ state: 'installed', newest: { confirmedAt: null } });
    }
  });

  test('of the old certificate after the new one reopens the lineage', async () => {
    const { confirm: send, fresh, old, at } = await rotated();
    ok(await send(fresh.fingerprint, confirmation(fresh), at));
    const resource = ok(await send(old.fingerprint, confirmation(old), new Date(at.getTime() + 1000)));
    expect(resource).toMatchObject({
      newest: { certificate: fresh.fingerprint, confirmedAt: null },
      inUse: { certificate: old.fingerprint },
    });
    expect(await events(old.fingerprint)).toContain('lineage.reopened');
  });

  test.each<
    [string, (facts: { fresh: Parameters<typeof confirmation>[0]; host: SoftwareHost }) => ConfirmationBody, string]
  >([
    ['by another key', ({ fresh, host }) => confirmation({ ...fresh, key: host.requestKey }), 'wrongUseSignature'],
    ['over another nonce', ({ fresh }) => confirmation({ ...fresh, nonce: randomBytes(38) }), 'wrongUseSignature'],
    ['with another label', ({ fresh }) => confirmation(fresh, { label: 'omens-renewal-v1' }), 'wrongUseSignature'],
    ['of another place', ({ fresh }) => confirmation(fresh, { place: 'elsewhere' }), 'placeDiffers'],
  ])('%s is refused, with an alarm', async (_what, make, reason) => {
    const { confirm: send, fresh, host, at } = await rotated();
    expect(reasonsOf(await send(fresh.fingerprint, make({ fresh, host }), at))).toEqual([reason]);
    expect(await events(fresh.fingerprint)).toContain('confirmation.refused');
    expect(await alarms(fresh.fingerprint)).toBe(1);
  });

  test('of a certificate that is not theirs, or nobody made, is refused, with an alarm', async () => {
    const { confirm: send, fresh, at } = await rotated();
    expect(reasonsOf(await send(fresh.fingerprint, confirmation(fresh), at, randomUUID()))).toEqual([
      'unknownCertificate',
    ]);
    const none = { ...fresh, fingerprint: randomBytes(32).toString('hex') };
    expect(reasonsOf(await send(none.fingerprint, confirmation(none), at))).toEqual(['unknownCertificate']);
    expect(await alarms(none.fingerprint)).toBe(1);
  });
});
