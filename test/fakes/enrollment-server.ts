// A service for the host side to enroll with: makes real credentials, checks what the TPM states, and issues from a
// throw-away authority. It keeps the promises of the protocol that an agent leans on, retransmission among them.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { EnrollmentServer, ServerAnswer } from '../../src/agent/enrollment-server.ts';
import { AgentFailure } from '../../src/agent/failure.ts';
import { ConnectionLost } from '../../src/agent/connection-lost.ts';
import type {
  ActivationBody,
  ChallengeResource,
  EnrollmentAnswer,
  EnrollmentBody,
  EnrollmentRequestDocument,
  Problem,
} from '../../src/domain/wire.ts';
import { checkEndorsementKey } from '../../src/tpm2/endorsement-key.ts';
import { makeCredential } from '../../src/tpm2/make-credential.ts';
import { nameOf } from '../../src/tpm2/name.ts';
import { parseTpm2bPublic, type TpmtPublic } from '../../src/tpm2/public-area.ts';
import { publicKeyOf } from '../../src/tpm2/subject-public-key-info.ts';
import { verifyCertify, verifyKeySignature } from '../../src/tpm2/verify.ts';
import { readCertificationRequest } from '../../src/x509/certification-request.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { type Ca, ca, devidPlan, issued, serverPlan } from '../unit/x509/authority.ts';

type Conversation = {
  readonly body: EnrollmentBody;
  secret: Uint8Array;
  nonce: Uint8Array;
  isSpent: boolean;
  answered: { readonly text: string; readonly answer: EnrollmentAnswer } | null;
  state: 'challenged' | 'pending' | 'approved' | 'issued';
};

/** What a test may change about the service while it runs. */
export type FakeService = Omit<EnrollmentServer, 'activate'> & {
  /** A test may put itself in front of it. */
  activate: EnrollmentServer['activate'];
  /** Every request, in order: `begin`, `activate <sha256>`, `read`. */
  readonly calls: string[];
  /** The next so many replies are lost after the service has acted. */
  loseReplies: number;
  /** Whether a host is trusted without a person. */
  admits: 'all' | 'approved';
  /** Changes what is sent for a certificate. */
  tamper: (answer: Extract<EnrollmentAnswer, { state: 'issued' }>) => Extract<EnrollmentAnswer, { state: 'issued' }>;
  /** Answers the next request with this refusal, once. */
  refuseNext: Problem | null;
  readonly bodies: readonly EnrollmentBody[];
  readonly approveAll: () => void;
  readonly forgetAll: () => void;
};

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');
const octets = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));

/** A problem document. */
export const problem = (status: number, reason: string, detail: string): Problem => ({
  type: `https://ca.example.lan/problems/${reason}`,
  title: reason,
  status,
  detail,
  instance: `urn:uuid:${randomUUID()}`,
});

const refused = (status: number, reason: string): ServerAnswer<never> => ({
  ok: false,
  problem: problem(status, reason, `refused for ${reason}`),
});

/** A service with an authority of its own. */
export function fakeService(): FakeService {
  const rootCa = ca('Eye of Thundera');
  const issuing = ca('Book of Omens', { issuer: rootCa });
  const conversations = new Map<string, Conversation>();
  const service: FakeService = {
    root: rootCa.der,
    calls: [],
    loseReplies: 0,
    admits: 'all',
    tamper: (answer) => answer,
    refuseNext: null,
    get bodies() {
      return [...conversations.values()].map(({ body }) => body);
    },
    approveAll: () => {
      for (const one of conversations.values()) if (one.state === 'pending') one.state = 'approved';
    },
    forgetAll: () => conversations.clear(),
    begin: async (body) => {
      service.calls.push('begin');
      const id = randomUUID();
      conversations.set(id, {
        body,
        secret: new Uint8Array(32),
        nonce: new Uint8Array(32),
        isSpent: false,
        answered: null,
        state: 'challenged',
      });
      return reply({ ok: true, value: challenge(id) });
    },
    activate: async (id, text) => {
      service.calls.push(`activate ${createHash('sha256').update(text).digest('hex')}`);
      return reply(activated(id, text));
    },
    read: async (id) => {
      service.calls.push('read');
      const found = conversations.get(id);
      if (found === undefined) return reply(refused(404, 'unknownEnrollment'));
      if (found.state === 'approved') return reply({ ok: true, value: { state: 'approved', ...challenge(id) } });
      const answer = found.answered?.answer;
      return reply<EnrollmentAnswer>(
        answer === undefined ? refused(404, 'unknownEnrollment') : { ok: true, value: answer },
      );
    },
    ownDevice: async () => reply(refused(404, 'unknownDevice')),
  };

  function reply<T>(answer: ServerAnswer<T>): ServerAnswer<T> {
    if (service.loseReplies > 0) {
      service.loseReplies -= 1;
      throw new ConnectionLost('the test lost the reply');
    }
    if (service.refuseNext === null) return answer;
    const given = service.refuseNext;
    service.refuseNext = null;
    return { ok: false, problem: given };
  }

  function challenge(id: string): ChallengeResource {
    const found = conversations.get(id)!;
    found.secret = new Uint8Array(randomBytes(32));
    found.nonce = new Uint8Array(randomBytes(32));
    found.isSpent = false;
    found.answered = null;
    const ek = checkEndorsementKey(parseTpm2bPublic(octets(found.body.ekPublic)));
    if (!ek.ok) throw new AgentFailure(ek.error.detail);
    const made = makeCredential({
      endorsementKey: ek.value,
      objectName: nameOf(parseTpm2bPublic(octets(found.body.akPublic))),
      credential: found.secret,
      random: (length) => new Uint8Array(randomBytes(length)),
    });
    return {
      id,
      credentialBlob: base64url(made.credentialBlob),
      encryptedSecret: base64url(made.encryptedSecret),
      nonce: base64url(found.nonce),
      expiresAt: '2026-11-03T00:05:00Z',
    };
  }

  function activated(id: string, text: string): ServerAnswer<EnrollmentAnswer> {
    const found = conversations.get(id);
    if (found === undefined) return refused(404, 'unknownEnrollment');
    if (found.answered?.text === text) return { ok: true, value: found.answered.answer };
    const body = JSON.parse(text) as ActivationBody;
    if (found.isSpent || body.secret !== base64url(found.secret)) return refused(403, 'wrongSecret');
    found.isSpent = true;
    const document = JSON.parse(Buffer.from(body.request, 'base64url').toString()) as EnrollmentRequestDocument;
    const fault = faultOf(found, id, body, document);
    if (fault !== null) return refused(403, fault);
    const waits = service.admits === 'approved' && found.state !== 'approved';
    found.state = waits ? 'pending' : 'issued';
    const answer = waits ? pendingAnswer(found) : service.tamper(issuedAnswer(document, issuing));
    found.answered = { text, answer };
    return { ok: true, value: answer };
  }
  return service;
}

