// What a host takes as trust anchors, from a server that may be anybody.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { takeTrustBundle, type TrustInput, type TrustTaken } from '../../../src/agent/take-trust-bundle.ts';
import { anchorsFor, type HostTrust, loadTrust, saveTrust, trustApplied } from '../../../src/agent/trust.ts';
import type { AnchorApi } from '../../../src/client/api.ts';
import type { ClientFault } from '../../../src/client/connection.ts';
import type { TrustDomain } from '../../../src/domain/profile.ts';
import { err, ok, type Result } from '../../../src/domain/result.ts';
import { signTrustBundle } from '../../../src/issuance/sign-trust-bundle.ts';
import { sha256Hex } from '../../../src/x509/digest.ts';
import { decodePem, encodePem } from '../../../src/x509/pem.ts';
import { readAnchor, type ReadAnchor } from '../../../src/x509/signed-trust-bundle.ts';
import { ca, type Ca } from '../x509/authority.ts';

const now = new Date('2026-11-26T10:00:00Z');
const eye = ca('Eye of Thundera');
const book = ca('Book of Omens', { issuer: eye });
const controlRoot = ca('Keylime Control Root');
const controlCa = ca('Keylime Control CA', { issuer: controlRoot, domain: 'keylime-control' });
const nextEye = ca('Eye of Thundera');
const stranger = ca('Eye of Thundera');

const digest = ({ der }: Pick<Ca, 'der'>): string => sha256Hex(der);
const pem = ({ der }: Pick<Ca, 'der'>): string => encodePem('CERTIFICATE', der);
const anchor = (domain: TrustDomain, one: Ca): ReadAnchor => {
  const read = readAnchor(domain, pem(one));
  if (!read.ok) throw new Error(read.error.detail);
  return read.value;
};
const estate = anchor('estate', eye);
const control = anchor('keylime-control', controlRoot);

type Offer = { readonly generation: number; readonly bundle: string };
async function offer(over: { generation?: number; anchors?: readonly ReadAnchor[]; by?: Ca } = {}): Promise<Offer> {
  const { generation = 1, anchors = [estate, control], by = eye } = over;
  const cms = await signTrustBundle({
    ...{ generation, anchors, now },
    root: anchor('estate', by),
    rootKey: by.keys.privateKey,
  });
  if (!cms.ok) throw new Error(cms.error.map(({ detail }) => detail).join());
  return { generation, bundle: encodePem('CMS', cms.value) };
}

const missing: Result<never, ClientFault> = err({
  reason: 'problem',
  detail: 'there is no such trust bundle',
  problem: { type: 'x/notFound', title: '', status: 404, detail: 'there is no such trust bundle', instance: '' },
  retryAfterSeconds: null,
});
const silence: Result<never, ClientFault> = err({ reason: 'serverUnreachable', detail: 'ECONNREFUSED' });

type Tree = { readonly ca: Ca; readonly domain: TrustDomain; readonly root: Ca };
const ourTree: readonly Tree[] = [
  { ca: book, domain: 'estate', root: eye },
  { ca: controlCa, domain: 'keylime-control', root: controlRoot },
];

/** A server with these bundles and CAs; `asked` holds the generations it was asked to follow. */
function server(offers: readonly Offer[], trees: readonly Tree[] = ourTree): AnchorApi & { readonly asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    trustBundle: async ({ after = 0 }) => {
      asked.push(after);
      const found = offers.find(({ generation }) => generation > after);
      return found === undefined ? missing : ok({ ...found, createdAt: '', signedBy: '', anchors: [] });
    },
    listIssuers: async () =>
      ok({
        items: trees.map((tree) => ({
          ...{ id: digest(tree.ca), trustDomain: tree.domain, role: 'issuing' as const, subject: '' },
          ...{ subjectKeyIdentifier: '', notBefore: '', notAfter: '', active: true },
        })),
        next: null,
      }),
    issuerPem: async (id, part) => {
      const tree = trees.find((one) => digest(one.ca) === id || digest(one.root) === id);
      if (tree === undefined) return missing;
      return ok(part === 'root' ? pem(tree.root) : pem(tree.ca));
    },
  };
}

