// The signature under a trust bundle, by the key of a root: in `omens init`, and wherever a root's key is taken out of its
// safe (`omens trust sign`). The server itself holds no key that could sign one.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { sameOctets } from '../domain/octets.ts';
import { wholeSeconds } from '../domain/plan.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { acceptBundle, encodeTrustBundle, isGeneration } from '../domain/trust-bundle.ts';
import { wireTime } from '../domain/wire.ts';
import { LintedTbs, sign } from '../issuers/gate.ts';
import { signerFor } from '../issuers/signer.ts';
import { assembleSignedData, cmsSignedAttributes } from '../x509/cms-signed-data.ts';
import { openTrustBundle, type ReadAnchor, readTrustBundle } from '../x509/signed-trust-bundle.ts';

export type SignBundleRequest = {
  /** Larger than every generation before; 1 for the first. */
  readonly generation: number;
  readonly anchors: readonly ReadAnchor[];
  /** A root of the estate that hosts trust already, and its key. It need not be among the anchors. */
  readonly root: ReadAnchor;
  readonly rootKey: KeyObject;
  readonly now: Date;
};

/** Signs; resolves to SignedData in DER, which was read back as a host would read it that trusts this root. */
export async function signTrustBundle(request: SignBundleRequest): Promise<Result<Uint8Array, readonly Refusal[]>> {
  const { generation, anchors, root, rootKey, now } = request;
  const keyDer = createPublicKey(rootKey).export({ type: 'spki', format: 'der' });
  if (!sameOctets(keyDer, root.certificate.subjectPublicKeyInfo)) {
    return err([{ reason: 'keyDoesNotMatch', detail: 'the key is not the one in the certificate of the root' }]);
  }
  if (!isGeneration(generation)) {
    return err([{ reason: 'malformedTrustBundle', detail: 'the generation is no positive integer' }]);
  }
  const signedAt = wholeSeconds(now);
  const content = encodeTrustBundle({
    version: 1,
    generation,
    createdAt: wireTime(signedAt),
    anchors: anchors.map(({ domain, pem }) => ({ domain, certificate: pem })),
  });
  const signer = signerFor(rootKey);
  const { algorithm } = signer;
  const attributes = cmsSignedAttributes(content, signedAt);
  const assemble = (octets: Uint8Array, signature: Uint8Array): Uint8Array =>
    assembleSignedData({ content, signer: root.certificate, algorithm, attributes: octets, signature });
  const linted = await LintedTbs.lint(attributes, {
    algorithm,
    assemble,
    findings: (cms) => findings(cms, request),
  });
  if (!(linted instanceof LintedTbs)) return err(linted);
  const cms = assemble(attributes, await sign(signer, linted));
  const opened = openTrustBundle(cms, [root.sha256]);
  return opened.ok ? ok(cms) : err([opened.error]);
}

/** What would keep a host that trusts the root, and has the generation before, from taking the bundle. */
function findings(cms: Uint8Array, { root, generation }: SignBundleRequest): readonly Refusal[] {
  const read = readTrustBundle(cms);
  if (!read.ok) return [read.error];
  const before = { generation: generation - 1, anchors: [{ domain: root.domain, sha256: root.sha256 }] };
  const accepted = acceptBundle(before, read.value);
  return accepted.ok ? [] : [accepted.error];
}
