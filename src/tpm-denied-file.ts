// The format of policies/tpm-denied.yaml: its JSON Schema, its rules, and its mapping to the domain's TpmDenials. Reading
// the file is for policies.ts.
import { compileSchema, entryList, type FileFault, readYaml, textLine } from './checked-yaml.ts';
import { err, ok, type Result } from './domain/result.ts';
import { type DeniedFirmware, parseFirmwareVersion, type TpmDenials } from './domain/tpm-denials.ts';

type DeniedDigest = { readonly sha256: string; readonly reason: string };
type WrittenFirmware = Readonly<Record<'manufacturer' | 'from' | 'to' | 'reason', string>>;

/** The file as written. */
type TpmDeniedFile = {
  readonly endorsementKeys: readonly DeniedDigest[];
  readonly certificates: readonly DeniedDigest[];
  readonly firmware: readonly WrittenFirmware[];
};

const digest = (of: string): object => ({
  type: 'string',
  pattern: '^[0-9a-f]{64}$',
  description: `SHA-256 of ${of}, 64 lower-case hex digits, in quotes`,
});

/** A string always: 7.10 without quotes would be the number 7.1. */
const version: object = {
  type: 'string',
  pattern: '^[0-9]{1,5}(\\.[0-9]{1,5}){1,3}$',
  description: 'two to four decimal numbers of 16 bits with dots, in quotes, e.g. "7.61"',
};

const reason = textLine('why, for the reader; the host is told it');

const schema: object = {
  type: 'object',
  additionalProperties: false,
  required: ['endorsementKeys', 'certificates', 'firmware'],
  properties: {
    endorsementKeys: entryList(
      { sha256: digest("the EK's SubjectPublicKeyInfo DER"), reason },
      'a list of {sha256, reason}, which may be empty',
    ),
    certificates: entryList({ sha256: digest('the DER'), reason }, 'a list of {sha256, reason}, which may be empty'),
    firmware: entryList(
      {
        manufacturer: {
          type: 'string',
          pattern: '^[0-9A-Fa-f]{8}$',
          description: 'the TCG vendor id, 8 hex digits, in quotes, e.g. "49465800"',
        },
        from: version,
        to: version,
        reason,
      },
      'a list of {manufacturer, from, to, reason}, which may be empty',
    ),
  },
};

const validate = compileSchema<TpmDeniedFile>(schema);

/** Reads the text of the file; all faults at once. `file` is its name in messages. */
export function readTpmDenials(file: string, text: string): Result<TpmDenials, readonly FileFault[]> {
  const written = readYaml(file, text, validate);
  if (!written.ok) return written;
  const faults: FileFault[] = [];
  const { value } = written;
  const denials = {
    endorsementKeys: byDigest(value.endorsementKeys, `${file}: /endorsementKeys`, faults),
    certificates: byDigest(value.certificates, `${file}: /certificates`, faults),
    firmware: value.firmware.flatMap((one, at) => firmwareOf(one, `${file}: /firmware/${at}`, faults)),
  };
  return faults.length > 0 ? err(faults) : ok(denials);
}

function byDigest(entries: readonly DeniedDigest[], place: string, faults: FileFault[]): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  for (const [at, { sha256, reason: why }] of entries.entries()) {
    if (reasons.has(sha256)) faults.push(broken(`${place}/${at}/sha256`, 'is there twice', 'each digest once'));
    reasons.set(sha256, why);
  }
  return reasons;
}

function firmwareOf(written: WrittenFirmware, place: string, faults: FileFault[]): readonly DeniedFirmware[] {
  const from = parseFirmwareVersion(written.from, 0);
  const to = parseFirmwareVersion(written.to, 65535);
  const accepted = 'decimal numbers up to 65535 without leading zeros, with dots';
  if (from === null) faults.push(broken(`${place}/from`, `"${written.from}" is no firmware version`, accepted));
  if (to === null) faults.push(broken(`${place}/to`, `"${written.to}" is no firmware version`, accepted));
  if (from === null || to === null) return [];
  if (from > to) faults.push(broken(`${place}/to`, 'lies before "from"', `"${written.from}" or later`));
  return [{ manufacturer: written.manufacturer.toUpperCase(), from, to, reason: written.reason }];
}

const broken = (field: string, detail: string, accepted: string): FileFault => ({
  reason: 'ruleBroken',
  detail,
  field,
  accepted,
});
