// Bundles signed by a root's key, and which of them the server publishes.
import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { TrustDomain } from '../../../src/domain/profile.ts';
import {
  publishTrustBundle,
  showTrustBundle,
  type TrustBundlePorts,
} from '../../../src/issuance/publish-trust-bundle.ts';
import { signTrustBundle } from '../../../src/issuance/sign-trust-bundle.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { openTrustBundle, readAnchor, type ReadAnchor } from '../../../src/x509/signed-trust-bundle.ts';
import { ca, rsa, type Ca } from '../x509/authority.ts';
import { memoryTrustBundles } from '../../fakes/trust-bundles.ts';

const now = new Date('2026-11-26T10:00:00.700Z');
const eye = ca('Eye of Thundera');
const control = ca('Keylime Control Root', { keys: rsa() });
const nextEye = ca('Eye of Thundera');
const stranger = ca('Eye of Thundera');

const anchor = (domain: TrustDomain, { der }: Pick<Ca, 'der'>): ReadAnchor => {
  const read = readAnchor(domain, encodePem('CERTIFICATE', der));
  if (!read.ok) throw new Error(read.error.detail);
  return read.value;
};
const estateAnchor = anchor('estate', eye);
const controlAnchor = anchor('keylime-control', control);
const both = [estateAnchor, controlAnchor];

async function signed(
  over: { generation?: number; anchors?: readonly ReadAnchor[]; by?: Ca } = {},
): Promise<Uint8Array> {
  const by = over.by ?? eye;
  const cms = await signTrustBundle({
    generation: over.generation ?? 1,
    anchors: over.anchors ?? both,
    root: anchor('estate', by),
    rootKey: by.keys.privateKey,
    now,
  });
  if (!cms.ok) throw new Error(cms.error.map(({ detail }) => detail).join());
  return cms.value;
}

describe('a bundle that is signed', () => {
  test.each([
    ['P-256', eye],
    ['RSA', control],
  ])('by %s opens under its root', async (_, by) => {
    const opened = openTrustBundle(await signed({ by, generation: 7 }), [anchor('estate', by).sha256]);
    expect(opened).toMatchObject({ ok: true, value: { generation: 7, bundle: { createdAt: '2026-11-26T10:00:00Z' } } });
    expect(opened.ok && opened.value.anchors.map(({ domain, sha256 }) => [domain, sha256])).toEqual(
      both.map(({ domain, sha256 }) => [domain, sha256]),
    );
  });

  const request = { generation: 1, anchors: both, root: estateAnchor, rootKey: eye.keys.privateKey, now };
  test.each([
    ['the key of another certificate', { ...request, rootKey: stranger.keys.privateKey }, 'keyDoesNotMatch'],
    ['generation 0', { ...request, generation: 0 }, 'malformedTrustBundle'],
    ['no anchor', { ...request, anchors: [] }, 'malformedTrustBundle'],
    ['no root of the estate', { ...request, anchors: [controlAnchor] }, 'noEstateAnchor'],
    ['a root twice', { ...request, anchors: [estateAnchor, ...both] }, 'anchorTwice'],
    [
      'the root of the control domain as signer',
      { ...request, root: controlAnchor, rootKey: control.keys.privateKey },
      'signerNotTrusted',
    ],
  ])('with %s does not come about', async (_, bad, reason) => {
    expect(await signTrustBundle(bad)).toMatchObject({ ok: false, error: [{ reason }] });
  });

  test('takes no certificate that is no root', () => {
    const issuing = ca('Book of Omens', { issuer: eye });
    expect(readAnchor('estate', encodePem('CERTIFICATE', issuing.der))).toMatchObject({
      error: { reason: 'anchorNotARoot', detail: '"Book of Omens" is not self-signed' },
    });
    expect(readAnchor('estate', encodePem('CERTIFICATE', eye.der).repeat(2)).ok).toBe(false);
    expect(readAnchor('estate', 'root').ok).toBe(false);
  });
});

