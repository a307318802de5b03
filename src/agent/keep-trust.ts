// Trust anchors as a round keeps them: newer bundles are taken, and what every target's files say of CAs follows.
import { X509Certificate } from 'node:crypto';
import type { HostApi } from '../client/api.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { CheckedCertificate } from './check-issued.ts';
import { type KeepTrust, Trouble } from './keep-ports.ts';
import { anchorsOf, pinnedRoot, type Session } from './keep-session.ts';
import type { InstallPorts } from './install-ports.ts';
import { currentGeneration, type InstalledGeneration } from './installed.ts';
import { putAllInPlace, type PutWish } from './put-in-place.ts';
import { takeTrustBundle } from './take-trust-bundle.ts';
import type { Target } from './target.ts';
import { type HostTrust, saveTrust, trustApplied } from './trust.ts';

/** What it stands on; `api` is null while no connection is open. */
export type TrustGround = {
  readonly root: string;
  readonly session: () => Session;
  readonly api: () => HostApi | null;
  readonly install: Omit<InstallPorts, 'rehearse'>;
};

/** The port of a round. */
export const keepTrust = (ground: TrustGround): KeepTrust => ({
  generation: () => Promise.resolve(ground.session().trust?.generation ?? 0),
  isDue: (newest) => Promise.resolve(isDue(ground.session(), newest)),
  renew: () => renew(ground),
});

function isDue({ trust, config }: Session, newest: number): boolean {
  if (trust === null || newest > trust.generation || trust.unapplied.length > 0) return true;
  return !config.trustFingerprints.every((wanted) => isHeld(trust, wanted.sha256));
}

const isHeld = ({ anchors }: HostTrust, sha256: string): boolean => anchors.some((one) => one.sha256 === sha256);

async function renew(ground: TrustGround): Promise<Result<{ readonly generation: number }, Refusal>> {
  const { root, session } = ground;
  const api = ground.api();
  if (api === null) throw new Trouble('serverUnreachable', 'no connection is open');
  const { state, trust: held, config } = session();
  const input = { held, pinnedSha256: state.server.rootSha256, local: config.trustFingerprints };
  const taken = await takeTrustBundle(api, input);
  if (!taken.ok) throw new Trouble(taken.error.reason, taken.error.detail);
  const { trust, refused } = taken.value;
  await saveTrust(root, trust);
  session().trust = trust;
  await apply(ground, trust);
  const [first] = refused;
  return first === undefined ? ok({ generation: trust.generation }) : err(first);
}

/** Every target's files are written again with the CAs of now; a target whose programs object keeps what it has. */
async function apply({ root, session, install }: TrustGround, trust: HostTrust): Promise<void> {
  if (trust.unapplied.length === 0) return;
  const wishes: PutWish[] = [];
  for (const target of session().targets) {
    const found = await currentGeneration(root, target).catch(() => null);
    if (found === null) continue;
    const devId = found.key.kind === 'devid' ? found.key.blobs : null;
    const anchored = { root: pinnedRoot(session()), anchors: anchorsOf(session()) };
    wishes.push({ target, input: { ...anchored, checked: againOf(target, found, session()), devId } });
  }
  const outcomes = await putAllInPlace({ ...install, rehearse: null }, wishes);
  const refused = outcomes.flatMap((outcome, at) =>
    outcome.kind === 'rolledBack' ? [{ name: wishes[at]?.target.name ?? '', error: outcome.error }] : [],
  );
  const [first] = refused;
  if (first !== undefined) {
    throw new Trouble(first.error.reason, refused.map(({ name, error }) => `${name}: ${error.detail}`).join('; '));
  }
  await trustApplied(root, trust.unapplied);
  session().trust = { ...trust, unapplied: [] };
}

/** What lies in place was checked when it came: it is put in place again as it is. */
function againOf({ profile, dnsNames }: Target, found: InstalledGeneration, session: Session): CheckedCertificate {
  const { leafPem, chainPem, certificateSha256, key } = found;
  const { validTo } = new X509Certificate(leafPem);
  const record = Object.values(session.state.kept.targets).find(
    ({ inPlace }) => inPlace?.certificate === certificateSha256,
  );
  return {
    wanted: { profile, dnsNames, key: key.kind === 'software' ? key : { kind: 'devid' } },
    resource: {
      ...{ profile, lineage: record?.lineage ?? '', certificate: leafPem, chain: chainPem },
      ...{ notAfter: record?.inPlace?.notAfter ?? '', renewAt: record?.inPlace?.renewAt ?? '' },
    },
    ...{ leafPem, chainPem, certificateSha256, notAfter: new Date(validTo) },
    isUnderPinnedRoot: isUnder(leafPem + chainPem, new X509Certificate(pinnedRoot(session))),
  };
}

const isUnder = (path: string, root: X509Certificate): boolean =>
  (path.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).some((pem) => {
    const certificate = new X509Certificate(pem);
    return certificate.checkIssued(root) && certificate.verify(root.publicKey);
  });
