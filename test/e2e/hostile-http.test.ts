// A thousand mutations over real HTTPS, against a server of its own process with its own PostgreSQL, its limits raised by
// configuration: each meets a fresh challenge, token or nonce. None is answered with 5xx, and a good host is served after.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openTpm } from '../../src/agent/tpm-open.ts';
import type { ActivationBody, ChallengeResource, EnrollmentAnswer, EnrollmentBody } from '../../src/domain/wire.ts';
import type { Tpm } from '../../src/tpm2/command.ts';
import { ensureBuilt } from '../db/support/embedded-process.ts';
import { base64url, membersOfActivation, membersOfBegin, mutateBody, octetsOf } from '../hostile/body-mutations.ts';
import { diceOf, seedOfRun } from '../hostile/dice.ts';
import { mutateSigned } from '../hostile/header-mutations.ts';
import {
  type Answer,
  bearer,
  type LiveHost,
  makeHost,
  newCredential,
  openWire,
  signedHeaders,
  type Wire,
} from '../hostile/live-host.ts';
import { csrInfo, signedCsr } from '../hostile/sealing.ts';
import { mutateDerSignature } from '../hostile/structure-mutations.ts';
import { report, tally } from '../hostile/tally.ts';
import { reasonFault } from '../hostile/verdict.ts';
import { mayStay } from '../hostile/unchanged.ts';
import { type CertifiedSoftwareTpm, policiesTrusting, startCertifiedSwtpm } from '../tpm/swtpm.ts';
import { type Estate, initializeEstate, removeEstate, type ServerProcess, startServer } from './support/estate.ts';

const seed = seedOfRun();
const hostName = 'tower.funlab.casa';
const counts = { begin: 350, activation: 300, certificate: 200, signed: 150 } as const;

/** What undoes each thing that was started, in the order of starting: a failed start leaves nothing behind. */
const started: (() => void | Promise<void>)[] = [];

let swtpm: CertifiedSoftwareTpm;
let tpm: Tpm;
let policies: string;
let estate: Estate;
let server: ServerProcess;
let wire: Wire;
let host: LiveHost;
let credential: string;
/** What the certificates of the good host say, and that of the good CSR. */
let original: string;
let originalOfCsr: string;
const certificateBody = makeCertificateBody();

beforeAll(async () => {
  await ensureBuilt();
  swtpm = await startCertifiedSwtpm();
  started.push(swtpm.stop);
  tpm = await openTpm({ kind: 'socket', address: { path: swtpm.socketPath } }, 30_000);
  started.push(() => tpm.transport.close());
  policies = mkdtempSync(join(tmpdir(), 'omens-policies-'));
  started.push(() => rmSync(policies, { recursive: true, force: true }));
  await policiesTrusting(swtpm, policies);
  const limits = '{ enrollmentsPerEkPerHour: 1000000, enrollmentsPerSourcePerHour: 1000000 }';
  estate = await initializeEstate({
    config: [`policiesDirectory: ${policies}`, `rateLimits: ${limits}`, 'logLevel: error'],
  });
  started.push(() => removeEstate(estate));
  server = await startServer(estate);
  started.push(server.stop);
  wire = openWire(estate);
  started.push(wire.close);
  host = await makeHost(tpm, hostName);
  credential = await newCredential(wire, estate, hostName);
  const { answer } = await enroll(bodyOf(withToken()));
  if (answer.status !== 200) throw new Error(`the good host is refused: ${answer.text}`);
  original = certificatesOf(answer);
  const issued = await issue(bodyOf(certificateBody));
  if (issued.status !== 201) throw new Error(`the good CSR is refused: ${issued.text}`);
  originalOfCsr = certificateOf(issued);
}, 120_000);

afterAll(async () => {
  for (const undo of started.toReversed()) await undo();
}, 60_000);

const bodyOf = (value: object): Buffer => Buffer.from(JSON.stringify(value), 'utf8');

const withToken = (): EnrollmentBody => ({ ...host.begin, token: credential });

