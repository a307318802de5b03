// Why a renewal is refused or has to wait, in words. Nothing is decided here.
import type { WaitBecause } from '../domain/renewal-admission.ts';
import type { Refusal } from '../domain/result.ts';
import type { BlockedReason } from './blocked.ts';

export type RenewReason =
  | 'unknownLineage'
  | 'renewalCeiling'
  | 'renewalRate'
  | 'renewalBlackout'
  | 'attestationFailing'
  | 'renewalInProgress'
  | 'renewalLost'
  | 'keyHeldElsewhere'
  | 'keyCompromised'
  | 'unknownProfile'
  | 'profileNotForDevices'
  | BlockedReason;

/** Refused for one reason or several; with when to come again where that helps. */
export type Refused = {
  readonly refusals: readonly Refusal[];
  readonly retryAfterSeconds: number | null;
};

/** For one reason, and not before somebody did something. */
export const refusedWith = (refusal: Refusal<RenewReason>): Refused => ({
  refusals: [refusal],
  retryAfterSeconds: null,
});

/** The gate of attestation holds the host: it is told of the verifier's word, and when to come again. */
export const heldRefusal = (hold: { readonly detail: string; readonly retryAfterSeconds: number }): Refused => ({
  refusals: [
    {
      reason: 'attestationFailing',
      detail: hold.detail,
      accepted: 'an attestation that passes for some minutes, or omens keylime let-through by an admin',
    },
  ],
  retryAfterSeconds: hold.retryAfterSeconds,
});

export const unknownLineage: Refusal<RenewReason> = {
  reason: 'unknownLineage',
  detail: 'there is no such lineage for this device',
  accepted: 'a lineage of the device itself: GET /v1/devices/self',
};

const waitWords: Readonly<Record<WaitBecause, Refusal<RenewReason>>> = {
  ceiling: {
    reason: 'renewalCeiling',
    detail: 'as many certificates were renewed within the hour as are allowed, and others end sooner',
    accepted: 'a new request after Retry-After; in the last tenth of a certificate nobody waits',
  },
  lineageRate: {
    reason: 'renewalRate',
    detail: 'this certificate was asked for too often within the hour',
    accepted: 'a new request after Retry-After',
  },
  blackout: {
    reason: 'renewalBlackout',
    detail: 'nothing is renewed at this time, as the configuration of the server says',
    accepted: 'a new request after Retry-After; in the last tenth of a certificate nobody waits',
  },
};

/** 429: a new request, with a new nonce, is needed then. */
export const waitRefusal = (wait: { readonly because: WaitBecause; readonly retryAfterSeconds: number }): Refused => ({
  refusals: [waitWords[wait.because]],
  retryAfterSeconds: wait.retryAfterSeconds,
});

const inProgress: Refusal<RenewReason> = {
  reason: 'renewalInProgress',
  detail: 'a request for this lineage is being answered at this moment',
  accepted: 'the same request again, a little later',
};

export const underWayRefusal = (until: Date, now: Date): Refused => ({
  refusals: [inProgress],
  retryAfterSeconds: Math.min(10, Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000))),
});

export const retrySoon: Refused = { refusals: [inProgress], retryAfterSeconds: 2 };

export const lostRefusal: Refused = {
  refusals: [
    {
      reason: 'renewalLost',
      detail: 'another request for this lineage came before this one had a result',
      accepted: 'the newest request, sent again',
    },
  ],
  retryAfterSeconds: null,
};

/** Why a key cannot be this device's to have certified. */
export function keyRefusal(outcome: 'deviceNotActive' | 'keyHeld' | 'keyCompromised'): Refusal<RenewReason> {
  switch (outcome) {
    case 'deviceNotActive':
      return {
        reason: 'deviceNotActive',
        detail: 'the device is suspended or retired',
        accepted: 'omens devices resume',
      };
    case 'keyHeld':
      return {
        reason: 'keyHeldElsewhere',
        detail: 'this public key is already known as another key',
        field: 'request.key',
        accepted: 'a fresh key pair: a key has one holder and one purpose',
      };
    case 'keyCompromised':
      return {
        reason: 'keyCompromised',
        detail: 'a certificate for this public key was revoked for keyCompromise',
        field: 'request.key',
        accepted: 'a fresh key pair',
      };
    default:
      return outcome satisfies never;
  }
}

/** A lineage whose profile is not there any more, or no longer for devices. */
export const refusedFor = (
  reason: 'unknownProfile' | 'profileNotForDevices',
  profile: string,
): Refusal<RenewReason> => ({
  reason,
  detail:
    reason === 'unknownProfile' ? `there is no profile ${profile} any more` : `profile ${profile} is not for devices`,
  accepted: 'a change of the profiles, or of the grants: omens devices grants',
});
