// An issuing CA, a profile and a request of the ordinary case; a test states only its difference.
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Profile } from '../../../src/domain/profile.ts';
import { renewAt } from '../../../src/domain/renewal.ts';
import type { ActiveIssuer } from '../../../src/issuance/active-issuer.ts';
import { makeTrustDomain, type MadeTrustDomain } from '../../../src/issuance/ceremony.ts';
import type { IssuancePorts, IssueRequest } from '../../../src/issuance/issue.ts';
import { signerFor } from '../../../src/issuers/signer.ts';
import { readCertificate } from '../../../src/x509/certificate.ts';
import { fakeIssuanceStore } from '../../fakes/issuance-store.ts';

export const now = new Date(Date.UTC(2026, 10, 23, 12));

export const seconds = (count: number): Date => new Date(now.getTime() + count * 1000);

/** A server profile of 24 hours in the estate. */
export const profile = (over: Partial<Profile> = {}): Profile => ({
  name: 'nginx-vhost',
  digest: 'd'.repeat(64),
  description: 'a test',
  domain: 'estate',
  obtainedBy: ['operator', 'device'],
  keyOrigin: 'software',
  keyTypes: ['ec-p256', 'rsa-2048'],
  lifetimeSeconds: 86_400,
  backdateSeconds: 60,
  commonName: 'firstDnsName',
  allowedNames: { dnsNames: [{ subdomainsOf: 'example.org' }], ipAddresses: [{ cidr: '10.0.0.0/8' }], uris: [] },
  fixedNames: { dnsNames: [], ipAddresses: [], uris: [] },
  hardwareModuleName: false,
  keyUsage: ['digitalSignature'],
  extendedKeyUsage: ['serverAuth'],
  certificatePolicies: [],
  authorityInformationAccess: 'issuer',
  crlDistributionPoint: 'issuer',
  maxPemCharacters: null,
  ...over,
});

export const freshSpki = (): Uint8Array =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });

export const request = (over: Partial<IssueRequest> = {}): IssueRequest => ({
  profile: profile(),
  subject: {
    names: { dnsNames: ['www.example.org'], ipAddresses: ['10.1.2.3'], uris: [] },
    hostName: 'www.example.org',
    keylimeUuid: null,
    principal: 'alice',
    hardwareSerial: null,
  },
  key: { subjectPublicKeyInfo: freshSpki(), keyType: 'ec-p256', origin: 'software' },
  holder: { kind: 'operator' },
  principal: 'operator:alice:1',
  lineageId: null,
  conversationId: null,
  idempotency: null,
  now,
  ...over,
});

export const makeEstate = (keyType: 'ec-p256' | 'rsa-4096' = 'ec-p256'): Promise<MadeTrustDomain> =>
  makeTrustDomain({ domain: 'estate', keyType, plainUrl: 'http://127.0.0.1:8080', random: (n) => randomBytes(n), now });

export function activeIssuer(made: MadeTrustDomain): ActiveIssuer {
  const certificate = readCertificate(made.issuing.der);
  if (!certificate.ok) throw new Error(certificate.error.detail);
  const { subject, subjectKeyIdentifier, notBefore, notAfter } = certificate.value;
  return {
    id: made.issuing.id,
    domain: made.issuing.domain,
    der: made.issuing.der,
    nameDer: subject.der,
    keyIdentifier: subjectKeyIdentifier!,
    notBefore,
    notAfter,
    publicKey: createPublicKey(made.issuingKey),
    signer: signerFor(made.issuingKey),
    issuerUrl: `http://127.0.0.1:8080/issuers/${made.issuing.id}.cer`,
    crlUrl: `http://127.0.0.1:8080/crl/${made.issuing.subjectKeyIdentifier}.crl`,
  };
}

/** Ports over a fresh fake store; every certificate gets every opinion. */
export const portsOf = (
  issuer: ActiveIssuer,
  store = fakeIssuanceStore(),
): IssuancePorts & { store: typeof store } => ({
  issuerFor: () => issuer,
  chainPemOf: () => '',
  random: (octets) => randomBytes(octets),
  drawRenewal: renewAt,
  store,
  secondOpinionSampling: 1,
  leaseSeconds: 30,
});
