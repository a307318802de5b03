// Section `spire` of omens.yaml: which SPIRE server has agents that attest by our DevIDs, and what may be done with it.
import type { SpireMode, SpireSettings } from './domain/spire.ts';

/** The section as written. */
export type SpireFile = {
  readonly trustDomain: string;
  readonly serverCommand?: readonly string[];
  readonly socketPath?: string;
  readonly mode?: SpireMode;
};

/** Its JSON Schema. */
export const spireSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['trustDomain'],
  description: 'the SPIRE server whose agents attest by DevIDs; without it, steps are shown with a placeholder',
  properties: {
    trustDomain: {
      type: 'string',
      pattern: '^[a-z0-9._-]{1,255}$',
      description: 'trust domain of the SPIRE server, without spiffe://',
    },
    serverCommand: {
      type: 'array',
      minItems: 1,
      maxItems: 16,
      items: { type: 'string', minLength: 1, maxLength: 1024 },
      description: 'program and leading arguments of spire-server, as a list; no shell is involved',
      default: ['spire-server'],
    },
    socketPath: {
      type: 'string',
      pattern: '^/[^\\u0000]{1,255}$',
      description: 'socket of its API; without it, the default of the program',
    },
    mode: {
      type: 'string',
      enum: ['print', 'ask', 'act'],
      description: 'print: commands are only shown; ask: agents and entries are listed; act: aliases, evictions too',
      default: 'print',
    },
  },
} as const;

/** With its defaults. */
export const spireSettings = ({ trustDomain, serverCommand, socketPath, mode }: SpireFile): SpireSettings => ({
  trustDomain,
  serverCommand: serverCommand ?? spireSchema.properties.serverCommand.default,
  socketPath: socketPath ?? null,
  mode: mode ?? spireSchema.properties.mode.default,
});
