// Hands the HTTP edge everything it calls. Part of the composition root: storage functions fit the ports of the services
// by their shape.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Authorities } from './authorities.ts';
import type { Config } from './config.ts';
import type { Channel } from './domain/message.ts';
import { hostOf } from './domain/names.ts';
import { type Principal, principalText } from './domain/principal.ts';
import type { Refusal } from './domain/result.ts';
import { messageOf } from './domain/thrown.ts';
import { endorsementPolicy, enrollmentServices } from './enrollment-services.ts';
import { certificateEvidence } from './enrollment/certificate-evidence.ts';
import { newNonce, spendNonce } from './enrollment/nonces.ts';
import {
  authenticateOperator,
  createOperatorToken,
  listOperatorTokens,
  revokeOperatorToken,
} from './enrollment/operator-tokens.ts';
import type {
  AccessServices,
  CertificateServices,
  EvidenceServices,
  HealthServices,
  HttpServices,
  RevocationServices,
} from './http/services.ts';
import { certificateReads, finder, policyReads } from './inventory-services.ts';
import { issue, type IssuancePorts } from './issuance/issue.ts';
import { issueFromCsr } from './issuance/issue-from-csr.ts';
import { certificateResource } from './issuance/resource.ts';
import { lineageServices } from './lineage-services.ts';
import type { Logger } from './log.ts';
import { type Metrics, metricsServices } from './metrics-services.ts';
import { channelServices } from './notify-services.ts';
import type { Policies } from './policies.ts';
import { endpointServices } from './probe-services.ts';
import { revokeCertificate } from './revocation/revoke.ts';
import { spireServices } from './spire-services.ts';
import { certificatesIn } from './storage/certificates.ts';
import { deviceStore } from './storage/devices.ts';
import { evidenceIn } from './storage/evidence.ts';
import { issuersIn } from './storage/issuers.ts';
import { lineagesIn } from './storage/lineages.ts';
import { nonceStore, sharedSecret } from './storage/nonces.ts';
import { operatorTokenStore } from './storage/operator-tokens.ts';
import type { Database } from './storage/pool.ts';
import { renewalsIn } from './storage/renewals.ts';
import { revocationStore } from './storage/revocations.ts';
import { isWeakModulus } from './tpm2/close-primes.ts';
import { reportServices } from './report-services.ts';
import { rotationServices } from './rotation-services.ts';
import { trustServices } from './trust-services.ts';
import { warningServices } from './warning-services.ts';
import { auditServices } from './web-services.ts';

export type ServiceParts = {
  readonly config: Config;
  readonly log: Logger;
  readonly policies: Policies;
  readonly db: Database;
  readonly authorities: Authorities;
  readonly ports: IssuancePorts;
  readonly channels: readonly Channel[];
  readonly metrics: Metrics;
  readonly now: () => Date;
};

/** Every function of the API, over one database and one set of issuers. */
export async function httpServices(parts: ServiceParts): Promise<HttpServices> {
  const { db, authorities, policies } = parts;
  const sources = {
    certificates: certificatesIn(db),
    issuers: issuersIn(db),
    lineages: lineagesIn(db),
    authorities,
    profiles: policies.profiles,
  };
  const reads = certificateReads(sources);
  return {
    ...enrollmentServices(parts),
    ...reads,
    ...lineageServices(parts, reads),
    ...policyReads(sources),
    ...certificateWrites(parts),
    ...evidenceServices(parts),
    ...trustServices(parts),
    ...revocationServices(parts),
    ...spireServices(parts),
    ...endpointServices(parts),
    ...rotationServices(parts),
    ...channelServices(parts),
    ...warningServices(parts),
    ...auditServices(parts),
    ...reportServices(parts),
    ...(await accessServices(db)),
    ...metricsServices(parts),
    ...healthServices(parts),
  };
}

/** Hosts of the URL and the listener; the loopback ones belong to everybody. */
const reservedNames = ({ publicUrl, listen }: Config): readonly string[] =>
  [hostOf(new URL(publicUrl)), listen.host].filter(
    (host) => !['localhost', '127.0.0.1', '::1', '0.0.0.0', '::'].includes(host),
  );

