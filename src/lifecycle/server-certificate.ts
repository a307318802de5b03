// The certificate under which this server is reached, from its own CA. It is renewed like any other, by its lifetime,
// and taken into use without a restart.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { parseIpAddress } from '../domain/names.ts';
import type { CertificateNames, Profile } from '../domain/profile.ts';
import { renewalWindow } from '../domain/renewal.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { IssuedCertificate, IssueRequest } from '../issuance/issue.ts';

/** Key and chain as a TLS server takes them; the chain is leaf and issuing CA. */
export type ServerCertificate = {
  readonly chainPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
};

export type ServerCertificatePorts = {
  readonly profile: Profile;
  readonly issue: (request: IssueRequest) => Promise<Result<IssuedCertificate, readonly Refusal[]>>;
  /** What was stored last, or null; and a durable way to store. */
  readonly load: () => Promise<ServerCertificate | null>;
  readonly store: (certificate: ServerCertificate) => Promise<void>;
};

/** Names under which the server is reached: the hosts of its URL and of its listener, and the loopback ones. */
export function serverNames(hosts: readonly string[]): CertificateNames {
  const all = [...new Set([...hosts, 'localhost', '127.0.0.1', '::1'])].filter(
    (host) => host !== '0.0.0.0' && host !== '::',
  );
  return {
    dnsNames: all.filter((host) => parseIpAddress(host) === null),
    ipAddresses: all.filter((host) => parseIpAddress(host) !== null),
    uris: [],
  };
}

/** Whether a certificate still serves at an instant: its renewal window is not open and it has these names. */
export function isServing(certificate: ServerCertificate | null, names: CertificateNames, now: Date): boolean {
  if (certificate === null || now < certificate.notBefore) return false;
  const wanted = [...names.dnsNames, ...names.ipAddresses];
  const { start } = renewalWindow({ profile: 'omens-server', ...certificate });
  return now < start && wanted.every((name) => certificate.names.includes(name));
}

/** The certificate to serve with, and whether it is another one than before. Throws when none can be issued. */
export const keepServerCertificate =
  (ports: ServerCertificatePorts) =>
  async (
    names: CertificateNames,
    now: Date,
  ): Promise<{ readonly certificate: ServerCertificate; readonly isNew: boolean }> => {
    const current = await ports.load();
    if (current !== null && isServing(current, names, now)) return { certificate: current, isNew: false };
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const issued = await ports.issue(requestFor(ports.profile, { names, privateKey, now }));
    if (!issued.ok) {
      throw new Error(
        `the server's own certificate was refused: ${issued.error.map((denial) => denial.detail).join('; ')}`,
      );
    }
    const { record, certificatePem, chainPem } = issued.value;
    const certificate: ServerCertificate = {
      chainPem: certificatePem + chainPem,
      keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      names: [...names.dnsNames, ...names.ipAddresses],
      notBefore: record.notBefore,
      notAfter: record.notAfter,
    };
    await ports.store(certificate);
    return { certificate, isNew: true };
  };

const requestFor = (
  profile: Profile,
  facts: { readonly names: CertificateNames; readonly privateKey: KeyObject; readonly now: Date },
): IssueRequest => ({
  profile,
  subject: { names: facts.names, hostName: null, keylimeUuid: null, principal: null, hardwareSerial: null },
  key: {
    subjectPublicKeyInfo: createPublicKey(facts.privateKey).export({ type: 'spki', format: 'der' }),
    keyType: 'ec-p256',
    origin: 'software',
  },
  holder: { kind: 'service' },
  principal: 'service',
  lineageId: null,
  conversationId: null,
  idempotency: null,
  now: facts.now,
});