function faultOf(
  found: Conversation,
  id: string,
  body: ActivationBody,
  document: EnrollmentRequestDocument,
): string | null {
  const request = octets(body.request);
  const message = Buffer.concat([
    Buffer.from('omens-enrollment-v1\0'),
    Buffer.from(id),
    found.nonce,
    createHash('sha256').update(request).digest(),
  ]);
  const qualifyingData = new Uint8Array(createHash('sha256').update(message).digest());
  const akPublic = parseTpm2bPublic(octets(found.body.akPublic));
  if (body.certifications.length !== document.keys.length) return 'certificationMissing';
  for (const [at, { public: area }] of document.keys.entries()) {
    const { attest, signature, proof } = body.certifications[at]!;
    const certifiedPublic = parseTpm2bPublic(octets(area));
    const certified = verifyCertify({
      attest: octets(attest),
      signature: octets(signature),
      ...{ akPublic, qualifyingData, certifiedPublic },
    });
    if (!certified.ok) return certified.error.reason;
    const proved = verifyKeySignature({
      signature: octets(proof),
      keyPublic: certifiedPublic,
      message: new Uint8Array(message),
    });
    if (!proved.ok) return 'wrongProof';
  }
  return null;
}

const pendingAnswer = (found: Conversation): EnrollmentAnswer => ({
  state: 'pending',
  ekFingerprint: createHash('sha256')
    .update(spkiOfArea(parseTpm2bPublic(octets(found.body.ekPublic))))
    .digest('hex'),
  version: 1,
  retryAfter: 30,
});

function issuedAnswer(
  document: EnrollmentRequestDocument,
  issuing: Ca,
): Extract<EnrollmentAnswer, { readonly state: 'issued' }> {
  const { hostName } = document;
  const devid = document.keys.find(({ role }) => role === 'devid');
  const certificates = document.certificates.map(({ profile, key, dnsNames }) => {
    const names = { dnsNames: dnsNames ?? [hostName], ipAddresses: [], uris: [] };
    const der = issued(
      key === 'devid'
        ? devidPlan({
            ...{ commonName: hostName, names },
            subjectPublicKeyInfo: spkiOfArea(parseTpm2bPublic(octets(devid!.public))),
          })
        : serverPlan({ commonName: hostName, names, ...keyOfRequest(key.csr) }),
      issuing,
    );
    return {
      ...{ profile, lineage: randomUUID() },
      certificate: encodePem('CERTIFICATE', der),
      chain: encodePem('CERTIFICATE', issuing.der),
      notAfter: '2027-01-29T23:59:59Z',
      renewAt: '2026-12-31T00:00:00Z',
    };
  });
  return { state: 'issued', device: { id: randomUUID(), hostName, keylimeUuid: null }, certificates };
}

function keyOfRequest(csr: string) {
  const request = readCertificationRequest(octets(csr));
  if (!request.ok) throw new AgentFailure(request.error.detail);
  const { subjectPublicKeyInfo, keyType } = request.value;
  return { subjectPublicKeyInfo, keyType };
}

function spkiOfArea(area: TpmtPublic): Uint8Array {
  const key = publicKeyOf(area);
  if (!key.ok) throw new AgentFailure(key.error.detail);
  return key.value.spkiDer;
}
