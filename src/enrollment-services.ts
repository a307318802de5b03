// Enrollment and devices as the API calls them: the use cases over one database, one set of policies, one issuance. Part
// of the composition root.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Config } from './config.ts';
import { activate } from './enrollment/activate.ts';
import { approveEnrollment, listEnrollments, rejectEnrollment } from './enrollment/approve.ts';
import { beginEnrollment } from './enrollment/begin.ts';
import {
  listDevices,
  preregister,
  replaceGrants,
  resumeDevice,
  retireDevice,
  showDevice,
  suspendDevice,
} from './enrollment/devices.ts';
import { createEnrollmentToken, deleteEnrollmentToken, listEnrollmentTokens } from './enrollment/enrollment-tokens.ts';
import { octetsOf } from './enrollment/octets.ts';
import { readEndorsementKey } from './enrollment/presented-tpm.ts';
import { readEnrollment, requestKeyOf } from './enrollment/read-enrollment.ts';
import type { EnrollmentLimitOptions } from './http/enrollment-limits.ts';
import type { DeviceServices, EnrollmentServices } from './http/services.ts';
import { issue, preview } from './issuance/issue.ts';
import { certificateResource } from './issuance/resource.ts';
import { attestationGate } from './probe-services.ts';
import type { ServiceParts } from './services.ts';
import { deviceStateStore } from './storage/device-states.ts';
import { deviceStore } from './storage/devices.ts';
import { enrollmentTokenStore } from './storage/enrollment-tokens.ts';
import { enrollmentStore } from './storage/enrollments.ts';
import { preregistrationStore } from './storage/preregistrations.ts';
import { type EndorsementPolicy, loadEndorsementPolicy } from './x509/endorsement-chain.ts';

/** Every function of first contact and of the device inventory. Throws when the TPM vendors' roots are not in order. */
export function enrollmentServices(parts: ServiceParts): EnrollmentServices & DeviceServices {
  const ports = enrollmentPorts(parts);
  return {
    beginEnrollment: beginEnrollment(ports),
    activate: activate(ports),
    readEnrollment: readEnrollment(ports),
    requestKeyOf: requestKeyOf(ports),
    listEnrollments: listEnrollments(ports),
    approveEnrollment: approveEnrollment(ports),
    rejectEnrollment: rejectEnrollment(ports),
    createEnrollmentToken: createEnrollmentToken(ports),
    listEnrollmentTokens: listEnrollmentTokens(ports),
    deleteEnrollmentToken: deleteEnrollmentToken(ports),
    preregister: preregister(ports),
    listDevices: listDevices(ports),
    showDevice: showDevice(ports),
    showOwnDevice: showDevice(ports),
    replaceGrants: replaceGrants(ports),
    suspendDevice: suspendDevice(ports),
    resumeDevice: resumeDevice(ports),
    retireDevice: retireDevice(ports),
  };
}

/** What enrollment needs, over one database. */
export function enrollmentPorts({ config, policies, db, authorities, ports }: ServiceParts) {
  const devices = deviceStore(db);
  return {
    ...devices,
    ...deviceStateStore(db),
    ...enrollmentStore(db),
    ...enrollmentTokenStore(db),
    ...preregistrationStore(db),
    profiles: policies.profiles,
    spire: config.spire,
    maxAbsenceSeconds: config.renewals.maxAbsenceDays * 86_400,
    ...attestationGate({ db, config }),
    endorsementPolicy: endorsementPolicy(policies),
    tpmDenials: policies.tpmDenials,
    issue: issue(ports),
    preview: preview(ports),
    random: (octets: number): Uint8Array => randomBytes(octets),
    newId: (): string => randomUUID(),
    publicUrl: config.publicUrl,
    rootSha256: authorities.rows.find((row) => row.domain === 'estate' && row.role === 'root')?.id ?? '',
    newestCertificate: async (lineageId: string) => {
      const record = await devices.newestCertificateOf(lineageId);
      return record === null ? null : certificateResource(record, authorities.chainPemOf(record.issuerId));
    },
  };
}

/** The roots and intermediates of the TPM vendors. Throws when they are not in order. */
export function endorsementPolicy(policies: ServiceParts['policies']): EndorsementPolicy {
  const loaded = loadEndorsementPolicy({
    roots: policies.endorsementRoots,
    intermediates: policies.endorsementIntermediates,
  });
  if (loaded.ok) return loaded.value;
  throw new Error(`TPM vendor certificates: ${loaded.error.map(({ detail }) => detail).join('; ')}`);
}

/** The limits of first contact; an endorsement key counts as itself, whatever else is in its public area. */
export const enrollmentLimitOptions = ({ rateLimits }: Config, salt: Uint8Array): EnrollmentLimitOptions => ({
  perSource: { count: rateLimits.enrollmentsPerSourcePerHour, seconds: 3600 },
  perEndorsementKey: { count: rateLimits.enrollmentsPerEkPerHour, seconds: 3600 },
  trustedSources: rateLimits.trustedSources,
  endorsementKeyName,
  salt,
});

function endorsementKeyName(ekPublic: string): string {
  const octets = octetsOf(ekPublic, 'ekPublic', 1026);
  const key = octets.ok ? readEndorsementKey(octets.value) : octets;
  if (!key.ok) return 'no endorsement key';
  return createHash('sha256').update(key.value.publicKey.spkiDer).digest('hex');
}
