// The systemd unit of this agent, as text: made for what this host's agent.yaml makes the agent write, and for nothing
// more. Knows systemd, not files; who writes it stands in install-units.ts.

/** What the unit depends on. Paths as the host names them. */
export type UnitInput = {
  /** Interpreter and script, and what stands before `agent run`; no shell reads them. */
  readonly command: readonly string[];
  /** Directories that the agent and the programs it runs write to, beside its own. */
  readonly writes: readonly string[];
  /** Character devices of the TPM. */
  readonly devices: readonly string[];
  /** Credential name and file, for passwords of TPM hierarchies. */
  readonly credentials: readonly (readonly [name: string, file: string])[];
};

export const unitName = 'omens-agent.service';

/** Where it goes below the root. */
export const unitPath = `etc/systemd/system/${unitName}`;

/** The first line of every unit that this program wrote; a file without it is somebody else's. */
export const unitMark =
  '# Written by `omens agent install-units`. Changes of your own belong in omens-agent.service.d/.';

/**
 * The text. Started late and never for the sake of another unit's health: it must come up with SPIRE down and OpenBao
 * sealed. It is not the only thing that keeps a host alive, so it gives up never and starts again after any end.
 */
export function agentUnit({ command, writes, devices, credentials }: UnitInput): string {
  const sections: readonly (readonly [string, readonly string[]])[] = [
    [
      'Unit',
      [
        'Description=Book of Omens agent: keeps the certificates of this host',
        'Documentation=file:///etc/omens/agent.yaml',
        'Wants=network-online.target',
        'After=network-online.target time-sync.target',
        '# Nothing to do before `omens agent enroll`.',
        'ConditionPathExists=/var/lib/omens/agent/state.json',
        'StartLimitIntervalSec=0',
      ],
    ],
    ['Service', [...running(command), ...credentials.map(loadCredential), ...files(writes, devices), ...confinement]],
    ['Install', ['WantedBy=multi-user.target']],
  ];
  const text = sections.map(([name, lines]) => `[${name}]\n${lines.join('\n')}\n`).join('\n');
  return `${unitMark}\n${text}`;
}

const running = (command: readonly string[]): readonly string[] => [
  'Type=notify',
  '# systemd-notify, a child, speaks for the agent.',
  'NotifyAccess=all',
  `ExecStart=${[...command, 'agent', 'run'].map(quoted).join(' ')}`,
  'WatchdogSec=10min',
  'Restart=always',
  'RestartSec=30s',
  'TimeoutStartSec=2min',
  'TimeoutStopSec=2min',
  'OOMPolicy=continue',
  'LimitCORE=0',
];

const loadCredential = ([name, file]: readonly [string, string]): string => `LoadCredential=${name}:${escaped(file)}`;

/** A leading - lets the unit start where a directory is not there yet; nothing is written into it then. */
const files = (writes: readonly string[], devices: readonly string[]): readonly string[] => [
  'UMask=0077',
  'ProtectSystem=strict',
  'ProtectHome=read-only',
  'PrivateTmp=yes',
  'StateDirectory=omens/agent',
  'StateDirectoryMode=0700',
  ...[...new Set(writes)].sort().map((path) => `ReadWritePaths=-${quoted(path)}`),
  'DevicePolicy=closed',
  ...devices.map((path) => `DeviceAllow=${escaped(path)} rw`),
];

/** No MemoryDenyWriteExecute: JavaScript is compiled while it runs. No PrivateDevices and no PrivateUsers: TPM and owners. */
const confinement: readonly string[] = [
  '# Files of other users: written (DAC_OVERRIDE), given away (CHOWN), their modes set (FOWNER, FSETID), and read as the',
  '# user who will read them (SETUID, SETGID).',
  'CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_CHOWN CAP_FOWNER CAP_FSETID CAP_SETUID CAP_SETGID',
  'AmbientCapabilities=',
  'NoNewPrivileges=yes',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'ProtectProc=invisible',
  'PrivateMounts=yes',
  'KeyringMode=private',
  'LockPersonality=yes',
  'RemoveIPC=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'SystemCallFilter=~@keyring @memlock @obsolete @resources',
  'SystemCallErrorNumber=EPERM',
];

/** systemd's own signs: specifiers, variables, and what would end a word (systemd.service(5), "Command lines"). */
const escaped = (text: string): string => text.replaceAll('%', '%%');
const quoted = (text: string): string => {
  const safe = escaped(text).replaceAll('$', '$$$$').replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(safe) ? safe : `"${safe}"`;
};
