// The last look at a certificate before anybody gets it: the octets that were recorded, a signature that verifies, and
// readers that do not share our code saying the same as the plan.
import type { KeyObject } from 'node:crypto';
import type { Plan } from '../domain/plan.ts';
import { lintCertificate } from '../x509/lint.ts';
import { disagreements, type ExpectedReading, type Reading, readByOpenssl } from '../x509/second-opinion.ts';
import { tbsOctets } from '../x509/certificate.ts';
import type { ActiveIssuer } from './active-issuer.ts';
import type { Intent } from './records.ts';

export type IssuedToVerify = {
  readonly der: Uint8Array;
  readonly plan: Plan;
  readonly intent: Intent;
  readonly issuer: ActiveIssuer;
  /** One certificate in so many is also read by @peculiar/x509 and pkijs. */
  readonly sampling: number;
};

/** Everything that is wrong with an issued certificate; empty when it may be handed out. */
export async function verifyIssued(issued: IssuedToVerify): Promise<readonly string[]> {
  const { der, plan, intent, issuer, sampling } = issued;
  const tbs = tbsOctets(der);
  if (tbs === null || Buffer.compare(tbs, intent.tbsCertificate) !== 0) {
    return ['the signed octets are not those that were recorded'];
  }
  const own = lintCertificate(der, { plan, issuer }).map((finding) => `${finding.reason}: ${finding.detail}`);
  const expected = { plan, serialNumber: intent.serialNumber };
  const openssl = await opinion('OpenSSL', expected, async () => readByOpenssl(der, issuer.publicKey));
  return [...own, ...openssl, ...(isSampled(intent, sampling) ? await libraries(der, expected, issuer.publicKey) : [])];
}

/** What a reader says against the plan. One that cannot read the certificate at all is the strongest disagreement. */
export async function opinion(
  reader: string,
  expected: ExpectedReading,
  read: () => Promise<Reading>,
): Promise<readonly string[]> {
  try {
    return disagreements(expected, await read());
  } catch (error) {
    return [`${reader} cannot read it: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Drawn from the serial number, which is random: no second source of chance, and the draw can be repeated. */
const isSampled = (intent: Intent, sampling: number): boolean =>
  Number.parseInt(intent.serialNumber.slice(-8), 16) % sampling === 0;

/** The two libraries are heavy, so they are loaded with the first certificate that is drawn. */
async function libraries(der: Uint8Array, expected: ExpectedReading, key: KeyObject): Promise<readonly string[]> {
  const { readByPeculiar, readByPkijs } = await import('../x509/library-opinions.ts');
  return [
    ...(await opinion('@peculiar/x509', expected, () => readByPeculiar(der, key))),
    ...(await opinion('pkijs', expected, () => readByPkijs(der, key))),
  ];
}
