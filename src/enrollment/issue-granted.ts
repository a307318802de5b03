// The certificates of one activation: from what was granted to requests that issuance takes, and from its answers to the
// answer of the enrollment. Asked again after a crash it ends in the same certificates, since issuance remembers.
import type { Device, Grant, EndorsementKeyRecord, Lineage } from '../domain/device.ts';
import type { AuthorizedEnrollment, IssuedEnrollment, PresentedEndorsementKey } from '../domain/enrollment.ts';
import type { PlanSubject } from '../domain/plan.ts';
import type { Profile } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { IssuedCertificateResource } from '../domain/wire.ts';
import type { IssuedCertificate, IssueRequest } from '../issuance/issue.ts';
import { issuedResource } from '../issuance/resource.ts';
import type { DeviceLookups, EnrollmentStore } from './records.ts';
import type { ActivationStep } from '../domain/taking.ts';
import { readPublicArea } from './presented-tpm.ts';
import { readProof } from './read-proof.ts';
import { fitToGrants, type Granted, readRequested } from './requested-certificates.ts';

export type IssuePorts = Pick<EnrollmentStore, 'finishEnrollment' | 'releaseLease'> &
  Pick<DeviceLookups, 'findDevice' | 'grantsOf' | 'endorsementKeysOf' | 'lineagesOf'> & {
    readonly profiles: ReadonlyMap<string, Profile>;
    readonly issue: (request: IssueRequest) => Promise<Result<IssuedCertificate, readonly Refusal[]>>;
  };

/** Who is certified, as every plan of a device says it. */
export const subjectOf = (
  device: Pick<Device, 'hostName' | 'keylimeUuid'>,
  hardwareSerial: string,
): Omit<PlanSubject, 'names'> => ({
  hostName: device.hostName,
  keylimeUuid: device.keylimeUuid,
  principal: null,
  hardwareSerial,
});

/** The serial number of the hardware: of the RSA EK where there is one, as TCG has it; else of the EK at hand. */
export function hardwareSerialOf(
  current: Pick<PresentedEndorsementKey, 'public' | 'hardwareSerial'>,
  others: readonly Pick<EndorsementKeyRecord, 'public' | 'hardwareSerial'>[],
): string {
  const isRsa = (octets: Uint8Array): boolean => {
    const area = readPublicArea(octets, 'ekPublic');
    return area.ok && area.value.type === 'rsa';
  };
  if (isRsa(current.public)) return current.hardwareSerial;
  return others.find((other) => isRsa(other.public))?.hardwareSerial ?? current.hardwareSerial;
}

/** A request as issuance takes it. */
export const issueRequestOf = (
  granted: Granted,
  facts: {
    readonly subject: Omit<PlanSubject, 'names'>;
    readonly deviceId: string;
    readonly lineageId: string | null;
    /** Of the enrollment or renewal that this is part of. */
    readonly conversationId: string;
    readonly now: Date;
  },
): IssueRequest => ({
  profile: granted.profile,
  subject: { ...facts.subject, names: granted.names },
  key: granted.key,
  holder: { kind: 'device', deviceId: facts.deviceId },
  principal: `device:${facts.deviceId}`,
  lineageId: facts.lineageId,
  conversationId: facts.conversationId,
  idempotency: null,
  now: facts.now,
});

/**
 * Issues what an authorized enrollment asked for, in the order of its request, and concludes it. A refusal ends the
 * lease only: what was issued stays, and the same activation sent again goes on from there.
 */
export const issueGranted =
  (ports: IssuePorts) =>
  async (
    enrollment: AuthorizedEnrollment,
    step: ActivationStep,
  ): Promise<Result<IssuedEnrollment['answer'], readonly Refusal[]>> => {
    const device = await ports.findDevice(enrollment.deviceId);
    if (device === null) throw new Error(`the device of enrollment ${enrollment.id} is not there`);
    const lineages = await ports.lineagesOf(device.id);
    const granted = await grantedAgain(ports, enrollment, { device, lineages });
    if (!granted.ok) return refused(ports, step, granted.error);
    const others = await ports.endorsementKeysOf(device.id);
    const subject = subjectOf(device, hardwareSerialOf(enrollment.endorsementKey, others));
    const certificates: IssuedCertificateResource[] = [];
    for (const one of granted.value) {
      const lineageId = lineageOf(lineages, one).id;
      const facts = { subject, deviceId: device.id, lineageId, conversationId: enrollment.id, now: step.at };
      const issued = await ports.issue(issueRequestOf(one, facts));
      if (!issued.ok) return refused(ports, step, issued.error);
      certificates.push(issuedResource(issued.value, lineageId));
    }
    const { id, hostName, keylimeUuid } = device;
    const answer = { state: 'issued' as const, device: { id, hostName, keylimeUuid }, certificates };
    const isOurs = await ports.finishEnrollment({ ...step, answer });
    if (!isOurs) throw new Error(`enrollment ${enrollment.id} was concluded by somebody else`);
    return ok(answer);
  };

/** The request as it was proved, held against the grants as they are now. */
async function grantedAgain(
  ports: IssuePorts,
  enrollment: AuthorizedEnrollment,
  { device, lineages }: { readonly device: Device; readonly lineages: readonly Lineage[] },
): Promise<Result<readonly Granted[], readonly Refusal[]>> {
  const { document, keys } = readProof(enrollment);
  const requested = readRequested(document, keys, ports.profiles);
  if (!requested.ok) return requested;
  const isServed = ({ profile, place }: Grant): boolean =>
    lineages.some((lineage) => lineage.profile === profile && lineage.place === place);
  return fitToGrants(requested.value, (await ports.grantsOf(device.id)).filter(isServed), device);
}

async function refused(
  ports: IssuePorts,
  step: ActivationStep,
  refusals: readonly Refusal[],
): Promise<Result<never, readonly Refusal[]>> {
  await ports.releaseLease(step);
  return err(refusals);
}

function lineageOf(lineages: readonly Lineage[], { grant }: Granted): Lineage {
  const lineage = lineages.find(({ profile, place }) => profile === grant.profile && place === grant.place);
  if (lineage === undefined) throw new Error(`there is no lineage for ${grant.profile} "${grant.place}"`);
  return lineage;
}