const fresh: TrustInput = { held: null, pinnedSha256: digest(eye), local: [] };
async function take(api: AnchorApi, input: TrustInput = fresh): Promise<TrustTaken> {
  const taken = await takeTrustBundle(api, input);
  if (!taken.ok) throw new Error(taken.error.detail);
  return taken.value;
}
const names = (trust: HostTrust): readonly string[] => trust.anchors.map(({ from, sha256 }) => `${from} ${sha256}`);
const reasons = ({ refused }: TrustTaken): readonly string[] => refused.map(({ reason }) => reason);

describe('a host that was just enrolled', () => {
  test('knows its root by the digest it was given, and the CA below it, before there is a bundle', async () => {
    const { trust, changed, refused } = await take(server([]));
    expect(names(trust)).toEqual([`enrollment ${digest(eye)}`]);
    expect(trust.authorities.map(({ sha256 }) => sha256)).toEqual([digest(book)]);
    expect({ generation: trust.generation, changed, refused }).toEqual({
      generation: 0,
      changed: ['estate'],
      refused: [],
    });
  });

  test('takes the control root from a bundle that its root has signed, and from then on the CA below it', async () => {
    const { trust, changed, refused } = await take(server([await offer()]));
    expect(names(trust)).toEqual([`bundle ${digest(eye)}`, `bundle ${digest(controlRoot)}`]);
    expect({ generation: trust.generation, changed, refused }).toEqual({
      generation: 1,
      changed: ['estate', 'keylime-control'],
      refused: [],
    });
    expect(anchorsFor(trust, 'keylime-control')).toEqual({
      rootsPem: pem(controlRoot),
      authoritiesPem: pem(controlCa),
    });
    expect(anchorsFor(trust, 'estate')).toEqual({ rootsPem: pem(eye), authoritiesPem: pem(book) });
  });

  test('gets no root from a server that gives another certificate for the digest', async () => {
    const { trust, ...taken } = await take({ ...server([]), issuerPem: async () => ok(pem(stranger)) });
    expect(trust.anchors).toEqual([]);
    expect(reasons({ trust, ...taken })).toContain('anchorDiffers');
    // It asks again: the next server may be the right one.
    const later = await take(server([]), { ...fresh, held: trust });
    expect(names(later.trust)).toEqual([`enrollment ${digest(eye)}`]);
  });
});

describe('nothing is installed that merely came over TLS', () => {
  test.each<readonly [string, () => Promise<Offer>, string]>([
    [
      'a bundle that a stranger signed',
      () => offer({ by: stranger, anchors: [anchor('estate', stranger)] }),
      'signerNotTrusted',
    ],
    ['the bundle of another estate', () => offer({ by: nextEye, generation: 9 }), 'signerNotTrusted'],
    [
      'a bundle whose content was altered',
      async () => {
        const { bundle } = await offer();
        const der = decodePem(bundle, { labels: ['CMS'], maxCharacters: 80_000, maxBlocks: 1 });
        const octets = Buffer.from(der.ok ? der.value[0]!.der : []);
        octets.write('"generation":2', octets.indexOf('"generation":1'));
        return { generation: 2, bundle: encodePem('CMS', octets) };
      },
      'cmsDigestDiffers',
    ],
    [
      'a bundle with another number beside it',
      async () => ({ ...(await offer()), generation: 5 }),
      'generationDiffers',
    ],
    ['a text that is no bundle', async () => ({ generation: 1, bundle: pem(stranger) }), 'unexpectedPemLabel'],
  ])('%s', async (_, make, reason) => {
    const taken = await take(server([await make()]));
    expect(reasons(taken)).toEqual([reason]);
    expect(names(taken.trust)).toEqual([`enrollment ${digest(eye)}`]);
    expect(anchorsFor(taken.trust, 'keylime-control')).toEqual({ rootsPem: '', authoritiesPem: '' });
  });

  test('an issuing CA that no trusted root has signed', async () => {
    const trees = [{ ca: ca('Book of Omens', { issuer: stranger }), domain: 'estate' as const, root: eye }];
    const taken = await take(server([], trees));
    expect(taken.trust.authorities).toEqual([]);
    expect(reasons(taken)).toEqual(['authorityNotTrusted']);
  });

  test('an issuing CA of one domain under the other', async () => {
    const trees = [
      { ca: book, domain: 'estate' as const, root: eye },
      { ca: book, domain: 'keylime-control' as const, root: eye },
    ];
    const taken = await take(server([await offer()], trees));
    expect(anchorsFor(taken.trust, 'keylime-control').authoritiesPem).toBe('');
    expect(reasons(taken)).toEqual(['authorityNotTrusted']);
  });
});

