// What this service and a SPIRE server have to say to each other: the ID of an agent that attests by its DevID, the agents
// and entries that the server lists, and its command lines. Pure; who runs a command is decided in spire-plan.ts.
import { createHash } from 'node:crypto';

/** `print`: commands are only shown. `ask`: what reads may be run. `act`: node aliases, evictions and bans too. */
export type SpireMode = 'print' | 'ask' | 'act';

/** Section `spire` of omens.yaml. */
export type SpireSettings = {
  readonly trustDomain: string;
  /** Program and leading arguments; never a shell. */
  readonly serverCommand: readonly string[];
  /** Socket of the server's API, null for the program's own default. */
  readonly socketPath: string | null;
  readonly mode: SpireMode;
};

/** An attested agent, as the server lists it. */
export type SpireAgent = {
  readonly spiffeId: string;
  /** Such as `tpm_devid` or `join_token`. */
  readonly attestationType: string;
  /** End of its SVID. */
  readonly expiresAt: Date;
  readonly canReattest: boolean;
  readonly isBanned: boolean;
};

/** A registration entry for nodes, as the server lists it. */
export type SpireEntry = {
  readonly id: string;
  readonly spiffeId: string;
  readonly parentId: string;
  /** `type:value`. */
  readonly selectors: readonly string[];
};

/** Where the commands go when nothing is configured: a shell fills it in. */
export const unknownTrustDomain = '$SPIRE_TRUST_DOMAIN';

/** SPIFFE ID of the agent that attests with this DevID: by SHA-1 of the leaf's DER, so each certificate has its own. */
export const devidAgentId = (trustDomain: string, leafDer: Uint8Array): string =>
  `spiffe://${trustDomain}/spire/agent/tpm_devid/${createHash('sha1').update(leafDer).digest('hex')}`;

/** SPIFFE ID of the node alias of a host: what workload entries should have as parent, since it outlives rotations. */
export const nodeAliasId = (trustDomain: string, hostName: string): string =>
  `spiffe://${trustDomain}/omens/node/${hostName}`;

/** Selectors of that alias: the host's name, vouched for by exactly this issuing CA (SHA-1 of its DER). */
export const nodeAliasSelectors = (hostName: string, issuerDer: Uint8Array): readonly string[] => [
  `tpm_devid:subject:cn:${hostName}`,
  `tpm_devid:ca:fingerprint:${createHash('sha1').update(issuerDer).digest('hex')}`,
];

type CommandSettings = Pick<SpireSettings, 'serverCommand' | 'socketPath'>;

/** What is assumed of a server that is not configured. */
export const defaultCommandSettings: CommandSettings = { serverCommand: ['spire-server'], socketPath: null };

const command = ({ serverCommand, socketPath }: CommandSettings, args: readonly string[]): readonly string[] => [
  ...serverCommand,
  ...args,
  ...(socketPath === null ? [] : ['-socketPath', socketPath]),
];

/** Command lines of the SPIRE server, as arguments of a program; `output json` where the answer is read. */
export const spireCommands = {
  listAgents: (settings: CommandSettings) => command(settings, ['agent', 'list', '-output', 'json']),
  showEntries: (settings: CommandSettings, spiffeId: string) =>
    command(settings, ['entry', 'show', '-output', 'json', '-spiffeID', spiffeId]),
  createAlias: (
    settings: CommandSettings,
    alias: { readonly spiffeId: string; readonly selectors: readonly string[] },
  ) =>
    command(settings, [
      ...['entry', 'create', '-output', 'json', '-node', '-spiffeID', alias.spiffeId],
      ...alias.selectors.flatMap((selector) => ['-selector', selector]),
    ]),
  evict: (settings: CommandSettings, spiffeId: string) =>
    command(settings, ['agent', 'evict', '-output', 'json', '-spiffeID', spiffeId]),
  ban: (settings: CommandSettings, spiffeId: string) =>
    command(settings, ['agent', 'ban', '-output', 'json', '-spiffeID', spiffeId]),
} as const;

/** A command line for a shell, quoted where it has to be. A leading `$NAME` inside stays for the shell to fill in. */
export const shellText = (words: readonly string[]): string => words.map(shellWord).join(' ');

function shellWord(word: string): string {
  if (word.includes(unknownTrustDomain)) return `"${word.replaceAll(/[`"\\]/g, '\\$&')}"`;
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
