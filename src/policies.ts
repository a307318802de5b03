// Loads policies/ once, whole: profiles, the trust anchors of endorsement keys, the TPMs that are denied, and when a person
// is warned. Decides nothing about a request.
import { createHash, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileSchema, entryList, type FileFault, readYaml, textLine } from './checked-yaml.ts';
import type { Profile } from './domain/profile.ts';
import { err, ok, type Result } from './domain/result.ts';
import type { TpmDenials } from './domain/tpm-denials.ts';
import type { WarningPolicy } from './domain/warning-policy.ts';
import { readTpmDenials } from './tpm-denied-file.ts';
import { type ProfileFile, profileSchema, toProfile } from './profile-file.ts';
import { profileRules } from './profile-rules.ts';
import { readWarnings } from './warnings-file.ts';

/** A certificate of a TPM vendor. `file` is its name in its folder; `der` is exactly one certificate. */
export type EndorsementCertificate = { readonly file: string; readonly der: Uint8Array };

/** Everything that policies/ says. */
export type Policies = {
  /** By name. */
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Self-signed CA certificates: the only anchors of an EK certificate. */
  readonly endorsementRoots: readonly EndorsementCertificate[];
  /** Links between an EK certificate and a root; never anchors. */
  readonly endorsementIntermediates: readonly EndorsementCertificate[];
  /** Keys, certificates and firmware of TPMs that are believed no longer. */
  readonly tpmDenials: TpmDenials;
  /** When a person is warned. */
  readonly warnings: WarningPolicy;
};

/**
 * Reads `<directory>/profiles/*.yaml`, `ek-roots/`, `ek-intermediates/`, `tpm-denied.yaml` and `warnings.yaml`. Every
 * fault of every file is reported, not only the first; `field` names file and place. Each certificate is in the manifest of its folder with
 * the SHA-256 of its DER, and each entry has its file: nothing becomes an anchor by lying in a folder.
 */
export function loadPolicies(directory: string): Result<Policies, readonly FileFault[]> {
  const faults: FileFault[] = [];
  const profiles = loadProfiles(join(directory, 'profiles'), faults);
  const endorsementRoots = loadCertificates(directory, 'ek-roots', faults);
  const endorsementIntermediates = loadCertificates(directory, 'ek-intermediates', faults);
  const tpmDenials = loadFile(directory, tpmDenied, faults);
  // `unmanaged` stands for what hosts report and nobody keeps.
  const profileNames = faults.length > 0 ? null : new Set([...profiles.keys(), 'unmanaged']);
  const warnings = loadFile(directory, warningLevels(profileNames), faults);
  if (faults.length > 0 || tpmDenials === null || warnings === null) return err(faults);
  return ok({ profiles, endorsementRoots, endorsementIntermediates, tpmDenials, warnings });
}

/** One file of the directory; `accepted` says what should be there. */
type FileReader<T> = {
  readonly file: string;
  readonly accepted: string;
  readonly read: (file: string, text: string) => Result<T, readonly FileFault[]>;
};

/** A list that is not there is a fault: it may have been lost, and all that it denied would be believed again. */
const tpmDenied: FileReader<TpmDenials> = {
  file: 'tpm-denied.yaml',
  accepted: 'the file with its three lists, which may be empty',
  read: readTpmDenials,
};

/** Levels that are not there are a fault: nobody would hear of anything. */
const warningLevels = (profileNames: ReadonlySet<string> | null): FileReader<WarningPolicy> => ({
  file: 'warnings.yaml',
  accepted: 'the file with the levels of warnings, as policies/warnings.yaml has them',
  read: (file, text) => readWarnings(file, text, profileNames),
});

function loadFile<T>(directory: string, { file, accepted, read }: FileReader<T>, faults: FileFault[]): T | null {
  try {
    const value = read(file, readFileSync(join(directory, file), 'utf8'));
    if (!value.ok) faults.push(...value.error);
    return value.ok ? value.value : null;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    faults.push(unreadable(file, `cannot be read: ${code}`, accepted));
    return null;
  }
}

const validateProfile = compileSchema<ProfileFile>(profileSchema);

function loadProfiles(directory: string, faults: FileFault[]): ReadonlyMap<string, Profile> {
  const profiles = new Map<string, Profile>();
  const files = listFiles(directory, faults);
  if (files.length === 0) faults.push(unreadable(directory, 'has no profile', 'at least one <name>.yaml'));
  for (const file of files) {
    if (!file.endsWith('.yaml')) {
      faults.push(unreadable(join(directory, file), 'is no profile', '<name>.yaml'));
      continue;
    }
    const octets = readFileSync(join(directory, file));
    const written = readYaml(file, octets.toString('utf8'), validateProfile);
    if (!written.ok) {
      faults.push(...written.error);
      continue;
    }
    const profile = toProfile(written.value, sha256(octets));
    faults.push(...profileRules(profile, file));
    profiles.set(profile.name, profile);
  }
  return profiles;
}

type ManifestEntry = {
  readonly file: string;
  readonly sha256: string;
  readonly subject: string;
  readonly origin: string;
  readonly note: string;
};

