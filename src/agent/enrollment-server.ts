// What enrollment needs from the service, as functions; client/ and tests fit them. Every one of them speaks only to a
// server whose chain ended in the pinned root.
import type { ChallengeResource, DeviceResource, EnrollmentAnswer, EnrollmentBody, Problem } from '../domain/wire.ts';

/** An answer of the service: a value, or its refusal with the wait that it asks for. Lost connections reject. */
export type ServerAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly status: number;
      readonly problem: Problem;
      /** Retry-After in seconds, or null. */
      readonly retryAfter: number | null;
    };

/** Signs octets by the request key: ECDSA with SHA-256, r ‖ s. */
export type RequestKey = {
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly sign: (octets: Uint8Array) => Promise<Uint8Array>;
};

export type EnrollmentServer = {
  /** DER of the root that the pinned digest names. */
  readonly root: Uint8Array;
  readonly begin: (body: EnrollmentBody) => Promise<ServerAnswer<ChallengeResource>>;
  /** `body` is the exact text that is sent. */
  readonly activate: (id: string, body: string) => Promise<ServerAnswer<EnrollmentAnswer>>;
  readonly read: (id: string, key: RequestKey) => Promise<ServerAnswer<EnrollmentAnswer>>;
  readonly ownDevice: (key: RequestKey) => Promise<ServerAnswer<DeviceResource>>;
};
