// What a preset is: the data of one kind of target, and what it may know of the host. Each preset stands in a file of its
// own beside this one.
import type { FileRow, FileTable, OwnerRule } from '../places.ts';
import type { Consumer, PostCheck, Target } from '../target.ts';
import type { HostFacts } from '../host-facts.ts';

/** A program that reads a preset's files. `absent` says why it is not told unless agent.yaml says how; null if it is. */
export type Found = { readonly consumer: Consumer; readonly absent: string | null };

/** One kind of target. */
export type Preset = {
  readonly name: string;
  readonly profile: string;
  readonly key: Target['key'];
  readonly rekey: boolean;
  /** `name` is the target's: where one kind can be there more than once, its files are called after it. */
  readonly table: (name: string) => FileTable;
  /** The one that the target is there for comes first. */
  readonly consumers: (host: HostFacts) => readonly Found[];
};

export const rootOnly: OwnerRule = [{ user: 'root', group: 'root' }];

/** Ranks: servers that agents talk to come first, what talks to an agent last. */
export const ranks = { registrar: 10, verifier: 20, keylimeAgent: 30, nginx: 40, openbao: 50, spireAgent: 60 } as const;

const keylimeTss: OwnerRule = [
  { user: 'keylime', group: 'tss' },
  { user: 'keylime', group: 'keylime' },
];

/** Every file of Keylime lies here. */
const keylimeCerts = 'etc/keylime/certs';

/** A file of Keylime that everybody may read. */
export const keylimeOpen = (name: string, content: FileRow['content']): FileRow => ({
  path: `${keylimeCerts}/${name}`,
  content,
  mode: 0o644,
  owner: keylimeTss,
  readers: ['keylime'],
});

/** A private key of a Keylime program. */
export const keylimeKey = (name: string): FileRow => ({
  path: `${keylimeCerts}/${name}`,
  content: 'key',
  mode: 0o640,
  owner: keylimeTss,
  readers: ['keylime'],
});

/**
 * What a Keylime program trusts. A Rust agent as a client reads only the first certificate of its CA file, which must be
 * the root; Python and Go take the complete chain; `trusted_client_ca` is for keylime-control alone.
 */
export const keylimeTrust: readonly FileRow[] = [
  keylimeOpen('ca-root-only.crt', 'root'),
  keylimeOpen('ca.crt', 'chain'),
  keylimeOpen('ca-complete-chain.crt', 'completeChain'),
  keylimeOpen('keylime-control-ca.crt', 'controlChain'),
];

/** A table in the directory of Keylime. */
export const keylimeTable = (rows: readonly FileRow[], links: FileTable['links'] = []): FileTable => ({
  directory: { path: keylimeCerts, mode: 0o755 },
  rows,
  links,
});

/** The old name that the estate's agents have compiled in. */
export const keylimeChainLink: FileTable['links'] = [
  { path: `${keylimeCerts}/ca-chain.crt`, target: 'ca-complete-chain.crt' },
];

/** What a server of Keylime reads: its own pair, named after it, and what it trusts. */
export const keylimeServerTable = (name: 'registrar' | 'verifier'): FileTable =>
  keylimeTable(
    [keylimeKey(`${name}-pkcs8.key`), keylimeOpen(`${name}.crt`, 'fullChain'), ...keylimeTrust],
    keylimeChainLink,
  );

/** Keylime, spire-agent and nginx settle this long before the next program is told. */
export const usualSettleSeconds = 5;

/** A program that systemd runs under one of these unit names; absent, it is remarked upon. */
export function unitConsumer(
  host: HostFacts,
  wished: {
    readonly name: string;
    readonly units: readonly string[];
    readonly verb: 'restart' | 'reload';
    readonly rank: number;
    readonly settleSeconds: number;
    readonly validate?: Consumer['validate'];
    readonly checks: readonly PostCheck[];
  },
): Found {
  const { name, units, verb, rank, settleSeconds, validate = null, checks } = wished;
  const silent: Consumer = {
    ...{ name, rank, settleSeconds, onlyWhile: null, validate: null, reload: null, checks: [] },
  };
  if (!host.isRealRoot) {
    return { consumer: silent, absent: `${name} was not told: only commands of agent.yaml run under --root` };
  }
  const unit = units.find((one) => host.units.has(one));
  if (unit === undefined)
    return { consumer: silent, absent: `${name} is not on this host: no unit ${units.join(', ')}` };
  const isActive: PostCheck = { kind: 'command', command: ['systemctl', 'is-active', unit], withinSeconds: 30 };
  const consumer: Consumer = {
    ...{ name, rank, settleSeconds, validate },
    onlyWhile: ['systemctl', 'is-active', unit],
    reload: ['systemctl', verb, unit],
    checks: [isActive, ...checks],
  };
  return { consumer, absent: null };
}
