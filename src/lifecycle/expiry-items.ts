// What the expiry report says of each thing that ends: its level, the end that counts, and why, in words. Pure decisions over
// what the store found.
import { type Limits, effectiveExpiry, noLimits, pathEnds, type PathCertificate } from '../domain/effective-expiry.ts';
import { describeSeconds, type ExpiryLevel, expiryLevelAt, expiryReason, unmanagedReason } from '../domain/expiry.ts';
import type { LineageStateName } from '../domain/lineage-wire.ts';
import type { ExpiryItem, ExpiryKind } from '../domain/report-wire.ts';
import { instantsBefore, levelsFor, type LevelSeconds, type WarningPolicy } from '../domain/warning-policy.ts';
import { wireTime } from '../domain/wire.ts';

/** An item with its place in the order of the report. */
export type Ending = { readonly notAfter: Date; readonly id: string; readonly item: ExpiryItem };

type Host = {
  readonly deviceId: string | null;
  readonly hostName: string | null;
  readonly hostLastSeenAt: Date | null;
};

/** A certificate that serves, as the store finds it. */
export type ServingCertificate = Host & {
  readonly fingerprint: string;
  readonly issuerId: string;
  readonly profile: string;
  readonly serialNumber: string;
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly warningAt: Date;
  readonly criticalAt: Date;
  readonly lineageId: string | null;
  readonly isConfirmed: boolean;
  /** There is a newer one in its lineage, which does not serve. */
  readonly isOlder: boolean;
  /** Of the EK certificate of its host that ends last. */
  readonly endorsementNotAfter: Date | null;
  /** Of the trust bundle that its host said it has; 0 for none. */
  readonly trustGeneration: number | null;
};

/** What hosts report and nobody keeps; its level is that of its dates and its fault. */
export type UnmanagedEnding = Host & {
  readonly fingerprint: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly level: ExpiryLevel;
  readonly fault: string | null;
  readonly places: ExpiryItem['places'];
};

export type EndorsementEnding = Host & {
  readonly fingerprint: string;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly notAfter: Date;
};

/** A CA certificate. */
export type IssuerEnding = PathCertificate & {
  readonly role: 'root' | 'intermediate' | 'issuing';
  readonly isActive: boolean;
  readonly subject: string;
  readonly notBefore: Date;
};

export type CrlEnding = { readonly issuerId: string; readonly nextUpdate: Date };

/** The roots of a trust bundle; null where the generation is not known. */
export type AnchorsOf = (generation: number) => readonly { readonly sha256: string; readonly notAfter: Date }[] | null;

/** What all items of one report are judged by. */
export type Judgement = {
  readonly now: Date;
  readonly policy: Pick<WarningPolicy, 'hostNotSeen' | 'issuerEnding' | 'crl' | 'endorsementCertificate'>;
  readonly issuers: ReadonlyMap<string, IssuerEnding>;
  readonly crls: readonly CrlEnding[];
  readonly anchorsOf: AnchorsOf;
  /** Profiles whose key lives in a TPM. */
  readonly tpmProfiles: ReadonlySet<string>;
};

/** The ends of everything that a certificate stands on. */
function limitsOf(certificate: ServingCertificate, judgement: Judgement): Limits {
  const { issuers, crls, now, policy, anchorsOf, tpmProfiles } = judgement;
  const { issuer, root, rootId } = pathEnds(issuers, certificate.issuerId);
  const crl = crls.find(({ issuerId }) => issuerId === certificate.issuerId)?.nextUpdate ?? null;
  const isCrlOverdue = crl !== null && levelBefore(crl, policy.crl, now) !== 'ok';
  const anchors = certificate.trustGeneration === null ? null : anchorsOf(certificate.trustGeneration);
  const anchor = anchors?.find(({ sha256 }) => sha256 === rootId);
  return {
    ...{ issuer, root, crl: isCrlOverdue ? crl : null },
    endorsementCertificate: tpmProfiles.has(certificate.profile) ? certificate.endorsementNotAfter : null,
    // A host that does not have the root cannot verify the certificate at any time.
    trustAnchor: anchors == null || rootId === null ? null : (anchor?.notAfter ?? certificate.notBefore),
  };
}

/** A certificate that serves. */
export function servingEnding(
  certificate: ServingCertificate,
  state: LineageStateName | null,
  judgement: Judgement,
): Ending {
  const { now } = judgement;
  const effective = effectiveExpiry(certificate.notAfter, limitsOf(certificate, judgement));
  const reasons = [
    expiryReason(certificate, now),
    effective.limitedBy === 'leaf' ? null : limitText(effective, now),
    certificate.isOlder ? 'its successor is not confirmed in use' : null,
    silence(certificate, judgement),
  ];
  return ending('certificate', certificate.fingerprint, certificate.notAfter, {
    ...hostOf(certificate),
    ...{ profile: certificate.profile, serial: certificate.serialNumber, subject: certificate.commonName },
    ...{ effectiveNotAfter: wireTime(effective.notAfter), limitedBy: effective.limitedBy },
    level: expiryLevelAt(certificate, now),
    reason: reasons.filter((reason) => reason !== null).join('; '),
    ...{ lineage: certificate.lineageId, state },
  });
}

