// The ordinary case for tests of standings: a lineage of a host that calls, and the levels of the repository.
import { join } from 'node:path';
import type { CertificateUse } from '../../../../src/domain/lineage.ts';
import type { LineageSubject, LineageTerms } from '../../../../src/domain/standings/lineage-subject.ts';
import type { Standing } from '../../../../src/domain/warning.ts';
import { loadPolicies, type Policies } from '../../../../src/policies.ts';

const loaded = loadPolicies(join(import.meta.dirname, '../../../../policies'));

/** What policies/ says. */
export const policies: Policies = loaded.ok ? loaded.value : failed();

function failed(): never {
  throw new Error('policies/ has faults');
}

/** Hours after the beginning of the scene. */
export const at = (hours: number): Date => new Date(Date.UTC(2026, 1, 11) + hours * 3_600_000);

/** Issued at hour 0 for so many hours and in use since 3 minutes after; override only what a test is about. */
export function certificate(over: Partial<CertificateUse> & { readonly hours?: number } = {}): CertificateUse {
  const { hours = 24, ...rest } = over;
  const issuedAt = over.issuedAt ?? at(0);
  return {
    fingerprint: 'c0'.repeat(32),
    serialNumber: '01',
    notBefore: issuedAt,
    notAfter: new Date(issuedAt.getTime() + hours * 3_600_000),
    issuedAt,
    installedAt: new Date(issuedAt.getTime() + 60_000),
    confirmed: { at: new Date(issuedAt.getTime() + 180_000), by: 'host' },
    isRevoked: false,
    ...rest,
  };
}

/** A lineage of 24 hours that is due at hour 15, of a host that called at `over.calledAt` (a minute before hour 15). */
export function lineage(over: Partial<LineageSubject> & { readonly calledAt?: Date } = {}): LineageSubject {
  const { calledAt = at(15 - 1 / 60), ...rest } = over;
  const newest = over.newest === undefined ? certificate() : over.newest;
  const lifetime = newest === null ? null : (newest.notAfter.getTime() - newest.notBefore.getTime()) / 1000;
  return {
    ...{ id: 'lineage', deviceId: 'device', hostName: 'auth.example.org', deviceState: 'active' },
    ...{ profile: 'keylime-agent', place: '', createdAt: at(-1000), isGranted: true, hasSpireAgent: false },
    ...{ newest, inUse: newest?.confirmed === null ? null : newest, renewAt: at(15), pulled: null, attempt: null },
    ...{ askedAt: null, lastError: null, failures: 0, newestIssuer: 'ca', inUseIssuer: 'ca', newestRevokedAt: null },
    host: { lastSeenAt: calledAt, shortestLifetime: lifetime, firstCriticalAt: null },
    ...rest,
  };
}

/** The levels of the repository, and nothing wrong with any CA. */
export const terms: LineageTerms = {
  policy: policies.warnings,
  blackouts: [],
  pathEnds: new Map(),
  signerOf: () => 'ca',
  unavailable: new Set(),
};

/** Condition and level, and the reason where a test asks for it. */
export const told = (standings: readonly Standing[]): readonly string[] =>
  standings.map(({ condition, level }) => `${condition} ${level}`).toSorted();