describe('a host that trusts a bundle', () => {
  let held: HostTrust;
  beforeEach(async () => {
    ({ trust: held } = await take(server([await offer({ generation: 2 })])));
  });

  test('is told nothing new by the same bundle', async () => {
    const api = server([await offer({ generation: 2 })]);
    const taken = await take(api, { ...fresh, held });
    expect({ changed: taken.changed, refused: taken.refused, asked: api.asked }).toEqual({
      changed: [],
      refused: [],
      asked: [2],
    });
    expect(taken.trust).toEqual(held);
  });

  test.each([1, 2])('keeps what it trusts when the server offers generation %d after it', async (generation) => {
    const again = await offer({ generation, anchors: [estate] });
    const api = { ...server([]), trustBundle: async () => ok({ ...again, createdAt: '', signedBy: '', anchors: [] }) };
    const taken = await take(api, { ...fresh, held });
    expect(reasons(taken)).toEqual(['generationNotLarger']);
    expect(taken.trust).toEqual(held);
  });

  test('follows a chain of roots through the generations it has missed, and drops what is no longer listed', async () => {
    const next = anchor('estate', nextEye);
    const offers = [
      await offer({ generation: 3, anchors: [estate, next, control] }),
      await offer({ generation: 4, anchors: [next, control] }),
      await offer({ generation: 5, anchors: [next], by: nextEye }),
    ];
    const tree = [{ ca: ca('Book of Omens', { issuer: nextEye }), domain: 'estate' as const, root: nextEye }];
    const { trust, changed, refused } = await take(server(offers, tree), { ...fresh, held });
    expect(names(trust)).toEqual([`bundle ${digest(nextEye)}`]);
    expect({ generation: trust.generation, changed, refused }).toEqual({
      generation: 5,
      changed: ['estate', 'keylime-control'],
      refused: [],
    });
    // The old root, although pinned at enrollment, can add nothing any more.
    const late = await take(server([await offer({ generation: 6 })], tree), { ...fresh, held: trust });
    expect(reasons(late)).toEqual(['signerNotTrusted']);
  });

  test('that was enrolled under a later root passes over the bundles of an earlier one', async () => {
    const next = anchor('estate', nextEye);
    const offers = [
      await offer({ generation: 1 }),
      await offer({ generation: 2, anchors: [next, control], by: nextEye }),
    ];
    const tree = [{ ca: ca('Book of Omens', { issuer: nextEye }), domain: 'estate' as const, root: nextEye }];
    const taken = await take(server(offers, tree), { ...fresh, pinnedSha256: digest(nextEye) });
    expect([taken.trust.generation, reasons(taken)]).toEqual([2, []]);
  });

  test('changes nothing while the server is away', async () => {
    const away = { ...server([]), trustBundle: async () => silence };
    expect(await takeTrustBundle(away, { ...fresh, held })).toEqual(silence);
  });

  test('that is enrolled under another root begins anew, and gives up what it trusted', async () => {
    const tree = [{ ca: ca('Book of Omens', { issuer: stranger }), domain: 'estate' as const, root: stranger }];
    const taken = await take(server([], tree), { ...fresh, held, pinnedSha256: digest(stranger) });
    expect(names(taken.trust)).toEqual([`enrollment ${digest(stranger)}`]);
    expect([taken.trust.generation, taken.changed]).toEqual([0, ['estate', 'keylime-control']]);
  });

  test('remembers which domains are still to be written, until they are', async () => {
    expect(held.unapplied).toEqual(['estate', 'keylime-control']);
    const again = await take(server([]), { ...fresh, held: { ...held, unapplied: ['keylime-control'] } });
    expect(again.trust.unapplied).toEqual(['keylime-control']);
  });
});