function makeCertificateBody(): { readonly profile: string; readonly csr: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const names = { commonName: 'www.funlab.casa', dnsNames: ['www.funlab.casa', 'funlab.casa'], addresses: [] };
  return { profile: 'nginx-vhost', csr: base64url(signedCsr(csrInfo(spki, names), privateKey)) };
}

/** Everything in a certificate that does not change from one to the next: key, names, usage. */
function factsOf(pem: string): string {
  const { publicKey, subject, subjectAltName, keyUsage, issuer, ca } = new X509Certificate(pem);
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
  return JSON.stringify({ spki, subject, subjectAltName, keyUsage, issuer, ca });
}

function certificatesOf({ text }: Answer): string {
  const answer = JSON.parse(text) as EnrollmentAnswer;
  if (answer.state !== 'issued') return answer.state;
  return answer.certificates.map(({ profile, certificate }) => `${profile} ${factsOf(certificate)}`).join('\n');
}

const certificateOf = ({ text }: Answer): string => {
  const { profile, pem } = JSON.parse(text) as { readonly profile: string; readonly pem: string };
  return `${profile} ${factsOf(pem)}`;
};

const issue = (bytes: Uint8Array): Promise<Answer> =>
  wire.send({ path: '/v1/certificates', bytes, headers: bearer(estate.token) });

/** Begins with these octets, and answers the challenge as the TPM does; whether it could is told. */
async function enroll(bytes: Uint8Array): Promise<{ readonly answer: Answer; readonly isOpened: boolean }> {
  const begun = await wire.send({ path: '/v1/enrollments', bytes });
  if (begun.status !== 201) return { answer: begun, isOpened: false };
  const challenge = JSON.parse(begun.text) as ChallengeResource;
  const solved = await host.solve(challenge).catch(() => null);
  // A challenge for another key than the TPM has: a guess is all that is left.
  const body: ActivationBody = solved ?? { ...(await lastSolved()), secret: base64url(Buffer.alloc(32, 7)) };
  const path = `/v1/enrollments/${challenge.id}/activation`;
  const answer = await wire.send({ path, bytes: bodyOf(body) });
  if (answer.status === 200) credential = await newCredential(wire, estate, hostName);
  return { answer, isOpened: solved !== null };
}

/** A fresh challenge, solved. */
async function freshActivation(): Promise<{ readonly path: string; readonly body: ActivationBody }> {
  const begun = await wire.send({ path: '/v1/enrollments', bytes: bodyOf(withToken()) });
  if (begun.status !== 201) throw new Error(`the good host gets no challenge: ${begun.text}`);
  const challenge = JSON.parse(begun.text) as ChallengeResource;
  return { path: `/v1/enrollments/${challenge.id}/activation`, body: await host.solve(challenge) };
}

const lastSolved = async (): Promise<ActivationBody> => (await freshActivation()).body;

async function freshNonce(): Promise<string> {
  return (await wire.send({ method: 'HEAD', path: '/v1/nonce' })).nonce;
}

/** Resident memory of the server process, in MiB. */
const residentMiB = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

const reasons = tally();
const unchanged = tally();
const waiting = tally();
const faults: string[] = [];
const memory: number[] = [];

/** Books an answer to a mutation; `same` says whether an answer of 2xx is that of the original. */
function judge(answer: Answer, what: string, same: (answer: Answer) => boolean): void {
  const { status, reason, text } = answer;
  if (status >= 200 && status < 300 && same(answer)) unchanged.add(what);
  else if (status < 400 || reason === null) faults.push(`${what}: ${status} ${text.slice(0, 300)}`);
  else {
    const fault = reasonFault(reason);
    if (fault !== null) faults.push(`${what}: ${fault}: ${text.slice(0, 300)}`);
    reasons.add(`${status} ${reason}`);
  }
}

