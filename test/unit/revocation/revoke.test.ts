// Who may revoke what, and that a second time changes nothing.
import { describe, expect, test } from '@jest/globals';
import type { CertificateRecord, ReasonCode } from '../../../src/domain/certificate.ts';
import { noLimits, type OperatorRole, type Principal, principalText } from '../../../src/domain/principal.ts';
import type { CertificateResource } from '../../../src/domain/wire.ts';
import { revokeCertificate, type RevokePorts } from '../../../src/revocation/revoke.ts';

const now = new Date('2026-11-23T12:00:00Z');
const operator = (role: OperatorRole, tokenId: string): Extract<Principal, { kind: 'operator' }> => ({
  kind: 'operator',
  tokenId,
  name: 'deploy',
  role,
  limits: noLimits,
});

/** One certificate that token "1" asked for, in a store that keeps a revocation once. */
function world() {
  let record = {
    fingerprint: 'ab'.repeat(32),
    principal: principalText(operator('issuer', '1')),
    status: { kind: 'good' },
  } as CertificateRecord;
  const asked: { reasonCode: ReasonCode; by: string }[] = [];
  const ports: RevokePorts = {
    findCertificate: async (name) => (name === record.fingerprint ? record : null),
    resourceOf: ({ fingerprint, status }) =>
      ({
        certificate: fingerprint,
        status: status.kind,
        reasonCode: status.kind === 'revoked' ? status.reasonCode : null,
      }) as CertificateResource,
    revokeCertificate: async (_fingerprint, { reasonCode, at, by }) => {
      asked.push({ reasonCode, by });
      if (record.status.kind === 'revoked') return 0;
      record = { ...record, status: { kind: 'revoked', reasonCode, at } };
      return 1;
    },
  };
  const revoke = (principal: Extract<Principal, { kind: 'operator' }>, cert = 'ab'.repeat(32)) =>
    revokeCertificate(ports)({ cert, reasonCode: 'superseded', principal }, { now });
  return { revoke, asked };
}

describe('a revocation', () => {
  test('by an admin is done once, and the second time says so', async () => {
    const { revoke, asked } = world();
    const first = await revoke(operator('admin', '9'));
    expect(first).toMatchObject({ ok: true, value: { changed: true, status: 'revoked', reasonCode: 'superseded' } });
    expect(await revoke(operator('admin', '9'))).toMatchObject({
      ok: true,
      value: { changed: false, revokedSerials: 0, status: 'revoked' },
    });
    expect(asked[0]).toEqual({ reasonCode: 'superseded', by: 'operator:deploy:9' });
  });

  test('by an issuer is for what the same token asked for, and for nothing else', async () => {
    const { revoke, asked } = world();
    expect(await revoke(operator('issuer', '2'))).toMatchObject({
      ok: false,
      error: { reason: 'issuedBySomebodyElse' },
    });
    expect(asked).toEqual([]);
    expect(await revoke(operator('issuer', '1'))).toMatchObject({ ok: true, value: { changed: true } });
  });

  test('of a certificate that is not there is refused', async () => {
    const { revoke } = world();
    expect(await revoke(operator('admin', '9'), 'cd'.repeat(32))).toMatchObject({
      ok: false,
      error: { reason: 'notFound' },
    });
  });
});
