// The JSON resources of SPIRE at rotation; openapi.yaml is the contract.

/** Whether the SPIRE server was asked, and if it was not, why. */
export type SpireAsked = 'answered' | 'notConfigured' | 'notAllowed' | 'failed';

/** One step of a rotation at SPIRE, in the order in which they are done. */
export type SpireStep = {
  readonly step: 'nodeAlias' | 'install' | 'verifyListed' | 'evict';
  readonly state: 'done' | 'due' | 'notYet';
  readonly spiffeId: string;
  /** The exact command line; that of `install` is for the host. */
  readonly command: string;
  readonly because: string;
};

/** A DevID and the agent that attests with it; `listed` is null when the server was not asked. */
export type SpireIdentity = {
  readonly certificate: string;
  readonly spiffeId: string;
  readonly notAfter: string;
  readonly listed: boolean | null;
};

/** GET /v1/devices/{id}/spire */
export type SpireDeviceResource = {
  readonly device: string;
  readonly hostName: string;
  readonly asked: SpireAsked;
  /** What went wrong, or null. */
  readonly because: string | null;
  readonly nodeAlias: { readonly spiffeId: string; readonly selectors: readonly string[] };
  readonly lineages: readonly {
    readonly lineage: string;
    readonly hasSpireAgent: boolean;
    readonly confirmedAt: string | null;
    readonly confirmedBy: string | null;
    readonly newest: SpireIdentity;
    readonly older: readonly SpireIdentity[];
    readonly steps: readonly SpireStep[];
  }[];
};

/** What an agent of the list is to this service. */
export type SpireAgentState =
  | 'current'
  | 'superseded'
  | 'deviceNotActive'
  | 'orphan'
  | 'joinToken'
  | 'expired'
  | 'banned'
  | 'other';

/** GET /v1/spire/agents */
export type SpireAgentsResource = {
  readonly generatedAt: string;
  readonly asked: SpireAsked;
  readonly because: string | null;
  /** The command line that lists them. */
  readonly command: string;
  readonly agents: readonly {
    readonly spiffeId: string;
    readonly attestationType: string;
    readonly expiresAt: string;
    readonly state: SpireAgentState;
    readonly device: string | null;
    readonly hostName: string | null;
    /** What to do about it, or null. */
    readonly command: string | null;
    readonly because: string;
  }[];
  readonly joinToken: {
    readonly isRemovable: boolean;
    readonly because: string;
    /** Active hosts whose agent does not attest by its DevID. */
    readonly missing: readonly string[];
  };
};

/** POST /v1/certificates/{cert}/spire-confirmation */
export type SpireConfirmationBody = { readonly spiffeId: string };