/** Runs `work` for each number; a connection that breaks is a fault. */
async function each(times: number, name: string, work: (at: number) => Promise<void>): Promise<void> {
  for (let at = 0; at < times; at += 1) {
    try {
      await work(at);
    } catch (error) {
      faults.push(`${name} ${at} of seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  memory.push(residentMiB());
  expect(faults.splice(0).slice(0, 20)).toEqual([]);
}

describe(`mutations of seed ${seed}`, () => {
  const dice = diceOf(seed);

  test('of the beginning of an enrollment', async () => {
    await each(counts.begin, 'begin', async () => {
      const body = withToken();
      const members = membersOfBegin(body);
      const mutated = mutateBody(body, { dice, members, others: members.map(({ text }) => octetsOf(text)) });
      const what = `begin: ${mutated.at} ${mutated.kind}`;
      const { answer } = await enroll(mutated.text);
      // Whoever takes away the token has a challenge, proves the TPM, and waits for a person.
      if (answer.status === 202 && !mutated.text.includes('"token"')) waiting.add(what);
      else judge(answer, what, (one) => certificatesOf(one) === original && mayStay(mutated, body.ekCertificates[0]!));
    });
  }, 60_000);

  test('of the answer to a challenge, each to a challenge of its own', async () => {
    await each(counts.activation, 'activation', async () => {
      const { path, body } = await freshActivation();
      const members = membersOfActivation(body);
      const mutated = mutateBody(body, { dice, members, others: members.map(({ text }) => octetsOf(text)) });
      const answer = await wire.send({ path, bytes: mutated.text });
      judge(
        answer,
        `activation: ${mutated.at} ${mutated.kind}`,
        (one) => certificatesOf(one) === original && mayStay(mutated, ''),
      );
      if (answer.status === 200) credential = await newCredential(wire, estate, hostName);
    });
  }, 60_000);

  test('of a request for a certificate by an operator', async () => {
    const members = [{ path: ['csr'], structure: 'certificate' as const, text: certificateBody.csr }];
    const others = [...membersOfBegin(host.begin).map(({ text }) => octetsOf(text)), octetsOf(certificateBody.csr)];
    await each(counts.certificate, 'certificate', async () => {
      if (dice.roll(6) === 0) {
        const { kind, octets } = mutateDerSignature(octetsOf(certificateBody.csr), dice);
        const answer = await issue(bodyOf({ ...certificateBody, csr: base64url(octets) }));
        judge(answer, `certificate: csr ${kind}`, (one) => certificateOf(one) === originalOfCsr);
        return;
      }
      const mutated = mutateBody(certificateBody, { dice, members, others });
      const answer = await issue(mutated.text);
      judge(
        answer,
        `certificate: ${mutated.at} ${mutated.kind}`,
        (one) => certificateOf(one) === originalOfCsr && mayStay(mutated, ''),
      );
    });
  }, 60_000);

  test('of a signed request, each with a nonce of its own', async () => {
    const path = '/v1/devices/self';
    await each(counts.signed, 'signed', async () => {
      const headers = await signedHeaders(host, estate, { path, nonce: await freshNonce() });
      const { kind, sent } = mutateSigned(path, headers, dice);
      const answer = await wire.send(sent);
      judge(answer, `signed: ${kind}`, (one) => one.text.includes(`"hostName":"${hostName}"`));
    });
  }, 60_000);

  test('leave a server behind that serves a good host, and that has not grown', async () => {
    expect(server.child.exitCode).toBeNull();
    const { answer } = await enroll(bodyOf(withToken()));
    expect(certificatesOf(answer)).toBe(original);
    report(`${Object.values(counts).reduce<number>((sum, one) => sum + one, 0)} mutations of seed ${seed} over HTTPS`, {
      'refused, by status and reason': reasons.lines(),
      'meaning unchanged, the very certificates of the original': unchanged.lines(),
      'the token taken away: proved, and waiting for a person': waiting.lines(),
      'resident memory of the server in MiB, after each part': memory.map((one) => one.toFixed(0).padStart(7)),
    });
    expect(server.log()).not.toMatch(/"level":"(error|fatal)"|"level":[56]0/);
    expect(memory.at(-1)! - memory[0]!).toBeLessThan(150);
  }, 60_000);
});
