// The one thing that a TPM must be able to do for us. Implementations live with the agent.

/** Carries one command to a TPM and brings back its response; rejects with `TpmTransportError`. Never used twice at once. */
export type TpmTransport = {
  /** For messages: "device", "socket", "tcti". */
  readonly kind: string;
  readonly transceive: (command: Uint8Array) => Promise<Uint8Array>;
  readonly close: () => Promise<void>;
};
