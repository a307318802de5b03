import { beforeAll, describe, expect, test } from '@jest/globals';
import type { ActiveIssuer } from '../../../src/issuance/active-issuer.ts';
import { lintAndSignCrl } from '../../../src/issuance/sign-crl.ts';
import {
  crlLifetimeSeconds,
  type CrlPorts,
  type CrlRecord,
  isCrlCurrent,
  keepCrl,
} from '../../../src/revocation/crl.ts';
import { readCrl } from '../../../src/x509/crl.ts';
import { activeIssuer, makeEstate, now, seconds } from '../issuance/scene.ts';

let issuer: ActiveIssuer;

beforeAll(async () => {
  issuer = activeIssuer(await makeEstate());
});

type Entry = { readonly serialNumber: string; readonly reasonCode: string; readonly revokedAt: Date };

function memory(entries: readonly Entry[] = []): CrlPorts & { readonly crls: CrlRecord[] } {
  const crls: CrlRecord[] = [];
  return {
    crls,
    newestCrl: async () => crls.at(-1) ?? null,
    crlEntries: async () => entries,
    insertCrl: async (_, crl) => {
      if (crls.some(({ number }) => number === crl.number)) return false;
      crls.push(crl);
      return true;
    },
    lintAndSign: lintAndSignCrl(issuer),
  };
}

const keep = (ports: CrlPorts, at: Date) =>
  keepCrl(ports)(
    {
      id: issuer.id,
      tbs: {
        nameDer: issuer.nameDer,
        keyIdentifier: issuer.keyIdentifier,
        signatureAlgorithm: issuer.signer.algorithm,
      },
    },
    at,
  );

describe('the CRL of an issuer', () => {
  test('exists before anything is revoked, numbered from one', async () => {
    const ports = memory();
    const kept = await keep(ports, now);
    const crl = kept.ok ? readCrl(kept.value.der) : null;
    expect(crl?.ok && [crl.value.crlNumber, crl.value.revoked.length]).toEqual([1n, 0]);
  });

  test('is renewed after a day, two days before it would end', async () => {
    const ports = memory();
    await keep(ports, now);
    await keep(ports, seconds(86_399));
    expect(ports.crls).toHaveLength(1);
    await keep(ports, seconds(86_400));
    expect(ports.crls.map(({ number }) => number)).toEqual([1, 2]);
    expect(ports.crls[1]!.nextUpdate).toEqual(seconds(86_400 + crlLifetimeSeconds));
  });

  test('lists a revocation as soon as there is one', async () => {
    const entries: Entry[] = [];
    const ports = memory(entries);
    await keep(ports, now);
    entries.push({ serialNumber: 'c0ffee', reasonCode: 'keyCompromise', revokedAt: seconds(10) });
    const kept = await keep(ports, seconds(60));
    const crl = kept.ok ? readCrl(kept.value.der) : null;
    expect(crl?.ok && crl.value.revoked).toMatchObject([{ serialNumber: 'c0ffee', reasonCode: 'keyCompromise' }]);
    await keep(ports, seconds(120));
    expect(ports.crls).toHaveLength(2);
  });

  test('of two servers that make one at once, the first is served by both', async () => {
    const ports = memory();
    const [one, two] = await Promise.all([keep(ports, now), keep(ports, now)]);
    expect(one.ok && two.ok && Buffer.compare(one.value.der, two.value.der)).toBe(0);
    expect(ports.crls).toHaveLength(1);
  });

  test('lists a revocation that was committed after it was made, with a date before it', async () => {
    const entries: Entry[] = [{ serialNumber: 'c0ffee', reasonCode: 'superseded', revokedAt: seconds(10) }];
    const ports = memory(entries);
    await keep(ports, seconds(60));
    entries.unshift({ serialNumber: '0badcafe', reasonCode: 'unspecified', revokedAt: seconds(5) });
    const kept = await keep(ports, seconds(120));
    const crl = kept.ok ? readCrl(kept.value.der) : null;
    expect(crl?.ok && crl.value.revoked.map(({ serialNumber }) => serialNumber)).toContain('0badcafe');
  });

  test('is not current when it lacks a revocation or its reason, is a day old, or cannot be read', async () => {
    const coffee = { serialNumber: 'c0ffee', reasonCode: 'superseded', revokedAt: now };
    const kept = await keep(memory([coffee]), now);
    const crl = kept.ok ? kept.value : null;
    expect(isCrlCurrent(crl, [coffee], seconds(1))).toBe(true);
    expect(isCrlCurrent(crl, [], seconds(1))).toBe(true);
    expect(isCrlCurrent(crl, [{ ...coffee, reasonCode: 'keyCompromise' }], seconds(1))).toBe(false);
    expect(isCrlCurrent(crl, [coffee, { ...coffee, serialNumber: '0badcafe' }], seconds(1))).toBe(false);
    expect(isCrlCurrent(crl, [coffee], seconds(86_400))).toBe(false);
    expect(isCrlCurrent(crl && { ...crl, der: new Uint8Array() }, [], seconds(1))).toBe(false);
    expect(isCrlCurrent(null, [], now)).toBe(false);
  });
});