describe("a digest in a host's own file", () => {
  const local = [{ domain: 'keylime-control' as const, sha256: digest(controlRoot) }];

  test('makes a root trusted without any bundle, and only in its domain', async () => {
    const { trust } = await take(server([]), { ...fresh, local });
    expect(names(trust)).toEqual([`enrollment ${digest(eye)}`, `local ${digest(controlRoot)}`]);
    expect(anchorsFor(trust, 'keylime-control').rootsPem).toBe(pem(controlRoot));
  });

  test('outlasts a bundle that does not list it, and ends with its line in the file', async () => {
    const { trust } = await take(server([await offer({ anchors: [estate] })]), { ...fresh, local });
    expect(names(trust)).toEqual([`bundle ${digest(eye)}`, `local ${digest(controlRoot)}`]);
    const later = await take(server([]), { ...fresh, held: trust });
    expect(names(later.trust)).toEqual([`bundle ${digest(eye)}`]);
    expect(later.changed).toEqual(['keylime-control']);
  });

  test('of a root of the estate lets that root sign bundles', async () => {
    const by = { ...fresh, local: [{ domain: 'estate' as const, sha256: digest(nextEye) }] };
    const trees = [...ourTree, { ca: book, domain: 'estate' as const, root: nextEye }];
    const { trust } = await take(server([await offer({ by: nextEye })], trees), by);
    expect(trust.generation).toBe(1);
  });

  test('that the server has no certificate for is told, and nothing else is touched', async () => {
    const taken = await take(server([]), { ...fresh, local: [{ domain: 'estate', sha256: 'ab'.repeat(32) }] });
    expect(reasons(taken)).toEqual(['anchorNotFound']);
    expect(names(taken.trust)).toEqual([`enrollment ${digest(eye)}`]);
  });
});

describe('the file of what is trusted', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'omens-trust-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const path = (): string => join(root, 'var/lib/omens/agent/trust.json');

  test('is read as it was written, by root alone, and knows what was applied', async () => {
    const { trust } = await take(server([await offer()]));
    expect(await loadTrust(root)).toBeNull();
    await trustApplied(root, ['estate']);
    expect(await loadTrust(root)).toBeNull();
    await saveTrust(root, trust);
    expect(await loadTrust(root)).toEqual(trust);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    await trustApplied(root, ['estate']);
    expect(await loadTrust(root)).toEqual({ ...trust, unapplied: ['keylime-control'] });
  });

  test.each([
    ['text', 'omens'],
    ['another version', '{"version":2}'],
    ['half a file', '{"version":1,"generation":1}'],
    ['a list', '[]'],
  ])('that is %s is not used', async (_, text) => {
    const { trust } = await take(server([]));
    await saveTrust(root, trust);
    writeFileSync(path(), text);
    await expect(loadTrust(root)).rejects.toThrow(path());
    expect(readFileSync(path(), 'utf8')).toBe(text);
  });
});

test('a host that trusts nothing has no certificates to give', () => {
  expect(anchorsFor(null, 'estate')).toEqual({ rootsPem: '', authoritiesPem: '' });
});
