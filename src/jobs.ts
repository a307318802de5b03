// What the server does by itself, again and again. Part of the composition root: each job's decision is made elsewhere.
import type { Authorities } from './authorities.ts';
import type { Config } from './config.ts';
import type { Channel } from './domain/message.ts';
import { lintAndSignCrl } from './issuance/sign-crl.ts';
import type { Job } from './lifecycle/scheduler.ts';
import type { Logger } from './log.ts';
import type { OwnCertificate } from './own-certificate.ts';
import { keepCrl } from './revocation/crl.ts';
import { notifyJobs } from './notify-services.ts';
import type { Policies } from './policies.ts';
import { probeJobs } from './probe-services.ts';
import { reportJobs } from './report-services.ts';
import { rotationJobs } from './rotation-services.ts';
import { spireJobs } from './spire-services.ts';
import type { issuanceIn } from './storage/issuance.ts';
import { enrollmentStore } from './storage/enrollments.ts';
import { issuersIn } from './storage/issuers.ts';
import { nonceStore } from './storage/nonces.ts';
import type { Database } from './storage/pool.ts';
import { lookJobs } from './look-services.ts';
import { webJobs } from './web-services.ts';

export type JobParts = {
  readonly config: Config;
  readonly db: Database;
  readonly authorities: Authorities;
  readonly policies: Policies;
  readonly store: ReturnType<typeof issuanceIn>;
  readonly own: OwnCertificate;
  readonly channels: readonly Channel[];
  readonly log: Logger;
  readonly now: () => Date;
};

/** The jobs, and what must have happened once before anybody is let in. */
export async function serverJobs(parts: JobParts): Promise<{
  readonly list: readonly Job[];
  readonly beforeListening: () => Promise<void>;
}> {
  const { db, store, own, log, now } = parts;
  const sweep = async (): Promise<void> => {
    for (const intent of await store.sweep(now())) log.warn('issuance.abandoned', intent);
  };
  const crls = (): Promise<void> => keepCrls(parts);
  const nonces = async (): Promise<void> => {
    await nonceStore(db).forgetNonces(now());
  };
  const idempotencyKeys = async (): Promise<void> => {
    await store.forgetRequests(new Date(now().getTime() - 2 * 86_400_000));
  };
  const enrollments = async (): Promise<void> => {
    await enrollmentStore(db).forgetEnrollments(now());
  };
  return {
    list: [
      { name: 'sweep', everySeconds: 15, run: sweep },
      { name: 'crl', everySeconds: 60, run: crls },
      { name: 'ownCertificate', everySeconds: 300, run: own.renew },
      { name: 'nonces', everySeconds: 300, run: nonces },
      { name: 'idempotencyKeys', everySeconds: 3600, run: idempotencyKeys },
      { name: 'enrollments', everySeconds: 3600, run: enrollments },
      ...rotationJobs(parts),
      ...lookJobs(parts),
      ...notifyJobs(parts),
      ...reportJobs(parts),
      ...spireJobs(parts),
      ...probeJobs(parts),
      ...webJobs(parts),
    ],
    beforeListening: async () => {
      await sweep();
      await crls();
    },
  };
}

async function keepCrls({ db, authorities, log, now }: JobParts): Promise<void> {
  const issuers = issuersIn(db);
  for (const issuer of authorities.active.values()) {
    const kept = await keepCrl({ ...issuers, lintAndSign: lintAndSignCrl(issuer) })(
      {
        id: issuer.id,
        tbs: {
          nameDer: issuer.nameDer,
          keyIdentifier: issuer.keyIdentifier,
          signatureAlgorithm: issuer.signer.algorithm,
        },
      },
      now(),
    );
    if (!kept.ok)
      log.error('crl.refused', { issuer: issuer.id, findings: kept.error.map((finding) => finding.detail) });
  }
}
