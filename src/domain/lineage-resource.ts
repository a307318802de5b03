// A lineage on the wire, with the words for why it stands where it stands.
import { type CertificateUse, type LineageFacts, type LineageState, lineageState, windowOf } from './lineage.ts';
import type { CertificateUseResource, LineageResource } from './lineage-wire.ts';
import { wireTime } from './wire.ts';

/** The resource at an instant. */
export function lineageResource(facts: LineageFacts, now: Date): LineageResource {
  const state = lineageState(facts, now);
  const { newest, inUse, renewAt, pulled, lastError, failures } = facts;
  const window = newest === null ? null : windowOf(facts, newest);
  return {
    id: facts.id,
    device: facts.deviceId,
    hostName: facts.hostName,
    profile: facts.profile,
    place: facts.place,
    state: state.kind,
    since: timeOrNull(sinceOf(state)),
    reason: reasonOf(state),
    newest: newest === null ? null : useResource(newest),
    inUse: inUse === null || inUse.fingerprint === newest?.fingerprint ? null : useResource(inUse),
    renewAt: timeOrNull(renewAt),
    window: window === null ? null : { start: wireTime(window.start), end: wireTime(window.end) },
    pulled: pulled === null ? null : { ...pulled, at: wireTime(pulled.at) },
    lastError: lastError === null ? null : { ...lastError, failures },
  };
}

const timeOrNull = (instant: Date | null): string | null => (instant === null ? null : wireTime(instant));

const useResource = (use: CertificateUse): CertificateUseResource => ({
  certificate: use.fingerprint,
  serial: use.serialNumber,
  notBefore: wireTime(use.notBefore),
  notAfter: wireTime(use.notAfter),
  issuedAt: wireTime(use.issuedAt),
  installedAt: timeOrNull(use.installedAt),
  confirmedAt: timeOrNull(use.confirmed?.at ?? null),
  confirmedBy: use.confirmed?.by ?? null,
  status: use.isRevoked ? 'revoked' : 'good',
});

function sinceOf(state: LineageState): Date | null {
  switch (state.kind) {
    case 'empty':
    case 'blocked':
      return null;
    case 'current':
      return state.certificate.confirmed?.at ?? state.certificate.issuedAt;
    case 'windowOpen':
    case 'late':
      return state.since;
    case 'inProgress':
      return state.attempt.admittedAt;
    case 'issued':
      return state.certificate.issuedAt;
    case 'installed':
      return state.installedAt;
    case 'failed':
      return new Date(state.error.at);
    default:
      return state satisfies never;
  }
}

/** For people; null where there is nothing to explain. */
export function reasonOf(state: LineageState): string | null {
  switch (state.kind) {
    case 'blocked':
      return blockedWords[state.because];
    case 'failed':
      return `${state.error.phase}: ${state.error.detail}`;
    case 'late': {
      const words = lateWords[state.because];
      return state.error === null ? words : `${words}; last error at ${state.error.phase}: ${state.error.detail}`;
    }
    case 'empty':
    case 'current':
    case 'windowOpen':
    case 'inProgress':
    case 'issued':
    case 'installed':
      return null;
    default:
      return state satisfies never;
  }
}

const blockedWords = {
  deviceSuspended: 'its device is suspended; omens devices resume',
  deviceRetired: 'its device is retired',
  notGranted: 'its device has no grant for it any more; omens devices grants',
} as const;

const lateWords = {
  revoked: 'the certificate is revoked and its host has not come for another',
  expired: 'the certificate has ended and its host has not come for another',
  notConfirmed: 'a newer certificate was issued, but its host has not shown that it is in use',
  notRenewed: 'the renewal window is over and its host has not come',
} as const;
