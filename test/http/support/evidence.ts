// The evidence of an enrolled host, with every part that it can have.
import { createHash } from 'node:crypto';
import type { EvidenceResource } from '../../../src/domain/evidence-wire.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const time = '2026-01-02T03:04:05Z';

export const evidence: EvidenceResource = {
  certificate: sha256('certificate'),
  subject: 'tower.example.org',
  serial: '0badc0de',
  profile: { name: 'devid', digest: sha256('profile'), unchanged: true },
  principal: 'device:33333333-3333-4333-8333-333333333333',
  device: '33333333-3333-4333-8333-333333333333',
  hostName: 'tower.example.org',
  lineage: '44444444-4444-4444-8444-444444444444',
  spkiSha256: sha256('key'),
  recordedAt: time,
  issuedAt: time,
  request: {
    kind: 'enrollment',
    id: '11111111-1111-4111-8111-111111111111',
    hostName: 'tower.example.org',
    startedAt: time,
    checkedAt: time,
    allowedBy: {
      kind: 'token',
      id: '55555555-5555-4555-8555-555555555555',
      by: 'operator:anna:66666666-6666-4666-8666-666666666666',
      at: time,
    },
    asked: [
      { profile: 'devid', key: 'devid', dnsNames: null, ipAddresses: null },
      { profile: 'keylime-agent', key: 'csr', dnsNames: ['tower.example.org'], ipAddresses: ['10.0.0.7'] },
    ],
  },
  tpm: {
    manufacturer: '49465800',
    model: 'SLB9670',
    version: 'id:00070055',
    ekFingerprint: sha256('ek'),
    exception: null,
    validity: 'enforced',
    path: [
      { sha256: sha256('ek certificate'), subject: '', notBefore: time, notAfter: time },
      { sha256: sha256('vendor root'), subject: 'Infineon OPTIGA(TM) RSA Root CA', notBefore: time, notAfter: null },
    ],
    akName: `000b${sha256('ak')}`,
    certifications: [
      {
        role: 'devid',
        name: `000b${sha256('devid')}`,
        spkiSha256: sha256('key'),
        qualifiedSigner: `000b${sha256('qualified')}`,
        extraData: sha256('statement'),
        firmwareVersion: '0007005500000000',
        clock: '123456789',
        resetCount: 12,
        restartCount: 0,
        safe: true,
      },
    ],
  },
  checks: [
    { check: 'endorsementKey', detail: 'the EK follows its template', outcome: 'verified' },
    { check: 'activation', detail: 'the TPM with this EK opened a challenge', outcome: 'recorded' },
  ],
  again: { state: 'verifies' },
  confirmations: [
    { at: time, by: 'host', principal: 'device:33333333-3333-4333-8333-333333333333', observed: null },
    { at: time, by: 'operator', principal: 'operator:anna:66666666-6666-4666-8666-666666666666', observed: null },
  ],
};
