// Where the files of each profile go on a host, with mode and owner by name. The table that relying parties depend on;
// nothing is written here.
import { type TpmKeyBlobs, toSpireBlobs, toTss2Pem } from '../tpm2/key-files.ts';
import { encodePem } from '../x509/pem.ts';
import type { CheckedCertificate } from './check-issued.ts';
import { AgentFailure } from './failure.ts';

/** Who shall own a file; the first alternative whose names exist on the host is taken, else root. */
export type OwnerRule = readonly { readonly user: string; readonly group: string; readonly mode?: number }[];

/** One file, its path relative to the root. */
export type PlacedFile = {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
  readonly owner: OwnerRule;
};

/** The files of one certificate, keys before certificates; `certificateFile` is the one with the leaf. */
export type Placement = {
  readonly checked: CheckedCertificate;
  readonly directory: { readonly path: string; readonly mode: number };
  readonly files: readonly PlacedFile[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
  readonly certificateFile: string;
};

const rootOnly: OwnerRule = [{ user: 'root', group: 'root' }];
const readableByTss: OwnerRule = [{ user: 'root', group: 'tss' }];

/** What a certificate brings along beside itself. */
export type PlacementInput = {
  readonly checked: CheckedCertificate;
  /** DER of the pinned root. */
  readonly root: Uint8Array;
  readonly devId: TpmKeyBlobs | null;
  /** A place of use, where one profile is installed more than once; empty otherwise. */
  readonly place: string;
};

/** The files of a certificate by its profile. */
export function placementOf(input: PlacementInput): Placement {
  const { profile } = input.checked.wanted;
  if (profile === 'devid') return devIdPlacement(input);
  return profile === 'keylime-agent' && input.place === '' ? keylimeAgentPlacement(input) : ownPlacement(input);
}

function devIdPlacement({ checked, devId }: PlacementInput): Placement {
  if (devId === null) throw new AgentFailure('the state of this agent has no DevID key');
  const at = (name: string): string => `var/lib/tpm2-devid/${name}`;
  const spire = toSpireBlobs(devId);
  // SPIRE runs as a user of its own and is the one reader beside root; nobody writes what only the TPM can make.
  const forSpire: OwnerRule = [{ user: 'spire', group: 'root', mode: 0o400 }, ...rootOnly];
  const certificateFile = at('devid.crt');
  return {
    checked,
    directory: { path: 'var/lib/tpm2-devid', mode: 0o755 },
    files: [
      { path: at('devid.pub'), content: devId.public, mode: 0o640, owner: readableByTss },
      { path: at('devid.priv'), content: devId.private, mode: 0o600, owner: rootOnly },
      { path: at('devid.pub.blob'), content: spire.public, mode: 0o600, owner: forSpire },
      { path: at('devid.priv.blob'), content: spire.private, mode: 0o600, owner: forSpire },
      { path: at('devid.key.pem'), content: toTss2Pem(devId), mode: 0o600, owner: rootOnly },
      { path: certificateFile, content: checked.leafPem + checked.chainPem, mode: 0o640, owner: readableByTss },
    ],
    links: [],
    certificateFile,
  };
}

function keylimeAgentPlacement({ checked, root }: PlacementInput): Placement {
  const at = (name: string): string => `etc/keylime/certs/${name}`;
  const keylime: OwnerRule = [{ user: 'keylime', group: 'tss' }];
  const forConsumers: OwnerRule = [
    { user: 'keylime', group: 'spire' },
    { user: 'keylime', group: 'tss' },
  ];
  const rootPem = encodePem('CERTIFICATE', root);
  const certificateFile = at('agent.crt');
  const open = (name: string, content: string): PlacedFile => ({
    path: at(name),
    content,
    mode: 0o644,
    owner: keylime,
  });
  return {
    checked,
    directory: { path: 'etc/keylime/certs', mode: 0o755 },
    files: [
      { path: at('agent-pkcs8.key'), content: privateKeyOf(checked), mode: 0o640, owner: forConsumers },
      open('agent.crt', checked.leafPem + checked.chainPem),
      // The Rust agent as a client reads only the first certificate of its CA file, which must be the root.
      open('ca-root-only.crt', rootPem),
      open('ca.crt', checked.chainPem),
      open('ca-complete-chain.crt', checked.chainPem + rootPem),
    ],
    links: [{ path: at('ca-chain.crt'), target: 'ca-complete-chain.crt' }],
    certificateFile,
  };
}

/** Every other profile: the agent's own directory, for hooks and people to take from. */
function ownPlacement({ checked, place }: PlacementInput): Placement {
  const name = place === '' ? checked.wanted.profile : `${checked.wanted.profile}-${place}`;
  const directory = `var/lib/omens/agent/certificates/${name}`;
  const file = (path: string, content: string, mode: number): PlacedFile => ({
    path: `${directory}/${path}`,
    content,
    mode,
    owner: rootOnly,
  });
  return {
    checked,
    directory: { path: directory, mode: 0o700 },
    files: [
      file('key.pem', privateKeyOf(checked), 0o600),
      file('certificate.crt', checked.leafPem, 0o644),
      file('chain.crt', checked.chainPem, 0o644),
      file('fullchain.crt', checked.leafPem + checked.chainPem, 0o644),
    ],
    links: [],
    certificateFile: `${directory}/certificate.crt`,
  };
}

function privateKeyOf({ wanted }: CheckedCertificate): string {
  if (wanted.key.kind !== 'software') throw new AgentFailure(`profile ${wanted.profile} has no software key`);
  return wanted.key.privateKeyPem;
}