const limitTexts = {
  leaf: 'itself',
  issuer: 'its CA certificate',
  root: 'its root',
  crl: 'the overdue CRL of its CA',
  endorsementCertificate: 'the EK certificate of its TPM',
  trustAnchor: 'the trust anchor of its host',
} as const;

function limitText({ notAfter, limitedBy }: ReturnType<typeof effectiveExpiry>, now: Date): string {
  const left = (notAfter.getTime() - now.getTime()) / 1000;
  const when = left < 0 ? `ended ${describeSeconds(-left)} ago` : `ends in ${describeSeconds(left)}`;
  return `${limitTexts[limitedBy]} ${when}`;
}

/** What is not seen says so: of a silent host nobody knows what is in place. */
function silence(certificate: ServingCertificate, { now, policy }: Judgement): string | null {
  const { hostLastSeenAt, profile, notBefore, notAfter } = certificate;
  if (hostLastSeenAt === null) return null;
  const lifetime = (notAfter.getTime() - notBefore.getTime()) / 1000;
  const silent = (now.getTime() - hostLastSeenAt.getTime()) / 1000;
  if (silent <= levelsFor(policy.hostNotSeen, { profile, lifetime }).warning) return null;
  return `its host was not seen for ${describeSeconds(silent)}`;
}

/** What hosts report and nobody keeps. */
export const unmanagedEnding = (found: UnmanagedEnding, { now }: Judgement): Ending =>
  ending('unmanaged', found.fingerprint, found.notAfter, {
    ...hostOf(found),
    ...{ subject: found.subject, level: found.level, fault: found.fault, places: found.places },
    reason: unmanagedReason(found, found.fault, now),
  });

/** An EK certificate that is near its end; the host could not come back after the loss of its keys. */
export const endorsementEnding = (found: EndorsementEnding, { now, policy }: Judgement): Ending =>
  ending('endorsementCertificate', found.fingerprint, found.notAfter, {
    ...hostOf(found),
    subject: [found.manufacturer, found.model].filter((part) => part !== null).join(' ') || 'TPM',
    level: levelBefore(found.notAfter, policy.endorsementCertificate, now),
    reason: `EK certificate of the TPM; ${remaining(found.notAfter, now)}`,
  });

/** CA certificates in use and their CRLs, such as are near their end. */
export function authorityEndings({ issuers, crls, now, policy }: Judgement): readonly Ending[] {
  const inUse = [...issuers.values()].filter(({ isActive }) => isActive).flatMap((issuer) => pathOf(issuer, issuers));
  const certificates = [...new Set(inUse)].map((one) => {
    const kind = one.role === 'root' ? 'root' : 'issuer';
    return ending(kind, one.id, one.notAfter, {
      ...{ subject: one.subject, managed: true, level: levelBefore(one.notAfter, policy.issuerEnding, now) },
      reason: `CA certificate; ${remaining(one.notAfter, now)}`,
    });
  });
  const lists = crls.flatMap(({ issuerId, nextUpdate }) => {
    const issuer = issuers.get(issuerId);
    if (issuer?.isActive !== true) return [];
    const level = levelBefore(nextUpdate, policy.crl, now);
    const reason = `CRL of the CA is not renewed; ${remaining(nextUpdate, now)}`;
    return [ending('crl', issuerId, nextUpdate, { subject: issuer.subject, managed: true, level, reason })];
  });
  return [...certificates, ...lists].filter(({ item }) => item.level !== 'ok');
}

function pathOf(issuer: IssuerEnding, issuers: ReadonlyMap<string, IssuerEnding>): readonly IssuerEnding[] {
  const parent = issuer.parentId === null ? undefined : issuers.get(issuer.parentId);
  return parent === undefined ? [issuer] : [issuer, ...pathOf(parent, issuers)];
}

const hostOf = ({ hostName, deviceId, hostLastSeenAt }: Host) => ({
  device: hostName ?? deviceId,
  hostLastSeenAt: hostLastSeenAt === null ? null : wireTime(hostLastSeenAt),
});

const levelBefore = (end: Date, levels: LevelSeconds, now: Date): ExpiryLevel =>
  expiryLevelAt(instantsBefore(end, levels), now);

function remaining(end: Date, now: Date): string {
  const left = (end.getTime() - now.getTime()) / 1000;
  return left < 0 ? `ended ${describeSeconds(-left)} ago` : `${describeSeconds(left)} left`;
}

/** An item with what most of them have. */
function ending(
  kind: ExpiryKind,
  id: string,
  notAfter: Date,
  said: Pick<ExpiryItem, 'subject' | 'level' | 'reason'> & Partial<ExpiryItem>,
): Ending {
  const { limitedBy } = effectiveExpiry(notAfter, noLimits);
  const item: ExpiryItem = {
    ...{ kind, certificate: id, device: null, profile: kind, serial: null, notAfter: wireTime(notAfter) },
    ...{ effectiveNotAfter: wireTime(notAfter), limitedBy, managed: kind === 'certificate' },
    ...{ lineage: null, state: null, hostLastSeenAt: null, fault: null, places: [] },
    ...said,
  };
  return { notAfter, id, item };
}
