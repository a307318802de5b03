// What files a certificate becomes: the rows of a preset, and the octets for each row. Where the rows come from is
// presets/; nothing is written here.
import type { TrustDomain } from '../domain/profile.ts';
import { type TpmKeyBlobs, toSpireBlobs, toTss2Pem } from '../tpm2/key-files.ts';
import { encodePem } from '../x509/pem.ts';
import type { CheckedCertificate } from './check-issued.ts';
import { AgentFailure } from './failure.ts';
import type { DomainAnchors } from './trust.ts';

/**
 * Who shall own a file; the first alternative whose names exist on the host is taken, else root. One with a `reader` is
 * passed over where that user exists and is not in the group.
 */
export type OwnerRule = readonly {
  readonly user: string;
  readonly group: string;
  readonly mode?: number;
  readonly reader?: string;
}[];

/** What a file holds. `chain` is without the root; the `control` ones belong to the trust domain that Keylime obeys. */
export type FileContent =
  | 'key'
  | 'leaf'
  | 'chain'
  | 'fullChain'
  | 'root'
  | 'completeChain'
  | 'controlChain'
  | 'tpmPublic'
  | 'tpmPrivate'
  | 'spirePublic'
  | 'spirePrivate'
  | 'tss2Key';

/** One file of a target, its path relative to the root. */
export type FileRow = {
  readonly path: string;
  readonly content: FileContent;
  readonly mode: number;
  readonly owner: OwnerRule;
  /** Users that must be able to read it; those that the host does not have are passed over. */
  readonly readers: readonly string[];
};

/** One file with its octets. */
export type PlacedFile = Omit<FileRow, 'content'> & {
  readonly kind: FileContent;
  readonly content: string | Uint8Array;
};

/** The files of one target, as a preset or the configuration says. */
export type FileTable = {
  readonly directory: { readonly path: string; readonly mode: number };
  /** Keys before certificates; the first with the leaf is the target's certificate file. */
  readonly rows: readonly FileRow[];
  /** Further names of a file, as links beside it. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
};

/** The files of one certificate; `certificateFile` is the one that begins with the leaf. */
export type Placement = Omit<FileTable, 'rows'> & {
  readonly checked: CheckedCertificate;
  readonly files: readonly PlacedFile[];
  readonly certificateFile: string;
  /** Files that could not be made from what this host was given, and why. */
  readonly missing: readonly string[];
};

/** What this host trusts, by domain, beside the root that it was enrolled under. */
export type Anchors = Readonly<Record<TrustDomain, DomainAnchors>>;

/** What a certificate brings along beside itself. */
export type PlacementInput = {
  readonly checked: CheckedCertificate;
  /** DER of the pinned root. */
  readonly root: Uint8Array;
  readonly devId: TpmKeyBlobs | null;
  readonly anchors?: Anchors | undefined;
};

/** The files of a table for a certificate. */
export function placementOf({ rows, ...table }: FileTable, input: PlacementInput): Placement {
  const files: PlacedFile[] = [];
  const missing: string[] = [];
  for (const { content: kind, ...row } of rows) {
    const content = contentOf(kind, input);
    if (content === null) missing.push(`/${row.path} was not written: ${whyMissing(kind)}`);
    else files.push({ ...row, kind, content });
  }
  return { ...table, checked: input.checked, files, certificateFile: certificateFileOf(rows), missing };
}

/** Where the certificate of a target is, as its host names it. */
export const certificatePath = ({ table }: { readonly table: FileTable }): string =>
  `/${certificateFileOf(table.rows)}`;

/** The path of the row that begins with the leaf, relative to the root. */
export function certificateFileOf(rows: readonly FileRow[]): string {
  const row = rows.find(({ content }) => content === 'fullChain' || content === 'leaf');
  if (row === undefined) throw new RangeError('a table of files has no certificate');
  return row.path;
}

const whyMissing = (kind: FileContent): string =>
  kind === 'controlChain' ? 'this host was given no root of keylime-control' : 'there is no DevID key';

/** Null for what cannot be made from this input. */
function contentOf(kind: FileContent, input: PlacementInput): string | Uint8Array | null {
  const { checked, devId } = input;
  switch (kind) {
    case 'key':
      return privateKeyOf(checked);
    case 'leaf':
      return checked.leafPem;
    case 'chain':
      return checked.chainPem;
    case 'fullChain':
      return checked.leafPem + checked.chainPem;
    case 'root':
      return withoutRepeats(encodePem('CERTIFICATE', input.root) + (input.anchors?.estate.rootsPem ?? ''));
    case 'completeChain':
      return estateChain(input);
    case 'controlChain':
      return controlChain(input);
    case 'tpmPublic':
      return devId?.public ?? null;
    case 'tpmPrivate':
      return devId?.private ?? null;
    case 'spirePublic':
      return devId === null ? null : toSpireBlobs(devId).public;
    case 'spirePrivate':
      return devId === null ? null : toSpireBlobs(devId).private;
    case 'tss2Key':
      return devId === null ? null : toTss2Pem(devId);
    default:
      return kind satisfies never;
  }
}

/** The estate's CAs: those of this certificate first, if it is the estate's; the roots last. */
function estateChain({ checked, root, anchors }: PlacementInput): string {
  const { rootsPem = '', authoritiesPem = '' } = anchors?.estate ?? {};
  const own = checked.isUnderPinnedRoot ? checked.chainPem : '';
  return withoutRepeats(own + authoritiesPem + encodePem('CERTIFICATE', root) + rootsPem);
}

function controlChain({ checked, anchors }: PlacementInput): string | null {
  const { rootsPem = '', authoritiesPem = '' } = anchors?.['keylime-control'] ?? {};
  const own = checked.isUnderPinnedRoot ? '' : checked.chainPem;
  return rootsPem === '' ? null : withoutRepeats(own + authoritiesPem + rootsPem);
}

/** Each certificate once, in the order of their first appearance. */
const withoutRepeats = (pem: string): string =>
  [...new Set(pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g) ?? [])].join('');

function privateKeyOf({ wanted }: CheckedCertificate): string {
  if (wanted.key.kind !== 'software') throw new AgentFailure(`profile ${wanted.profile} has no software key`);
  return wanted.key.privateKeyPem;
}