type Manifest = { readonly certificates: readonly ManifestEntry[]; readonly leftOut: readonly object[] };

/** JSON Schema of `ek-roots/manifest.yaml` and `ek-intermediates/manifest.yaml`. */
const manifestSchema: object = {
  type: 'object',
  additionalProperties: false,
  required: ['certificates', 'leftOut'],
  properties: {
    certificates: entryList(
      {
        file: {
          type: 'string',
          pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
          description: 'the name of a file beside the manifest',
        },
        sha256: {
          type: 'string',
          pattern: '^[0-9a-f]{64}$',
          description: 'SHA-256 of the DER, 64 lower-case hex digits',
        },
        subject: textLine('the subject, for the reader'),
        origin: textLine('where the file was taken from'),
        note: textLine('what it is for'),
      },
      'a list of {file, sha256, subject, origin, note}',
    ),
    leftOut: entryList({ subject: textLine('the subject'), reason: textLine('why') }, 'a list of {subject, reason}'),
  },
};

const validateManifest = compileSchema<Manifest>(manifestSchema);

type Folder = 'ek-roots' | 'ek-intermediates';

function loadCertificates(directory: string, folder: Folder, faults: FileFault[]): readonly EndorsementCertificate[] {
  const path = join(directory, folder);
  const files = listFiles(path, faults);
  const manifestFile = `${folder}/manifest.yaml`;
  if (!files.includes('manifest.yaml')) {
    faults.push(unreadable(manifestFile, 'is missing', 'the list of the certificates beside it'));
    return [];
  }
  const manifest = readYaml(manifestFile, readFileSync(join(path, 'manifest.yaml'), 'utf8'), validateManifest);
  if (!manifest.ok) {
    faults.push(...manifest.error);
    return [];
  }
  const entries = new Map(manifest.value.certificates.map((entry) => [entry.file, entry]));
  if (entries.size !== manifest.value.certificates.length) {
    faults.push(differs(manifestFile, 'names a file twice', 'each file once'));
  }
  for (const missing of [...entries.keys()].filter((file) => !files.includes(file))) {
    faults.push(differs(`${folder}/${missing}`, 'is in the manifest and not in the folder', 'the file, or no entry'));
  }
  return files
    .filter((file) => file !== 'manifest.yaml')
    .flatMap((file) => {
      const read = readListed(readFileSync(join(path, file)), `${folder}/${file}`, entries.get(file));
      const fault = read.ok ? chainFault(read.value, folder, `${folder}/${file}`) : read.error;
      if (fault !== null) faults.push(fault);
      return read.ok && fault === null ? [{ file, der: new Uint8Array(read.value.raw) }] : [];
    });
}

/** One certificate, PEM or DER, nothing after it, with the digest that the manifest gives. */
function readListed(
  octets: Uint8Array,
  place: string,
  entry: ManifestEntry | undefined,
): Result<X509Certificate, FileFault> {
  if (entry === undefined) {
    return err(
      differs(place, 'is not in the manifest', 'an entry {file, sha256, subject, origin, note} in manifest.yaml'),
    );
  }
  const certificate = parseCertificate(octets);
  if (certificate === null)
    return err(bad(place, 'is not exactly one X.509 certificate', 'PEM or DER of one certificate'));
  const digest = sha256(certificate.raw);
  if (digest !== entry.sha256) return err(differs(place, `has SHA-256 ${digest}`, entry.sha256));
  return ok(certificate);
}

function parseCertificate(octets: Uint8Array): X509Certificate | null {
  const isDer = octets[0] === 0x30;
  const blocks = isDer ? 1 : Buffer.from(octets).toString('latin1').split('-----BEGIN ').length - 1;
  if (octets.length > 64 * 1024 || blocks !== 1) return null;
  try {
    const certificate = new X509Certificate(octets);
    return isDer && certificate.raw.length !== octets.length ? null : certificate;
  } catch {
    return null;
  }
}

/** A root signs itself and is a CA; an intermediate is a CA and signed by another. RFC 5280 §3.2, §4.2.1.9. */
function chainFault(certificate: X509Certificate, folder: Folder, place: string): FileFault | null {
  if (!certificate.ca) return bad(place, 'is no CA certificate', 'basicConstraints with cA TRUE');
  const isSelfSigned = certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
  if (folder === 'ek-roots') {
    return isSelfSigned ? null : bad(place, 'is not self-signed', 'a root; an intermediate goes to ek-intermediates/');
  }
  return isSelfSigned ? bad(place, 'is self-signed', 'an intermediate; a root goes to ek-roots/') : null;
}

function listFiles(directory: string, faults: FileFault[]): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    faults.push(unreadable(directory, `cannot be listed: ${code}`, 'a readable directory'));
    return [];
  }
}

const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

const unreadable = (field: string, detail: string, accepted: string): FileFault => ({
  reason: 'fileUnreadable',
  detail,
  field,
  accepted,
});

const differs = (field: string, detail: string, accepted: string): FileFault => ({
  reason: 'manifestDiffers',
  detail,
  field,
  accepted,
});

const bad = (field: string, detail: string, accepted: string): FileFault => ({
  reason: 'badCertificate',
  detail,
  field,
  accepted,
});
