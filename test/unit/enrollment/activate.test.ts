// First contact, second half: what a TPM says is believed only as far as it proves it, and nothing happens twice.
import { describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { devid, rsaKey } from '../tpm2/samples.ts';
import { objectAttributes } from '../../../src/tpm2/public-area.ts';
import { signingKeyRsa } from '../../../src/tpm2/templates.ts';
import { encodeTpm2bPublic } from '../../../src/tpm2/public-area.ts';
import { sha256Hex } from '../../../src/x509/digest.ts';
import type { Refusal } from '../../../src/domain/result.ts';
import type { ChallengeResource } from '../../../src/domain/wire.ts';
import { fakeIssuanceStore } from '../../fakes/issuance-store.ts';
import { verifyEvidenceAgain } from '../../../src/enrollment/evidence.ts';
import { type ActivationChange, csrFor, makeVendor, requestDocument, spkiOfArea } from '../../fakes/software-host.ts';
import {
  activationBody,
  at,
  enroll,
  enrolled,
  makeHost,
  makeScene,
  ok,
  reasons,
  type SoftwareHost,
  vendor,
} from './scene.ts';
import { generateKeyPairSync } from 'node:crypto';
import { ak } from '../tpm2/samples.ts';

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');

describe('a host with a token', () => {
  test('gets a certificate for the very key that its TPM proved, and one for its CSR', async () => {
    const scene = makeScene();
    const { host, answer } = await enrolled(scene);
    expect(answer.device).toMatchObject({ hostName: 'tower.example.org', keylimeUuid: null });
    expect(answer.certificates.map(({ profile }) => profile)).toEqual(['devid', 'keylime-agent']);
    const [identity, agent] = answer.certificates.map(({ certificate }) => new X509Certificate(certificate));
    const spki = identity!.publicKey.export({ type: 'spki', format: 'der' });
    expect(Buffer.compare(spki, spkiOfArea(host.devid.area))).toBe(0);
    expect(agent!.subjectAltName).toBe(
      'DNS:tower.example.org, DNS:agent.keylime.tower.example.org, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(scene.store.audit).toEqual(['enrollmentToken.created', 'device.enrolled', 'enrollment.issued']);
  });

  test('with an RSA-2048 EK has the digest of that EK as UUID', async () => {
    const scene = makeScene();
    const { answer } = await enrolled(scene, makeHost(vendor, { ekType: 'L-1' }));
    const agent = new X509Certificate(answer.certificates[1]!.certificate);
    expect(agent.subject).toBe(`CN=${answer.device.keylimeUuid!}`);
    expect(answer.device.keylimeUuid).toMatch(/^[0-9a-f]{64}$/);
  });

  test('may ask for less than its grants', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const all = requestDocument(host);
    const document = { ...all, certificates: [{ ...all.certificates[1]!, dnsNames: ['tower.example.org'] }] };
    const { result } = await enroll(scene, host, { token: await scene.token(), change: { document } });
    const answer = ok(result);
    expect(answer.state === 'issued' && new X509Certificate(answer.certificates[0]!.certificate).subjectAltName).toBe(
      'DNS:tower.example.org, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
  });

  test('gets the addresses of the token in the certificate of its service', async () => {
    const scene = makeScene();
    const { result } = await enroll(scene, makeHost(vendor), {
      token: await scene.token({ addresses: ['192.0.2.7'] }),
    });
    const answer = ok(result);
    const [identity, agent] = answer.state === 'issued' ? answer.certificates : [];
    expect(new X509Certificate(agent!.certificate).subjectAltName).toContain('192.0.2.7');
    expect(new X509Certificate(identity!.certificate).subjectAltName).not.toContain('192.0.2.7');
  });
});

describe('an activation is refused', () => {
  /** What an activation with this change is refused for; it must leave no device behind. */
  async function refusedFor(change: (host: SoftwareHost) => ActivationChange, over: Partial<SoftwareHost> = {}) {
    const scene = makeScene();
    const host = makeHost(vendor, over);
    const { result } = await enroll(scene, host, { token: await scene.token(), change: change(host) });
    expect(await scene.store.listDevices(null, 10)).toEqual([]);
    expect(scene.issued).toEqual([]);
    return reasons(result);
  }

  test.each<[string, string, ActivationChange]>([
    ['a wrong secret', 'wrongSecret', { secret: new Uint8Array(32) }],
    ['a statement for another id', 'qualifyingDataMismatch', { id: '00000000-0000-4000-8000-000000000000' }],
    ['a statement with another nonce', 'qualifyingDataMismatch', { nonce: new Uint8Array(32) }],
    ['a statement of a renewal', 'qualifyingDataMismatch', { label: 'omens-renewal-v1' }],
    ['something that no TPM generated', 'notTpmGenerated', { attest: { magic: 0xff544348 } }],
    [
      'a quote',
      'wrongAttestType',
      { attest: { attested: { type: 'quote', pcrSelect: [], pcrDigest: new Uint8Array(32) } } },
    ],
    [
      'a certification of another key',
      'certifiedNameMismatch',
      { attest: { attested: { type: 'certify', name: new Uint8Array(34), qualifiedName: new Uint8Array(34) } } },
    ],
    ['certifications by another AK', 'badSignature', { certifier: ak() }],
    ['proofs by another key', 'wrongProof', { prover: devid() }],
  ])('with %s', async (_what, reason, change) => {
    expect(await refusedFor(() => change)).toEqual([reason]);
  });

  test('with a key of another TPM, which the AK of this one never certified', async () => {
    const foreign = makeHost(vendor);
    const reason = await refusedFor((host) => ({
      document: requestDocument({ ...host, devid: foreign.devid }),
    }));
    expect(reason).toEqual(['certifiedNameMismatch']);
  });

  test.each([
    ['wrongAttributes', objectAttributes('restricted')],
    ['wrongAttributes', objectAttributes('decrypt')],
  ])('with a DevID key of %s', async (reason, bit) => {
    const key = devid();
    const area = { ...key.area, attributes: key.area.attributes | bit };
    expect(await refusedFor(() => ({}), { devid: { ...key, area } })).toEqual([reason]);
  });

  test.each(['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'userWithAuth', 'sign'] as const)(
    'with a DevID key that is not %s',
    async (attribute) => {
      const key = devid();
      const area = { ...key.area, attributes: key.area.attributes & ~objectAttributes(attribute) };
      expect(await refusedFor(() => ({}), { devid: { ...key, area } })).toEqual(['wrongAttributes']);
    },
  );

  test('with an RSA request key, and not with an RSA DevID', async () => {
    const key = rsaKey(signingKeyRsa);
    expect(await refusedFor(() => ({}), { requestKey: key })).toEqual(['wrongKeyType']);
    const scene = makeScene();
    const host = makeHost(vendor, { devid: rsaKey(signingKeyRsa) });
    ok((await enroll(scene, host, { token: await scene.token() })).result);
  });

  test('with one key in two roles', async () => {
    const key = devid();
    expect(await refusedFor(() => ({}), { devid: key, requestKey: key })).toEqual(['keyTwice']);
  });

  test('without a request key', async () => {
    const reason = await refusedFor((host) => ({
      document: requestDocument(host, {
        keys: [{ role: 'devid', public: base64url(encodeTpm2bPublic(host.devid.area)) }],
      }),
    }));
    expect(reason).toEqual(['requestKeyMissing']);
  });

  test('that asks for a DevID certificate and brings no DevID key', async () => {
    const reason = await refusedFor((host) => ({
      document: requestDocument(host, { keys: [requestDocument(host).keys[0]] }),
    }));
    expect(reason).toEqual(['devidKeyMissing']);
  });

  test('for another host name than the enrollment', async () => {
    const change = (host: SoftwareHost) => ({ document: requestDocument(host, { hostName: 'bridge.example.org' }) });
    expect(await refusedFor(change)).toEqual(['hostNameDiffers']);
  });

  test('with certifications that are not one for each key', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host, await scene.token()));
    const body = activationBody(host, challenge);
    const fewer = { ...body, certifications: body.certifications.slice(0, 1) };
    expect(reasons(await scene.send(challenge.id, fewer))).toEqual(['certificationsDiffer']);
  });

  const csr = (host: SoftwareHost, der: Uint8Array, over: object = {}) => ({
    document: requestDocument(host, {
      certificates: [{ profile: 'keylime-agent', key: { csr: base64url(der) }, ...over }],
    }),
  });
  const broken = (der: Uint8Array): Uint8Array =>
    der.map((octet, index) => (index === der.length - 1 ? octet ^ 1 : octet));

  test.each<[string, string, (host: SoftwareHost) => ActivationChange]>([
    ['a CSR whose key is not proved', 'wrongSignature', (host) => csr(host, broken(csrFor(host.serviceKey)))],
    [
      'a CSR for the key of somebody else',
      'wrongSignature',
      (host) => csr(host, csrFor(host.serviceKey, { publicKey: spkiOfArea(devid().area) })),
    ],
    [
      'octets after a CSR',
      'trailingOctets',
      (host) => csr(host, Buffer.concat([csrFor(host.serviceKey), Buffer.alloc(1)])),
    ],
    ['a CSR for the key of the DevID', 'keyTwice', (host) => csr(host, csrFor(host.devid.privateKey))],
    [
      'a CSR with other names',
      'csrNamesDiffer',
      (host) => csr(host, csrFor(host.serviceKey, { dnsNames: ['vault.example.org'] })),
    ],
    [
      'a CSR with a stray commonName',
      'commonNameNotAName',
      (host) => csr(host, csrFor(host.serviceKey, { commonName: 'admin' })),
    ],
    [
      'a CSR with a mail address',
      'nameKindNotSupported',
      (host) => csr(host, csrFor(host.serviceKey, { emails: ['a@b.example'] })),
    ],
    [
      'a CSR with the UUID of the documentation',
      'placeholderAgentUuid',
      (host) => csr(host, csrFor(host.serviceKey, { commonName: 'd432fbb3-d2f1-4a97-9ef7-75bd81c00000' })),
    ],
    [
      'a name beyond the grant',
      'nameNotGranted',
      (host) => csr(host, csrFor(host.serviceKey), { dnsNames: ['vault.example.org'] }),
    ],
    [
      'an address beyond the grant',
      'nameNotGranted',
      (host) => csr(host, csrFor(host.serviceKey), { ipAddresses: ['192.0.2.1'] }),
    ],
    ['an unknown profile', 'unknownProfile', (host) => csr(host, csrFor(host.serviceKey), { profile: 'root-ca' })],
    [
      'a profile of people',
      'profileNotForDevices',
      (host) => csr(host, csrFor(host.serviceKey), { profile: 'keylime-admin' }),
    ],
    [
      'a profile of this service',
      'profileNotForDevices',
      (host) => csr(host, csrFor(host.serviceKey), { profile: 'omens-server' }),
    ],
    [
      'a profile that was not granted',
      'profileNotGranted',
      (host) => csr(host, csrFor(host.serviceKey), { profile: 'openbao-server' }),
    ],
    [
      'a software key for a TPM profile',
      'keyOriginNotAllowed',
      (host) => csr(host, csrFor(host.serviceKey), { profile: 'devid' }),
    ],
  ])('with %s', async (_what, reason, change) => {
    expect(await refusedFor(change)).toEqual([reason]);
  });

  test('for everything that policy says against it, at once', async () => {
    const reason = await refusedFor((host) => ({
      document: requestDocument(host, {
        certificates: [
          { profile: 'openbao-server', key: { csr: base64url(csrFor(host.serviceKey)) } },
          { profile: 'devid', key: 'devid', dnsNames: ['a.example.org', 'b.example.org'] },
        ],
      }),
    }));
    expect(reason).toEqual(['profileNotGranted', 'nameNotGranted', 'nameNotGranted']);
  });

  test('for a second certificate where one was granted', async () => {
    const reason = await refusedFor((host) => {
      const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
      const certificates = [host.serviceKey, other].map((key) => ({
        profile: 'keylime-agent',
        key: { csr: base64url(csrFor(key)) },
      }));
      return { document: requestDocument(host, { certificates }) };
    });
    expect(reason).toEqual(['profileNotGranted']);
  });

  test('when the challenge has expired, and not a second before', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host, await scene.token()));
    const body = activationBody(host, challenge);
    expect(reasons(await scene.send(challenge.id, body, at(301)))).toEqual(['challengeExpired']);
    ok(await scene.send(challenge.id, body, at(300)));
  });

  test('for an unknown enrollment', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const body = activationBody(host, ok(await scene.begin(host)));
    expect(reasons(await scene.send('00000000-0000-4000-8000-000000000000', body))).toEqual(['unknownEnrollment']);
  });

  test('for a public key that is already a key of somebody else, and for one that is compromised', async () => {
    for (const [kind, isCompromised, reason] of [
      ['issuer', false, 'keyHeldElsewhere'],
      ['operator', false, 'keyHeldElsewhere'],
      ['device', true, 'keyCompromised'],
    ] as const) {
      const scene = makeScene();
      const host = makeHost(vendor);
      scene.store.holdPublicKey(sha256Hex(spkiOfArea(host.devid.area)), kind, isCompromised);
      const { result } = await enroll(scene, host, { token: await scene.token() });
      expect(reasons(result)).toEqual([reason]);
      expect(await scene.store.listDevices(null, 10)).toEqual([]);
    }
  });
});

