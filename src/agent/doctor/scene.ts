// Everything of a host's files that the checks decide upon, gathered once. No check reads a file by itself, so that each is
// a function of the scene.
import { posix } from 'node:path';
import type { AgentState } from '../agent-state.ts';
import { type HostFiles, type HostText, openHostFiles } from './host-files.ts';
import { type Identity, readIdentities } from './identities.ts';
import { parseConf } from './keylime-conf.ts';
import { type PkiFile, readPkiFile } from './pki-file.ts';
import type { DoctorPorts, ManagedCertificate } from './ports.ts';
import { parseTpm2bPublic } from '../../tpm2/public-area.ts';
import { publicKeyOf } from '../../tpm2/subject-public-key-info.ts';

/** Where certificates of this estate are known to stand. */
const knownPlaces: readonly string[] = [
  '/etc/keylime/certs',
  '/etc/nginx/ssl',
  '/etc/nginx/certs',
  '/opt/openbao/tls',
  '/etc/openbao/certs',
  '/var/lib/tpm2-devid',
  '/etc/spire',
];

/** What the files say. */
export type FileScene = {
  readonly now: Date;
  readonly state: AgentState | null;
  readonly managed: readonly ManagedCertificate[];
  readonly addresses: readonly string[] | null;
  readonly identities: ReadonlyMap<string, Identity>;
  readonly groups: ReadonlyMap<number, string>;
  readonly pki: readonly PkiFile[];
  /** Paths in the known places whose content this user may not read. */
  readonly closed: readonly string[];
  /** Files of CA certificates under which Keylime obeys clients (trusted_client_ca). */
  readonly clientAnchors: readonly string[];
  /** SubjectPublicKeyInfo of the TPM key in `devid.pub`, null when there is none that can be read. */
  readonly devIdKey: Uint8Array | null;
};

/** More directories and files than such places have; a place that is a whole file system is not walked to its end. */
const limits = { depth: 3, files: 2000 };

/** Directories below a known place that hold what was: backups, and the agent's own generations. */
const isHistory = (name: string): boolean => name === 'backups' || name === 'archive' || name.startsWith('.');

/** What reading the files takes. */
export type FilePorts = Pick<DoctorPorts, 'root' | 'now' | 'state' | 'managed' | 'places'> &
  Partial<Pick<DoctorPorts, 'addresses'>>;

/** Reads the files. */
export async function observeFiles(ports: FilePorts): Promise<FileScene> {
  const files = await openHostFiles(ports.root);
  const places = [...knownPlaces, ...ports.places.filter((place) => !knownPlaces.includes(place))];
  const clientAnchors = await clientAnchorsOf(files);
  const walked = await Promise.all(places.map((place) => walk(files, place, limits.depth)));
  const paths = [...walked.flat(), ...clientAnchors];
  const [pki, closed]: [PkiFile[], string[]] = [[], []];
  for (const path of [...new Set(paths)].slice(0, limits.files)) {
    const file = await files.read(path);
    const found = file === null ? null : readPkiFile(file);
    if (found !== null) pki.push(found);
    else if (file === null && (await files.stat(path))?.isFile() === true) closed.push(path);
  }
  const [passwd, group] = await Promise.all(['/etc/passwd', '/etc/group'].map((path) => files.text(path)));
  return {
    now: ports.now(),
    state: ports.state,
    managed: ports.managed,
    addresses: ports.addresses ?? null,
    identities: readIdentities(passwd?.text ?? '', group?.text ?? ''),
    groups: groupNames(group),
    pki,
    closed,
    clientAnchors,
    devIdKey: await devIdKeyOf(files),
  };
}

async function walk(files: HostFiles, directory: string, depth: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await files.list(directory)) {
    if (isHistory(name)) continue;
    const path = posix.join(directory, name);
    const facts = await files.stat(path);
    if (facts?.isDirectory() === true && depth > 1) found.push(...(await walk(files, path, depth - 1)));
    else if (facts?.isFile() === true) found.push(path);
    if (found.length > limits.files) break;
  }
  return found;
}

const groupNames = (group: HostText | null | undefined): ReadonlyMap<number, string> =>
  new Map(
    (group?.text ?? '').split('\n').flatMap((line) => {
      const [name = '', , number = ''] = line.split(':');
      return name === '' || number === '' ? [] : [[Number(number), name] as const];
    }),
  );

/** The key of `devid.pub`, as TPM2B_PUBLIC (tpm2-tools); what cannot be read is no key. */
async function devIdKeyOf(files: HostFiles): Promise<Uint8Array | null> {
  const file = await files.read('/var/lib/tpm2-devid/devid.pub');
  if (file === null) return null;
  try {
    const key = publicKeyOf(parseTpm2bPublic(file.content));
    return key.ok ? key.value.spkiDer : null;
  } catch {
    return null;
  }
}

/** The option in the three configurations of Keylime; relative names count from tls_dir, else keylime_dir. */
async function clientAnchorsOf(files: HostFiles): Promise<readonly string[]> {
  const confs = await Promise.all(
    ['agent', 'verifier', 'registrar'].map((name) => files.text(`/etc/keylime/${name}.conf`)),
  );
  return confs.flatMap((conf) => {
    const options = parseConf(conf?.text ?? '');
    const last = (wanted: string): string => options.findLast(({ key }) => key === wanted)?.value ?? '';
    const directory = [last('tls_dir'), last('keylime_dir')].find((one) => one.startsWith('/')) ?? '/var/lib/keylime';
    const names = (last('trusted_client_ca').match(/[^\s"',[\]]+/g) ?? []).filter(
      (name) => !/^(?:default|all)$/.test(name),
    );
    return names.map((name) => posix.resolve(directory, name));
  });
}
