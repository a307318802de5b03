// Certificates that belong to no lineage: those that this service issued for a request or for itself, and those that hosts
// found on themselves and nobody keeps. Pure.
import { faultText, givenUpAfterSeconds, softwareKeyDevId } from '../expiry.ts';
import type { Standing, WarningLevel } from '../warning.ts';
import { expiryInstants, instantsBefore, levelAt, levelsFor, type WarningPolicy } from '../warning-policy.ts';
import { wireTime } from '../wire.ts';
import { counted, utcMinute } from '../words.ts';

type Terms = { readonly policy: Pick<WarningPolicy, 'expiry'> };

/** A certificate without a lineage that serves. */
export type AloneSubject = {
  readonly fingerprint: string;
  readonly profile: string;
  readonly commonName: string;
  /** `service` for the server's own, which it renews by itself. */
  readonly principal: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
};

const isGivenUp = (notAfter: Date, now: Date): boolean =>
  notAfter.getTime() + givenUpAfterSeconds * 1000 < now.getTime();

/** Its end; what ended long ago was given up, unless it is the service's own. */
export function aloneExpiry(certificate: AloneSubject, now: Date, { policy }: Terms): readonly Standing[] {
  const { fingerprint, profile, commonName, principal, notAfter } = certificate;
  const isOwn = principal === 'service';
  const level = levelAt(expiryInstants(policy, { ...certificate, renewsItself: isOwn }), now);
  if (level === null || (!isOwn && isGivenUp(notAfter, now))) return [];
  const verb = notAfter < now ? 'ended' : 'ends';
  const who = isOwn ? 'the server does not renew its own certificate: see its log' : `it was issued for ${principal}`;
  return [
    {
      ...{ condition: 'expiry', subject: `certificate:${fingerprint}`, level, cause: `condition:expiry:${profile}` },
      reason: `${verb} ${utcMinute(notAfter)}; no host renews it, ${who}`,
      ...{ deviceId: null, lineageId: null },
      facts: { name: commonName, profile, certificate: fingerprint, notAfter: wireTime(notAfter), principal },
    },
  ];
}

/** A certificate that a host reports and this service does not keep there. */
export type UnmanagedSubject = {
  readonly deviceId: string;
  readonly hostName: string;
  readonly path: string;
  readonly fingerprint: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly fault: string | null;
};

/** Its end, or what its host found wrong with it. */
export function unmanagedCertificate(found: UnmanagedSubject, now: Date, { policy }: Terms): readonly Standing[] {
  const { deviceId, hostName, path, fingerprint, notAfter, fault } = found;
  const level = unmanagedLevelAt(found, now, policy);
  if (level === null) return [];
  const cause = fault === null || fault === 'expired' ? 'condition:unmanagedCertificate' : `fault:${fault}`;
  return [
    {
      ...{ condition: 'unmanagedCertificate', subject: `unmanaged:${deviceId}:${path}`, level, cause },
      reason: `${path} (${found.subject}): ${faultAndEnd(found, now)}`,
      ...{ deviceId, lineageId: null },
      facts: {
        ...{ name: `${hostName} ${path}`, hostName, place: path, certificate: fingerprint },
        ...{ notAfter: wireTime(notAfter), fault },
      },
    },
  ];
}

function unmanagedLevelAt(found: UnmanagedSubject, now: Date, policy: Pick<WarningPolicy, 'expiry'>) {
  const { notBefore, notAfter, fault } = found;
  if (fault === softwareKeyDevId) return 'critical';
  const lifetime = (notAfter.getTime() - notBefore.getTime()) / 1000;
  const levels = levelsFor(policy.expiry, { profile: 'unmanaged', lifetime });
  const level: WarningLevel | null = isGivenUp(notAfter, now) ? null : levelAt(instantsBefore(notAfter, levels), now);
  return fault !== null && fault !== 'expired' ? (level ?? 'warning') : level;
}

/** The fault in words, with the end as an instant: the words of the report count the time that is left. */
function faultAndEnd({ notAfter, fault }: UnmanagedSubject, now: Date): string {
  const dates = `not managed; ${notAfter < now ? 'ended' : 'ends'} ${utcMinute(notAfter)}`;
  return fault === null || fault === 'expired' ? dates : `${faultText(fault)}; ${dates}`;
}

/** One certificate, and the hosts that have it: the first of them is the one it was made for, where that is known. */
export type SharedSubject = {
  readonly fingerprint: string;
  readonly subject: string;
  /** Null for one that this service did not issue to a host. */
  readonly owner: { readonly deviceId: string; readonly hostName: string } | null;
  readonly places: readonly { readonly deviceId: string; readonly hostName: string; readonly path: string }[];
};

/** The same certificate on two hosts: one of them has a key that is not its own. */
export function certificateOnTwoHosts(shared: SharedSubject): readonly Standing[] {
  const { fingerprint, subject, owner, places } = shared;
  const hosts = new Set(places.map(({ hostName }) => hostName));
  if (hosts.size < 2 && (owner === null || hosts.has(owner.hostName))) return [];
  const where = places.map(({ hostName, path }) => `${hostName} ${path}`);
  const [first] = places;
  const whose = owner === null ? '' : `issued to ${owner.hostName}; `;
  const more = where.length > 3 ? ` and ${counted(where.length - 3, 'more place')}` : '';
  return [
    {
      ...{ condition: 'certificateOnTwoHosts', subject: `certificate:${fingerprint}` },
      ...{ level: owner === null ? 'warning' : 'critical', cause: 'condition:certificateOnTwoHosts' },
      reason: `${subject}: ${whose}found at ${where.slice(0, 3).join(', ')}${more}: a key belongs to one host`,
      ...{ deviceId: owner?.deviceId ?? first?.deviceId ?? null, lineageId: null },
      facts: { name: subject, certificate: fingerprint, owner: owner?.hostName ?? null, places: where.slice(0, 20) },
    },
  ];
}