describe('the right secret', () => {
  test('burns the challenge whatever comes of it: other octets are a replay', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host, await scene.token()));
    const wrong = activationBody(host, challenge, { label: 'other' });
    expect(reasons(await scene.send(challenge.id, wrong))).toEqual(['qualifyingDataMismatch']);
    expect(reasons(await scene.send(challenge.id, activationBody(host, challenge)))).toEqual(['challengeSpent']);
  });

  test('is not burnt by a wrong one, nor is the token by a failed attempt', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const token = await scene.token();
    const challenge = ok(await scene.begin(host, token));
    const body = activationBody(host, challenge);
    const guess = { ...body, secret: base64url(new Uint8Array(32)) };
    expect(reasons(await scene.send(challenge.id, guess))).toEqual(['wrongSecret']);
    ok(await scene.send(challenge.id, body));
    const failed = await enroll(makeScene(scene.store), makeHost(vendor, { hostName: 'bridge.example.org' }), {
      token: await scene.token({ hostName: 'bridge.example.org' }),
      change: { label: 'other' },
    });
    expect(reasons(failed.result)).toEqual(['qualifyingDataMismatch']);
  });
});

describe('a retransmission', () => {
  test('gets the answer that was kept, for a day, and issues nothing', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const { challenge, body, result } = await enroll(scene, host, { token: await scene.token() });
    const count = scene.issued.length;
    expect(await scene.send(challenge.id, body, at(86_400))).toEqual(result);
    expect(scene.issued).toHaveLength(count);
    expect(reasons(await scene.send(challenge.id, body, at(86_401)))).toEqual(['challengeSpent']);
  });

  test('of what was refused is refused the same way', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const { challenge, body, result } = await enroll(scene, host, { change: { label: 'other' } });
    expect(await scene.send(challenge.id, body)).toEqual(result);
  });

  test('of what waits for a person still waits', async () => {
    const scene = makeScene();
    const { challenge, body, result } = await enroll(scene, makeHost(vendor));
    expect(await scene.send(challenge.id, body)).toEqual(result);
    expect(ok(result)).toMatchObject({ state: 'pending', version: 1 });
  });

  test('while the first is worked on is told to wait', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host, await scene.token()));
    const body = activationBody(host, challenge);
    const both = await Promise.all([scene.send(challenge.id, body), scene.send(challenge.id, body)]);
    expect(both.map(reasons).toSorted()).toEqual([[], ['activationInProgress']]);
    expect(scene.issued).toHaveLength(2);
  });

  test('after a crash between the taking and the last certificate ends in the same certificates', async () => {
    const issuanceStore = fakeIssuanceStore();
    const scene = makeScene(undefined, {}, issuanceStore);
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host, await scene.token()));
    const body = activationBody(host, challenge);
    let calls = 0;
    const crashing = makeScene(scene.store, {
      issue: async (request) => {
        if ((calls += 1) === 2) throw new Error('power lost');
        return scene.ports.issue(request);
      },
    });
    await expect(crashing.send(challenge.id, body)).rejects.toThrow('power lost');
    expect(reasons(await scene.send(challenge.id, body, at(1)))).toEqual(['activationInProgress']);
    const answer = ok(await scene.send(challenge.id, body, at(60)));
    expect(answer).toMatchObject({ state: 'issued' });
    expect([...issuanceStore.rows.values()].filter(({ outcome }) => outcome === 'issued')).toHaveLength(2);
    expect(await scene.store.listDevices(null, 10)).toHaveLength(1);
  });

  test('after a crash between the burning and the proof proves again', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host, await scene.token()));
    const body = activationBody(host, challenge);
    const crashing = makeScene(scene.store, {
      take: async () => {
        throw new Error('power lost');
      },
    });
    await expect(crashing.send(challenge.id, body)).rejects.toThrow('power lost');
    expect(ok(await scene.send(challenge.id, body, at(61)))).toMatchObject({ state: 'issued' });
  });

  test('goes on where issuance refused', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host, await scene.token()));
    const body = activationBody(host, challenge);
    const refusal: Refusal = { reason: 'profileStopped', detail: 'stopped' };
    const stopped = makeScene(scene.store, { issue: async () => ({ ok: false, error: [refusal] }) });
    expect(reasons(await stopped.send(challenge.id, body))).toEqual(['profileStopped']);
    expect(ok(await scene.send(challenge.id, body, at(1)))).toMatchObject({ state: 'issued' });
  });
});

