// Good material of one enrollment, recorded once from a real software TPM: what the host sends, in both requests, for a
// challenge that the service will draw again and again.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { type KeyText, keyText, type TpmKeys } from '../../src/agent/agent-state.ts';
import { makeRequest, makeTpmKeys } from '../../src/agent/prepare.ts';
import { silent } from '../../src/agent/progress.ts';
import { presentTpm, solveChallenge } from '../../src/agent/prove.ts';
import { activate, createSigningKey } from '../../src/agent/tpm-keys.ts';
import { akBlobs } from '../../src/agent/agent-state.ts';
import type { Grant } from '../../src/domain/device.ts';
import type { ChallengedEnrollment } from '../../src/domain/enrollment.ts';
import { enrollmentCredential } from '../../src/domain/enrollment-token.ts';
import type { ActivationBody, ChallengeResource, EnrollmentBody } from '../../src/domain/wire.ts';
import type { Tpm } from '../../src/tpm2/command.ts';
import { type Estate, freshService, type Prepared } from './enrollment-memory.ts';

export const hostName = 'tower.example.org';

/** What a host said, and to what service. */
export type Recording = {
  readonly begin: EnrollmentBody;
  readonly activation: ActivationBody;
  readonly prepared: Prepared;
  readonly keys: TpmKeys;
  /** The enrollment as it stands when the challenge is drawn. */
  readonly begun: ChallengedEnrollment;
};

const names = (profile: string, dnsNames: readonly string[], ipAddresses: readonly string[] = []): Grant => ({
  profile,
  place: '',
  dnsNames,
  ipAddresses,
  uris: [],
});

/** What the token and the pre-registration grant. */
const grants: readonly Grant[] = [
  names('devid', [hostName]),
  names('keylime-agent', [hostName, `agent.keylime.${hostName}`], ['10.1.2.3']),
];

export type RecordingOptions = {
  readonly ek: TpmKeys['ek'];
  readonly devid: 'p256' | 'rsa2048';
  /** Sent with the EK certificate. */
  readonly intermediates: readonly Uint8Array[];
};

/** Enrolls once, and keeps what was said. Throws unless it ends in certificates. */
export async function record(tpm: Tpm, estate: Estate, options: RecordingOptions): Promise<Recording> {
  const keys = await makeKeys(tpm, options);
  const { token, credential } = makeToken(estate.now);
  const presented = await presentTpm(tpm, { keys, hostName, token: credential, passwords: {} });
  const ekCertificates = [...presented.body.ekCertificates, ...options.intermediates.map(base64url)];
  const begin = { ...presented.body, ekCertificates };
  const prepared: Prepared = {
    token,
    preregistration: {
      ekFingerprint: presented.ekFingerprint,
      hostName,
      grants,
      exception: null,
      createdBy: 'operator:admin:1',
      createdAt: estate.now,
    },
    id: randomUUID(),
    secret: new Uint8Array(randomBytes(32)),
    nonce: new Uint8Array(randomBytes(32)),
  };
  const service = freshService(estate, prepared, null);
  const challenge = await service.begin(begin, { now: estate.now });
  if (!challenge.ok) throw new Error(`the good enrollment is refused: ${JSON.stringify(challenge.error)}`);
  const begun = service.enrollment();
  if (begun?.state !== 'challenged') throw new Error('there is no challenge');
  const profiles = grants.map(({ profile }) => ({ profile }));
  const work = await makeRequest({ hostName, profiles, keys, token: credential, progress: silent });
  const activation = await solveChallenge(tpm, { keys, work, challenge: challenge.value, passwords: {} });
  return { begin, activation, prepared, keys, begun };
}

async function makeKeys(tpm: Tpm, { ek, devid }: RecordingOptions): Promise<TpmKeys> {
  const made = await makeTpmKeys(tpm, { known: null, wantsDevId: devid === 'p256', passwords: {}, progress: silent });
  const devId: KeyText = made.devId ?? keyText(await createSigningKey(tpm, 'rsa2048'));
  return { ...made, ek, devId };
}

function makeToken(now: Date): { readonly token: Prepared['token']; readonly credential: string } {
  const id = randomUUID();
  const secret = new Uint8Array(randomBytes(32));
  const token = {
    id,
    secretSha256: new Uint8Array(createHash('sha256').update(secret).digest()),
    hostName,
    grants,
    createdBy: 'operator:admin:1',
    createdAt: now,
    expiresAt: new Date(now.getTime() + 3_600_000),
    revokedAt: null,
    spentAt: null,
  };
  return { token, credential: enrollmentCredential(id, secret) };
}

/** Whether the TPM of the recording can open a challenge. */
export async function canOpen(tpm: Tpm, { keys }: Recording, challenge: ChallengeResource): Promise<boolean> {
  const octets = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'));
  return activate(tpm, {
    ak: akBlobs(keys),
    ek: keys.ek,
    credentialBlob: octets(challenge.credentialBlob),
    encryptedSecret: octets(challenge.encryptedSecret),
  }).then(
    () => true,
    () => false,
  );
}

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');
