// What TLS clients make of a served chain, where OpenSSL's own certificates do not go: faults that strict clients alone see,
// two CAs of one name, and a server that would keep us busy. The ordinary cases: test/interop/endpoints.test.ts.
import { describe, expect, test } from '@jest/globals';
import { type Certificate, readCertificate } from '../../../src/x509/certificate.ts';
import { clientFaults, type TlsClient } from '../../../src/x509/client-paths.ts';
import { ca, type Ca, issued, p256, serverPlan, spkiOf, start } from './authority.ts';

const root = ca('Eye of Thundera');
const issuing = ca('Book of Omens', { issuer: root });
const leaf = (issuer: Ca): Uint8Array => issued(serverPlan({ subjectPublicKeyInfo: spkiOf(p256().publicKey) }), issuer);
const certificate = ({ der }: { readonly der: Uint8Array }): Certificate => {
  const read = readCertificate(der);
  if (!read.ok) throw new Error(read.error.detail);
  return read.value;
};
const nameIn = (der: Uint8Array): string => {
  const name = certificate({ der }).subjectAltName?.find(({ kind }) => kind === 'dNSName');
  return name?.kind === 'dNSName' ? name.value : '';
};

type Case = { readonly chain: readonly Uint8Array[]; readonly anchors: readonly Ca[]; readonly at?: number };
const faults = ({ chain, anchors, at = start }: Case, clients: readonly TlsClient[] = ['strict', 'go', 'firstPem']) =>
  clientFaults({
    ...{ chain, clients, anchors: anchors.map(certificate), now: new Date(at) },
    serverName: nameIn(chain[0]!),
  });
const failing = (one: Case): readonly string[] => faults(one).map(({ client }) => client);

describe('a client', () => {
  const der = leaf(issuing);

  test('verifies leaf and issuing CA under the root', () => {
    expect(faults({ chain: [der, issuing.der], anchors: [root] })).toEqual([]);
  });

  test('of Go takes an issuing CA in its file for an anchor, others want a root', () => {
    expect(failing({ chain: [der, issuing.der], anchors: [issuing] })).toEqual(['strict', 'firstPem']);
  });

  test('does not take a CA of the same name for the one that signed', () => {
    const namesake = ca('Eye of Thundera');
    expect(failing({ chain: [der, issuing.der], anchors: [namesake] })).toEqual(['strict', 'go', 'firstPem']);
    expect(failing({ chain: [der, issuing.der], anchors: [namesake, root] })).toEqual(['firstPem']);
  });

  test('of any kind sees that a certificate ended, is for another name, or cannot be read', () => {
    const late = start + 4000 * 86_400_000;
    expect(faults({ chain: [der, issuing.der], anchors: [root], at: late })[0]).toMatchObject({
      client: 'every',
      detail: expect.stringMatching(/expired at/),
    });
    const served = { chain: [der], anchors: [], clients: [], now: new Date(start) };
    expect(clientFaults({ ...served, serverName: 'other.example.org' })).toEqual([
      { client: 'every', detail: expect.stringMatching(/is not for other\.example\.org/) },
    ]);
    expect(clientFaults({ ...served, chain: [Uint8Array.of(0x30, 0)], serverName: 'x' })).toMatchObject([
      { client: 'every' },
    ]);
    expect(clientFaults({ ...served, chain: [], serverName: 'x' })).toMatchObject([{ client: 'every' }]);
  });

  test('gives up on CAs of one name and one key that lead in circles', () => {
    const keys = p256();
    const circle = Array.from({ length: 15 }, () => ca('Round and round', { keys }));
    const stranger = leaf(circle[0]!);
    const began = performance.now();
    const found = faults({ chain: [stranger, ...circle.map((one) => one.der)], anchors: [root] });
    expect(found.map(({ client }) => client)).toEqual(['strict', 'go', 'firstPem']);
    expect(performance.now() - began).toBeLessThan(3000);
  });
});