function certificateWrites(parts: ServiceParts): Pick<CertificateServices, 'issueFromCsr'> {
  const { config, policies, ports, authorities } = parts;
  const fromCsr = issueFromCsr({
    profiles: policies.profiles,
    issue: issue(ports),
    isWeakModulus,
    reservedNames: reservedNames(config),
  });
  return {
    issueFromCsr: async (input, { now }) => {
      const issued = await fromCsr({ ...input, now });
      if (!issued.ok) {
        await tellForeignKey(parts, { ...input, now, refusals: issued.error });
        return issued;
      }
      const { record } = issued.value;
      return { ok: true, value: certificateResource(record, authorities.chainPemOf(record.issuerId)) };
    },
  };
}

function evidenceServices({ db, policies }: ServiceParts): EvidenceServices {
  const find = finder({ certificates: certificatesIn(db) });
  const evidence = certificateEvidence({
    ...deviceStore(db),
    ...evidenceIn(db),
    profiles: policies.profiles,
    endorsementPolicy: endorsementPolicy(policies),
  });
  return {
    certificateEvidence: async (cert) => {
      const record = await find(cert);
      return record === null ? null : evidence(record.fingerprint);
    },
  };
}

/** A CSR for a key that belongs to another holder: nothing was recorded of it, and somebody should know. */
async function tellForeignKey(
  { db }: ServiceParts,
  asked: {
    readonly principal: Principal;
    readonly profile: string;
    readonly now: Date;
    readonly refusals: readonly Refusal[];
  },
): Promise<void> {
  const refusals = asked.refusals.filter(({ reason }) => reason === 'keyHeldElsewhere');
  if (refusals.length === 0) return;
  const facts = { profile: asked.profile, refusals };
  const told = { at: asked.now, event: 'issuance.refused', principal: principalText(asked.principal), facts };
  await renewalsIn(db).recordNotice({ ...told, tell: null });
}

function revocationServices({ db, authorities }: ServiceParts): RevocationServices {
  return {
    revokeCertificate: revokeCertificate({
      ...revocationStore(db),
      findCertificate: finder({ certificates: certificatesIn(db) }),
      resourceOf: (record) => certificateResource(record, authorities.chainPemOf(record.issuerId)),
    }),
  };
}

async function accessServices(db: Database): Promise<AccessServices> {
  const random = (octets: number): Uint8Array => randomBytes(octets);
  const tokens = { random, newId: () => randomUUID(), ...operatorTokenStore(db) };
  const nonces = { key: await sharedSecret(db, 'nonce', random(32)), random, ...nonceStore(db) };
  return {
    createOperatorToken: createOperatorToken(tokens),
    listOperatorTokens: listOperatorTokens(tokens),
    revokeOperatorToken: revokeOperatorToken(tokens),
    authenticateOperator: authenticateOperator(tokens),
    newNonce: newNonce(nonces),
    spendNonce: spendNonce(nonces),
    deviceSeen: deviceSeen(db),
  };
}

/** Told of each signed request; the database hears of a device once a minute. */
function deviceSeen(db: Database): AccessServices['deviceSeen'] {
  const { touchDevice } = deviceStore(db);
  const last = new Map<string, number>();
  return async (deviceId, now) => {
    if (now.getTime() - (last.get(deviceId) ?? -Infinity) < 60_000) return;
    last.set(deviceId, now.getTime());
    await touchDevice(deviceId, now);
  };
}

/** The issuers are ready until one of their certificates ends: only dates are looked at, and no key is tried here. */
function healthServices({ db, authorities, log, now }: ServiceParts): HealthServices {
  return {
    isDatabaseReady: async () => {
      try {
        await db.query('select 1');
        return true;
      } catch (error) {
        log.warn('database.unavailable', { error: messageOf(error) });
        return false;
      }
    },
    isIssuerReady: async () => [...authorities.active.values()].every(({ notAfter }) => notAfter > now()),
  };
}
