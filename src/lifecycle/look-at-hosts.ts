// The look at what hosts say of themselves: findings, old trust anchors, EK certificates that end, certificates that nobody
// keeps, and the same one on two hosts.
import { givenUpAfterSeconds } from '../domain/expiry.ts';
import {
  certificateOnTwoHosts,
  type SharedSubject,
  unmanagedCertificate,
  type UnmanagedSubject,
} from '../domain/standings/alone.ts';
import {
  endorsementEnding,
  type HostEndorsement,
  hostFindings,
  type HostFindings,
  type HostTrust,
  trustOutdated,
} from '../domain/standings/host.ts';
import { longestWarning } from '../domain/warning-policy.ts';
import { before, type Looking, type LookPorts, record } from './look.ts';

export type HostLookPorts = LookPorts & {
  readonly hostsWithFindings: () => Promise<readonly HostFindings[]>;
  readonly hostsWithOldTrust: (
    publishedBefore: Date,
  ) => Promise<readonly (HostTrust & { readonly lastSeenAt: Date })[]>;
  readonly endorsementsEnding: (endingBy: Date) => Promise<readonly HostEndorsement[]>;
  readonly unmanagedToLookAt: (endingBy: Date, givenUpBefore: Date) => Promise<readonly UnmanagedSubject[]>;
  readonly certificatesOnTwoHosts: (endingAfter: Date) => Promise<readonly SharedSubject[]>;
};

/** Looks once at what lies in reports and in the inventory. */
export const lookAtHosts =
  (ports: HostLookPorts): Looking =>
  async (now) => {
    const { policy } = ports;
    const findings = await ports.hostsWithFindings();
    const endorsements = await ports.endorsementsEnding(before(now, -policy.endorsementCertificate.warning));
    const endingBy = before(now, -longestWarning(policy.expiry));
    const unmanaged = await ports.unmanagedToLookAt(endingBy, before(now, givenUpAfterSeconds));
    const shared = await ports.certificatesOnTwoHosts(now);
    return record(ports, now, {
      conditions: ['hostFinding', 'endorsementCertificateEnding', 'unmanagedCertificate', 'certificateOnTwoHosts'],
      standings: [
        ...findings.flatMap(hostFindings),
        ...endorsements.flatMap((host) => endorsementEnding(host, now, ports)),
        ...unmanaged.flatMap((found) => unmanagedCertificate(found, now, ports)),
        ...shared.flatMap(certificateOnTwoHosts),
      ],
    });
  };

/** A host that has been silent for so long is told as such; what bundle it has is unknown. Seconds. */
const quietSeconds = 86_400;

/** Looks once at who has not taken a trust bundle. */
export const lookAtTrust =
  (ports: LookPorts & Pick<HostLookPorts, 'hostsWithOldTrust'>): Looking =>
  async (now) => {
    const hosts = await ports.hostsWithOldTrust(before(now, ports.policy.trustOutdated.warning));
    const isQuiet = ({ lastSeenAt }: { readonly lastSeenAt: Date }): boolean => lastSeenAt < before(now, quietSeconds);
    return record(ports, now, {
      conditions: ['trustOutdated'],
      standings: hosts.filter((host) => !isQuiet(host)).flatMap((host) => trustOutdated(host, now, ports)),
      undecided: hosts.filter(isQuiet).map(({ deviceId }) => `device:${deviceId}`),
    });
  };
