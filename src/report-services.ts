// The reports as the API offers them, over one database and one policy, and what of it the server does by itself. Part of the
// composition root: nothing is decided here.
import type { Authorities } from './authorities.ts';
import type { Config } from './config.ts';
import { type Cursor, decodeCursor, encodeCursor } from './domain/cursor.ts';
import { givenUpAfterSeconds } from './domain/expiry.ts';
import { isUuid } from './domain/identifiers.ts';
import { err, ok } from './domain/result.ts';
import type { ReportServices } from './http/report-services.ts';
import type { AnchorsOf, IssuerEnding, Judgement } from './lifecycle/expiry-items.ts';
import { expiryReport } from './lifecycle/expiry-report.ts';
import { devicesReport, issuanceReport, rotationReport } from './lifecycle/reports.ts';
import type { Job } from './lifecycle/scheduler.ts';
import type { Policies } from './policies.ts';
import { rotationServices } from './rotation-services.ts';
import { deviceStore } from './storage/devices.ts';
import { expiryIn } from './storage/expiry.ts';
import type { Database } from './storage/pool.ts';
import { reportsIn } from './storage/reports.ts';
import { trustBundlesIn } from './storage/trust-bundles.ts';
import { subjectCommonName } from './x509/certificate.ts';
import { readTrustBundle } from './x509/signed-trust-bundle.ts';

type ReportParts = {
  readonly db: Database;
  readonly config: Pick<Config, 'renewals'>;
  readonly policies: Policies;
  readonly authorities: Pick<Authorities, 'rows'>;
};

/** The reports. */
export function reportServices(parts: ReportParts): ReportServices {
  const { db } = parts;
  const reports = reportsIn(db);
  const devices = devicesReport(reports);
  return {
    expiryReport: expiryPages(parts),
    issuanceReport: issuanceReport(reports),
    rotationReport: rotationReport(rotationServices(parts)),
    devicesReport: async ({ cursor, limit }, now) => {
      const { report, next } = await devices({ after: decodeCursor(cursor, 'uuid'), limit }, now);
      return { ...report, next: next === null ? null : encodeCursor(next) };
    },
  };
}

/** What was given up is counted no more. */
export function reportJobs({ db, now }: { readonly db: Database; readonly now: () => Date }): readonly Job[] {
  const { giveUp } = expiryIn(db);
  const run = async (): Promise<void> => {
    const before = new Date(now().getTime() - givenUpAfterSeconds * 1000);
    while ((await giveUp(before)) > 0);
  };
  return [{ name: 'givenUp', everySeconds: 3600, run }];
}

function expiryPages(parts: ReportParts): ReportServices['expiryReport'] {
  const report = expiryReport({ ...expiryIn(parts.db), judgement: judgementOf(parts) });
  const { deviceOfHostName } = deviceStore(parts.db);
  return async (query, { now }) => {
    const { within = null, profile = null, device, level = null, managed = null, limit } = query;
    const deviceId =
      device === undefined || isUuid(device) ? (device ?? null) : ((await deviceOfHostName(device))?.id ?? 'unknown');
    if (deviceId === 'unknown') return err(unknownDevice(device ?? ''));
    const cursor = decodeCursor(query.cursor, 'sha256');
    const after = cursor === null ? null : { notAfter: cursor.at, id: cursor.id };
    const filters = { withinSeconds: within, profile, deviceId, level, managed };
    const { report: page, next } = await report({ ...filters, after, limit }, now);
    return ok({
      ...page,
      next: next === null ? null : encodeCursor({ at: next.notAfter, id: next.id } satisfies Cursor),
    });
  };
}

const unknownDevice = (hostName: string) => ({
  reason: 'notFound',
  detail: `there is no device ${hostName}`,
  field: 'device',
  accepted: 'a host name or an id that GET /v1/devices lists',
});

/** What everything is judged by: the policy, the CAs of this server, their CRLs and the roots of each trust bundle. */
function judgementOf({ db, policies, authorities }: ReportParts): (now: Date) => Promise<Judgement> {
  const { crlEnds } = expiryIn(db);
  const issuers = new Map(authorities.rows.map((row) => [row.id, issuerEnding(row)]));
  const tpmProfiles = new Set([...policies.profiles.values()].filter(isOfTpm).map(({ name }) => name));
  const bundles = anchorsByGeneration(db);
  return async (now) => {
    const [crls, anchorsOf] = await Promise.all([crlEnds(), bundles()]);
    return { now, policy: policies.warnings, issuers, crls, anchorsOf, tpmProfiles };
  };
}

const isOfTpm = ({ keyOrigin }: { readonly keyOrigin: string }): boolean => keyOrigin === 'tpm';

function issuerEnding(row: Authorities['rows'][number]): IssuerEnding {
  const subject = subjectCommonName(row.der) ?? '';
  const { id, parentId, role, isActive, notBefore, notAfter } = row;
  return { id, parentId, role, isActive, notBefore, notAfter, subject };
}

/** The roots of every published bundle. A bundle never changes, and is read once. */
function anchorsByGeneration(db: Database): () => Promise<AnchorsOf> {
  const { trustBundleAfter } = trustBundlesIn(db);
  const known = new Map<number, NonNullable<ReturnType<AnchorsOf>>>();
  let newest = 0;
  return async () => {
    for (;;) {
      const cms = await trustBundleAfter(newest);
      const bundle = cms === null ? null : readTrustBundle(cms);
      if (bundle?.ok !== true || bundle.value.generation <= newest)
        return (generation) => known.get(generation) ?? null;
      const anchors = bundle.value.anchors.map(({ sha256, certificate }) => ({
        sha256,
        notAfter: certificate.notAfter,
      }));
      known.set(bundle.value.generation, anchors);
      newest = bundle.value.generation;
    }
  };
}
