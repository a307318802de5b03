// What is revoked: one certificate, all of a compromised key, or all of a device. Reads of revocations are in
// certificates.ts; CRLs in issuers.ts.
import type { ReasonCode } from '../domain/certificate.ts';
import type { Database, RawRow, Session } from './pool.ts';
import { text, textOrNull } from './row.ts';
import { keepServingIn, lockLineagesIn, lockLineagesOfDeviceIn } from './serving.ts';
import { statement } from './statement.ts';

/** Why, when and by whom. */
export type RevocationFacts = { readonly reasonCode: ReasonCode; readonly at: Date; readonly by: string };

type Serial = { readonly issuerId: string; readonly serialNumber: string; readonly lineageId: string | null };

const serial = (row: RawRow): Serial => ({
  issuerId: text(row, 'issuer_id'),
  serialNumber: text(row, 'serial_number'),
  lineageId: textOrNull(row, 'lineage_id'),
});
const compromiseKey = statement<[string, Date], string>('compromise_key.sql', (row) => text(row, 'spki_sha256'));
const serialsOfCertificate = statement<[string, boolean], Serial>('serials_of_certificate.sql', serial);
const serialsOfDevice = statement<[string, Date], Serial>('serials_of_device.sql', serial);
const revoke = statement<readonly unknown[], string | null>('revoke.sql', (row) => textOrNull(row, 'fingerprint'));

async function revokeSerials(
  tx: Session,
  serials: readonly Serial[],
  { reasonCode, at, by }: RevocationFacts,
): Promise<number> {
  if (serials.length === 0) return 0;
  const issuers = serials.map(({ issuerId }) => issuerId);
  const numbers = serials.map(({ serialNumber }) => serialNumber);
  return (await revoke(tx, [issuers, numbers, reasonCode, at, by])).length;
}

/**
 * Revokes everything of a device that has not ended, in the caller's transaction. The device's row must have been changed
 * before, so that no issuance is recorded meanwhile.
 */
export async function revokeDevice(tx: Session, deviceId: string, facts: RevocationFacts): Promise<number> {
  const lineages = await lockLineagesOfDeviceIn(tx, deviceId);
  const revoked = await revokeSerials(tx, await serialsOfDevice(tx, [deviceId, facts.at]), facts);
  await keepServingIn(tx, lineages);
  return revoked;
}

/** Revocation of certificates in a database. */
export const revocationStore = (db: Database) => ({
  /**
   * Revokes a certificate; for keyCompromise its key is marked first, and everything of that key goes with it. Resolves to
   * how many serial numbers changed: 0 when it was revoked before.
   */
  revokeCertificate: (fingerprint: string, facts: RevocationFacts): Promise<number> =>
    db.transaction(async (tx) => {
      const isCompromised = facts.reasonCode === 'keyCompromise';
      if (isCompromised) await compromiseKey(tx, [fingerprint, facts.at]);
      const serials = await serialsOfCertificate(tx, [fingerprint, isCompromised]);
      const lineages = [...new Set(serials.flatMap(({ lineageId }) => lineageId ?? []))];
      await lockLineagesIn(tx, lineages);
      const revoked = await revokeSerials(tx, serials, facts);
      await keepServingIn(tx, lineages);
      return revoked;
    }),
});