describe('the server', () => {
  const world = (): TrustBundlePorts & ReturnType<typeof memoryTrustBundles> => ({
    ...memoryTrustBundles(),
    roots: [estateAnchor, controlAnchor].map(({ domain, sha256 }) => ({ domain, sha256 })),
    rootsInUse: [estateAnchor, controlAnchor].map(({ domain, sha256 }) => ({ domain, sha256 })),
  });
  const by = { principal: 'operator:alice:1', now };

  test('publishes a bundle, names what is in it, and keeps its octets', async () => {
    const ports = world();
    const cms = await signed();
    const published = await publishTrustBundle(ports)(cms, by);
    expect(published).toEqual({
      ok: true,
      value: {
        generation: 1,
        bundle: encodePem('CMS', cms),
        createdAt: '2026-11-26T10:00:00Z',
        signedBy: estateAnchor.sha256,
        anchors: [
          {
            ...{ trustDomain: 'estate', certificate: estateAnchor.sha256, subject: 'Eye of Thundera' },
            notAfter: new Date(new X509Certificate(eye.der).validTo).toISOString().replace('.000Z', 'Z'),
          },
          expect.objectContaining({ trustDomain: 'keylime-control', subject: 'Keylime Control Root' }),
        ],
      },
    });
    expect(await showTrustBundle(ports)(null)).toEqual(published.ok && published.value);
    expect(ports.rows[0]).toMatchObject({ publishedBy: 'operator:alice:1', facts: { signedBy: estateAnchor.sha256 } });
  });

  test('tells the newest, and the next one after a generation', async () => {
    const ports = world();
    const publish = publishTrustBundle(ports);
    for (const generation of [1, 3, 7]) await publish(await signed({ generation }), by);
    const show = showTrustBundle(ports);
    expect([await show(null), await show(0), await show(1), await show(3)].map((one) => one?.generation)).toEqual([
      7, 1, 3, 7,
    ]);
    expect(await show(7)).toBeNull();
  });

  test('follows the roots of the newest bundle, no longer those of the inventory', async () => {
    const ports = { ...world(), rootsInUse: [] };
    const publish = publishTrustBundle(ports);
    const next = anchor('estate', nextEye);
    expect((await publish(await signed({ anchors: [next, controlAnchor] }), by)).ok).toBe(true);
    expect(await publish(await signed({ generation: 2 }), by)).toMatchObject({
      error: { reason: 'signerNotTrusted' },
    });
    const byNext = await signed({ generation: 2, by: nextEye, anchors: [next] });
    expect((await publish(byNext, by)).ok).toBe(true);
  });

  test('refuses a bundle that a stranger signed, or the control root', async () => {
    const publish = publishTrustBundle(world());
    for (const wrong of [stranger, control]) {
      expect(await publish(await signed({ by: wrong }), by)).toMatchObject({
        error: { reason: 'signerNotTrusted' },
      });
    }
  });

  test('refuses a generation that does not grow', async () => {
    const publish = publishTrustBundle(world());
    await publish(await signed({ generation: 2 }), by);
    for (const generation of [1, 2]) {
      expect(await publish(await signed({ generation }), by)).toMatchObject({
        error: { reason: 'generationNotLarger' },
      });
    }
  });

  test('refuses one of two bundles that come at once', async () => {
    const ports = world();
    const publish = publishTrustBundle({ ...ports, newestTrustBundle: async () => null });
    const cms = await signed();
    const answers = await Promise.all([publish(cms, by), publish(cms, by)]);
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    expect(answers.find(({ ok }) => !ok)).toMatchObject({ error: { reason: 'generationNotLarger' } });
  });

  test.each([
    ['estate', [anchor('estate', nextEye), controlAnchor]],
    ['keylime-control', [estateAnchor]],
  ])('refuses a bundle under which hosts would no longer trust its %s CA', async (_, anchors) => {
    expect(await publishTrustBundle(world())(await signed({ anchors }), by)).toMatchObject({
      error: { reason: 'rootInUseMissing' },
    });
  });
});
