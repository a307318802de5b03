// CRLs: what is revoked, signed and renewed long before it ends, since relying parties fail closed on a CRL that lapsed
// because nothing happened. The signing gate is handed in.
import type { ReasonCode } from '../domain/certificate.ts';
import { wholeSeconds } from '../domain/plan.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { SerialNumber } from '../domain/serial.ts';
import { buildTbsCertList, readCrl } from '../x509/crl.ts';
import { assembleCertificate, type TbsIssuer } from '../x509/tbs-certificate.ts';

/** A CRL ends after three days and is renewed after a day: two days to repair whatever keeps it from being renewed. */
export const crlLifetimeSeconds = 3 * 86_400;
const crlRenewalSeconds = 86_400;

export type CrlRecord = {
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly der: Uint8Array;
};

export type CrlPorts = {
  readonly newestCrl: (issuerId: string) => Promise<CrlRecord | null>;
  readonly crlEntries: (
    issuerId: string,
    endedBefore: Date,
  ) => Promise<readonly { readonly serialNumber: string; readonly reasonCode: string; readonly revokedAt: Date }[]>;
  /** False when another server stored this number first. */
  readonly insertCrl: (issuerId: string, crl: CrlRecord) => Promise<boolean>;
  /** Lints and signs, with the issuer's key, exactly these octets. */
  readonly lintAndSign: (
    tbs: Uint8Array,
    findings: (assembled: Uint8Array) => readonly Refusal[],
  ) => Promise<Result<Uint8Array, readonly Refusal[]>>;
};

/**
 * Whether the newest CRL still serves: it is young, and it lists everything that is revoked, for its reason. Pure. The dates of
 * revocations do not tell: one may be committed after a CRL was made, with a date before it.
 */
export function isCrlCurrent(
  crl: CrlRecord | null,
  revoked: readonly { readonly serialNumber: string; readonly reasonCode: string }[],
  now: Date,
): boolean {
  if (crl === null || now.getTime() >= crl.thisUpdate.getTime() + crlRenewalSeconds * 1000) return false;
  const read = readCrl(crl.der);
  const listed = new Set((read.ok ? read.value.revoked : []).map(entryKey));
  return read.ok && revoked.every((entry) => listed.has(entryKey(entry)));
}

const entryKey = (entry: { readonly serialNumber: string; readonly reasonCode: string }): string =>
  `${entry.serialNumber} ${entry.reasonCode}`;

/**
 * Makes a new CRL of an issuer when the newest is not current; resolves to the one that serves now.
 * A revoked certificate stays listed until one CRL after its end (RFC 5280 §3.3).
 */
export const keepCrl =
  (ports: CrlPorts) =>
  async (
    issuer: { readonly id: string; readonly tbs: TbsIssuer },
    now: Date,
  ): Promise<Result<CrlRecord, readonly Refusal[]>> => {
    const newest = await ports.newestCrl(issuer.id);
    const endedBefore = new Date(now.getTime() - 2 * crlLifetimeSeconds * 1000);
    const entries = await ports.crlEntries(issuer.id, endedBefore);
    if (newest !== null && isCrlCurrent(newest, entries, now)) return ok(newest);

    const thisUpdate = wholeSeconds(now);
    const number = (newest?.number ?? 0) + 1;
    const plan = {
      crlNumber: BigInt(number),
      thisUpdate,
      nextUpdate: new Date(thisUpdate.getTime() + crlLifetimeSeconds * 1000),
      revoked: entries.map((entry) => ({
        serialNumber: entry.serialNumber as SerialNumber,
        revokedAt: entry.revokedAt,
        reasonCode: entry.reasonCode as ReasonCode,
      })),
    };
    const tbs = buildTbsCertList(plan, issuer.tbs);
    const signature = await ports.lintAndSign(tbs, (der) => crlFindings(der, plan));
    if (!signature.ok) return signature;
    const der = assembleCertificate(tbs, issuer.tbs.signatureAlgorithm, signature.value);
    const crl: CrlRecord = { number, thisUpdate, nextUpdate: plan.nextUpdate, der };
    if (await ports.insertCrl(issuer.id, crl)) return ok(crl);
    const theirs = await ports.newestCrl(issuer.id);
    return theirs === null ? err([{ reason: 'crlNotStored', detail: 'the CRL was not stored' }]) : ok(theirs);
  };

/** Reads a CRL back and holds it against its plan (RFC 5280 §5.1, §5.2). */
function crlFindings(
  der: Uint8Array,
  plan: { readonly crlNumber: bigint; readonly nextUpdate: Date; readonly revoked: readonly unknown[] },
): readonly Refusal[] {
  const read = readCrl(der);
  if (!read.ok) return [read.error];
  const crl = read.value;
  const faults = [
    crl.crlNumber === plan.crlNumber ? null : 'its number is not the planned one',
    crl.nextUpdate.getTime() === plan.nextUpdate.getTime() ? null : 'nextUpdate is not the planned one',
    crl.revoked.length === plan.revoked.length ? null : 'it does not list everything',
    crl.authorityKeyIdentifier === null ? 'it has no authorityKeyIdentifier' : null,
  ];
  return faults.flatMap((detail) => (detail === null ? [] : [{ reason: 'crl', detail }]));
}
