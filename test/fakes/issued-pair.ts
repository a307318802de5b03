// Certificates with their own software keys, as a service would have answered them and a host would have checked them:
// what an installation begins with. Times are the authority's of test/unit/x509/.
import { createHash } from 'node:crypto';
import type { CheckedCertificate } from '../../src/agent/check-issued.ts';
import type { PlacementInput } from '../../src/agent/places.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { type Ca, ca, issued, p256, serverPlan, spkiOf } from '../unit/x509/authority.ts';

/** An instant at which all of them are valid. */
export const validAt = new Date('2026-11-10T00:00:00Z');

export type TestEstate = { readonly root: Ca; readonly issuing: Ca };

/** A root and an issuing CA. */
export function testEstate(): TestEstate {
  const root = ca('Eye of Thundera');
  return { root, issuing: ca('Book of Omens', { issuer: root }) };
}

type Wishes = { readonly profile?: string; readonly notBefore?: Date; readonly notAfter?: Date };

/** A certificate of this estate for a fresh key, with what is installed beside it. */
export function issuedPair({ root, issuing }: TestEstate, wishes: Wishes = {}): PlacementInput {
  const { profile = 'keylime-agent', ...dates } = wishes;
  const keys = p256();
  const der = issued(serverPlan({ profile, subjectPublicKeyInfo: spkiOf(keys.publicKey), ...dates }), issuing);
  const leafPem = encodePem('CERTIFICATE', der);
  const chainPem = encodePem('CERTIFICATE', issuing.der);
  const privateKeyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const checked: CheckedCertificate = {
    wanted: { profile, dnsNames: null, key: { kind: 'software', privateKeyPem } },
    resource: {
      ...{ profile, lineage: 'lineage', certificate: leafPem, chain: chainPem },
      ...{ notAfter: '2027-01-29T23:59:59Z', renewAt: '2026-12-31T00:00:00Z' },
    },
    ...{ leafPem, chainPem },
    certificateSha256: createHash('sha256').update(der).digest('hex'),
    notAfter: new Date('2027-01-29T23:59:59Z'),
    isUnderPinnedRoot: true,
  };
  return { checked, root: root.der, devId: null };
}

/** The private key of such a pair. */
export const keyOf = ({ checked: { wanted } }: PlacementInput): string =>
  wanted.key.kind === 'software' ? wanted.key.privateKeyPem : '';