describe('a token', () => {
  test('enrolls one of two hosts that race for it', async () => {
    const scene = makeScene();
    const token = await scene.token();
    const hosts = [makeHost(vendor), makeHost(vendor)];
    const challenges: ChallengeResource[] = [];
    for (const host of hosts) challenges.push(ok(await scene.begin(host, token)));
    const results = await Promise.all(
      hosts.map((host, index) => scene.send(challenges[index]!.id, activationBody(host, challenges[index]!))),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    expect(await scene.store.listDevices(null, 10)).toHaveLength(1);
  });

  test('that was spent or expired meanwhile is refused at the activation, and never waits', async () => {
    const scene = makeScene();
    const token = await scene.token({ ttlSeconds: 100 });
    const host = makeHost(vendor);
    const challenge = ok(await scene.begin(host, token));
    expect(reasons(await scene.send(challenge.id, activationBody(host, challenge), at(100)))).toEqual([
      'expiredEnrollmentToken',
    ]);
    const second = await scene.token();
    const challenge2 = ok(await scene.begin(host, second));
    await scene.store.revokeEnrollmentToken(second.split('.')[0]!, at(1), 'alice');
    expect(reasons(await scene.send(challenge2.id, activationBody(host, challenge2)))).toEqual([
      'revokedEnrollmentToken',
    ]);
    expect(await scene.pending()).toEqual([]);
  });
});

describe('the evidence', () => {
  test('of an enrollment can be verified again, and not against other roots', async () => {
    const scene = makeScene();
    const { id } = await enrolled(scene);
    const stored = await scene.store.findEnrollment(id);
    if (stored?.state !== 'issued') throw new Error('not issued');
    const evidence = JSON.parse(JSON.stringify(stored.proof.evidence));
    expect(verifyEvidenceAgain(evidence, vendor.policy)).toEqual({ ok: true, value: null });
    expect(verifyEvidenceAgain(evidence, makeVendor().policy)).toMatchObject({ ok: false });
    for (const change of [
      { nonce: base64url(new Uint8Array(32)) },
      { request: base64url(Buffer.from('{}')) },
      { enrollment: '00000000-0000-4000-8000-000000000000' },
      { attestationKey: { public: base64url(encodeTpm2bPublic(ak().area)) } },
      { endorsementKey: { ...evidence.endorsementKey, path: [] } },
    ]) {
      expect(verifyEvidenceAgain({ ...evidence, ...change }, vendor.policy)).toMatchObject({ ok: false });
    }
  });
});
