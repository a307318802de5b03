// The format of policies/profiles/*.yaml: its JSON Schema, its mapping to the domain's Profile, and the rules of the two
// trust domains that no profile may break. Reading the files is for policies.ts.
import type { FileFault } from './checked-yaml.ts';
import { isDnsName, isUri, normalizeIpAddress, parseIpAddress } from './domain/names.ts';
import type { CertificateNames, NameRule, Profile } from './domain/profile.ts';

/** A name rule as written: a string matches exactly, everything else says what it is. */
type WrittenRule = string | Exclude<NameRule, { readonly exact: string }>;

/** A profile as written. Durations are `<number>s|m|h`. */
export type ProfileFile = {
  readonly name: string;
  readonly description: string;
  readonly domain: Profile['domain'];
  readonly obtainedBy: Profile['obtainedBy'];
  readonly key: { readonly origin: Profile['keyOrigin']; readonly types: Profile['keyTypes'] };
  readonly lifetime: string;
  readonly backdate: string;
  readonly commonName: Profile['commonName'];
  readonly hardwareModuleName: boolean;
  readonly names: {
    readonly dns: readonly WrittenRule[];
    readonly ip: readonly WrittenRule[];
    readonly uri: readonly WrittenRule[];
  };
  readonly writes: { readonly dns: readonly string[]; readonly ip: readonly string[]; readonly uri: readonly string[] };
  readonly keyUsage: Profile['keyUsage'];
  readonly extendedKeyUsage: Profile['extendedKeyUsage'];
  readonly certificatePolicies: Profile['certificatePolicies'];
  readonly authorityInformationAccess: Profile['authorityInformationAccess'];
  readonly crlDistributionPoint: Profile['crlDistributionPoint'];
  readonly maxPemCharacters: number | 'none';
};

const object = (properties: Readonly<Record<string, object>>, description: string): object => ({
  type: 'object',
  description,
  additionalProperties: false,
  required: Object.keys(properties),
  properties,
});

const oneOf = (values: readonly string[], description: string): object => ({
  type: 'string',
  enum: values,
  description,
});

const setOf = (values: readonly string[], description: string): object => ({
  type: 'array',
  uniqueItems: true,
  items: oneOf(values, description),
  description,
});

const someOf = (values: readonly string[], description: string): object => ({
  ...setOf(values, description),
  minItems: 1,
});

const text = (description: string): object => ({ type: 'string', minLength: 1, maxLength: 2048, description });

const rule = (key: string, value: object): object => ({
  type: 'object',
  additionalProperties: false,
  required: [key],
  properties: { [key]: value },
});

const rules = (description: string): object => ({
  type: 'array',
  description,
  items: {
    description: 'an exact name, or one of {subdomainsOf: …}, {pattern: …}, {cidr: …}, {any: true}',
    oneOf: [
      text('an exact name'),
      rule('subdomainsOf', text('a domain')),
      rule('pattern', text('a regular expression, anchored at both ends')),
      rule('cidr', text('network/bits')),
      rule('any', { type: 'boolean', const: true }),
    ],
  },
});

const names = (description: string): object => ({
  type: 'array',
  uniqueItems: true,
  items: text(description),
  description,
});

const duration = (description: string): object => ({
  type: 'string',
  pattern: '^[1-9][0-9]{0,5}[smh]$',
  description: `${description}, as a number with s, m or h: 24h`,
});

const commonNames = ['hostName', 'keylimeAgent', 'keylimeAgentName', 'firstDnsName', 'principal'];
const extendedKeyUsages = ['serverAuth', 'clientAuth', 'tpmFixed'];

/** JSON Schema of a profile file. Every key is required: a profile has no defaults. */
export const profileSchema: object = object(
  {
    name: {
      type: 'string',
      pattern: '^[a-z0-9]+(?:-[a-z0-9]+)*$',
      maxLength: 64,
      description: 'the name of the file without .yaml',
    },
    description: text('one line for a person'),
    domain: oneOf(['estate', 'keylime-control'], 'the trust domain that issues it'),
    obtainedBy: someOf(['device', 'operator', 'service'], 'device, operator, service: at least one'),
    key: object(
      {
        origin: oneOf(['tpm', 'software'], 'tpm or software'),
        types: someOf(['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'], 'key types, at least one'),
      },
      'where the key lives and what it may be',
    ),
    lifetime: duration('time between notBefore and notAfter'),
    backdate: { ...duration('how far notBefore lies in the past'), pattern: '^(?:0|[1-9][0-9]{0,5})[smh]$' },
    commonName: oneOf(commonNames, 'where the commonName comes from'),
    hardwareModuleName: { type: 'boolean', description: 'true or false' },
    names: object(
      { dns: rules('DNS names'), ip: rules('addresses'), uri: rules('URIs') },
      'the names that may be asked for: lists of rules; an empty list allows none',
    ),
    writes: object(
      { dns: names('DNS names'), ip: names('addresses'), uri: names('URIs') },
      'the names that stand in each certificate whatever was asked',
    ),
    keyUsage: someOf(['digitalSignature', 'keyEncipherment', 'keyAgreement'], 'key usages, at least one'),
    // An empty list is a fault of its own, named by profileRules.
    extendedKeyUsage: setOf(extendedKeyUsages, 'extended key usages, at least one'),
    certificatePolicies: setOf(['verifiedTpmResidency', 'verifiedTpmFixed'], 'TCG policies, or an empty list'),
    authorityInformationAccess: oneOf(['issuer', 'none'], 'issuer, or none said aloud'),
    crlDistributionPoint: oneOf(['issuer', 'none'], 'issuer, or none said aloud'),
    maxPemCharacters: {
      description: 'a number of characters, or none',
      oneOf: [
        { type: 'integer', minimum: 256 },
        { type: 'string', const: 'none' },
      ],
    },
  },
  'a certificate profile',
);

const secondsPerUnit = { s: 1, m: 60, h: 3600 } as const;

/** Seconds of a duration that the schema admitted. */
function seconds(duration: string): number {
  const unit = duration.endsWith('h') ? 'h' : duration.endsWith('m') ? 'm' : 's';
  return Number(duration.slice(0, -1)) * secondsPerUnit[unit];
}

const nameRule = (written: WrittenRule): NameRule => (typeof written === 'string' ? { exact: written } : written);

/** The domain's profile. `digest` is the SHA-256 of the file's octets in lower-case hex. */
export const toProfile = (file: ProfileFile, digest: string): Profile => ({
  name: file.name,
  digest,
  description: file.description,
  domain: file.domain,
  obtainedBy: file.obtainedBy,
  keyOrigin: file.key.origin,
  keyTypes: file.key.types,
  lifetimeSeconds: seconds(file.lifetime),
  backdateSeconds: seconds(file.backdate),
  commonName: file.commonName,
  allowedNames: {
    dnsNames: file.names.dns.map(nameRule),
    ipAddresses: file.names.ip.map(nameRule),
    uris: file.names.uri.map(nameRule),
  },
  fixedNames: { dnsNames: file.writes.dns, ipAddresses: file.writes.ip, uris: file.writes.uri },
  hardwareModuleName: file.hardwareModuleName,
  keyUsage: file.keyUsage,
  extendedKeyUsage: file.extendedKeyUsage,
  certificatePolicies: file.certificatePolicies,
  authorityInformationAccess: file.authorityInformationAccess,
  crlDistributionPoint: file.crlDistributionPoint,
  maxPemCharacters: file.maxPemCharacters === 'none' ? null : file.maxPemCharacters,
});

const day = 24 * 3600;

/**
 * The rules that hold for every profile, whoever edits the file. Checked are: the file's name; an EKU is there; no
 * clientAuth under the estate's root and nothing but clientAuth under Keylime's; a TPM key is never TLS and never
 * obtained without a device; an operator's own certificate lives a day at most; every name and rule is well formed.
 */
export function profileRules(profile: Profile, file: string): readonly FileFault[] {
  const fault = (path: string, detail: string, accepted: string): FileFault => ({
    reason: 'ruleBroken',
    detail,
    field: `${file}: ${path}`,
    accepted,
  });
  const usage = profile.extendedKeyUsage;
  const isTpm = profile.keyOrigin === 'tpm';
  const broken: readonly (readonly [boolean, FileFault])[] = [
    [
      file !== `${profile.name}.yaml`,
      fault('/name', `"${profile.name}" is not the name of the file`, file.replace(/\.yaml$/, '')),
    ],
    [usage.length === 0, fault('/extendedKeyUsage', 'is empty', extendedKeyUsages.join(', '))],
    [
      profile.domain === 'estate' && usage.includes('clientAuth'),
      fault('/extendedKeyUsage', 'clientAuth is never issued under the estate’s root', 'serverAuth, tpmFixed'),
    ],
    [
      profile.domain === 'keylime-control' && usage.some((one) => one !== 'clientAuth'),
      fault('/extendedKeyUsage', 'keylime-control signs client certificates and nothing else', 'clientAuth'),
    ],
    [
      isTpm && usage.some((one) => one !== 'tpmFixed'),
      fault('/extendedKeyUsage', 'a key proved by a TPM is a device identity and takes part in no TLS', 'tpmFixed'),
    ],
    [
      isTpm && profile.obtainedBy.some((by) => by !== 'device'),
      fault('/obtainedBy', 'only a device can prove a TPM key', 'device'),
    ],
    [
      !isTpm && (profile.certificatePolicies.length > 0 || usage.includes('tpmFixed') || profile.hardwareModuleName),
      fault('/key/origin', 'a software key must not claim to live in a TPM', 'tpm'),
    ],
    [
      profile.commonName === 'principal' &&
        (profile.obtainedBy.some((by) => by !== 'operator') || profile.lifetimeSeconds > day),
      fault(
        '/commonName',
        'a certificate of a person is never for a device and lives a day at most',
        'obtainedBy: [operator], lifetime: 24h',
      ),
    ],
    [
      profile.backdateSeconds >= profile.lifetimeSeconds,
      fault('/backdate', 'is not shorter than the lifetime', 'a minute or so'),
    ],
  ];
  return [...broken.filter(([is]) => is).map(([, one]) => one), ...nameFaults(profile, fault)];
}

type MakeFault = (path: string, detail: string, accepted: string) => FileFault;

const kinds = [
  { path: 'dns', field: 'dnsNames', isValid: isDnsName, accepted: 'a lower-case DNS name' },
  {
    path: 'ip',
    field: 'ipAddresses',
    isValid: (t: string) => normalizeIpAddress(t) === t,
    accepted: 'an address as RFC 5952 writes it',
  },
  { path: 'uri', field: 'uris', isValid: isUri, accepted: 'an absolute URI' },
] as const satisfies readonly {
  path: string;
  field: keyof CertificateNames;
  isValid: (t: string) => boolean;
  accepted: string;
}[];

const nameFaults = (profile: Profile, fault: MakeFault): readonly FileFault[] =>
  kinds.flatMap(({ path, field, isValid, accepted }) => [
    ...profile.fixedNames[field].flatMap((name, at) =>
      isValid(name) ? [] : [fault(`/writes/${path}/${at}`, `"${name}" is not well formed`, accepted)],
    ),
    ...profile.allowedNames[field].flatMap((one, at) => {
      const wrong = ruleFault(one, field, isValid);
      return wrong === null ? [] : [fault(`/names/${path}/${at}`, wrong, accepted)];
    }),
  ]);

function ruleFault(one: NameRule, field: keyof CertificateNames, isValid: (text: string) => boolean): string | null {
  if ('exact' in one) return isValid(one.exact) ? null : `"${one.exact}" is not well formed`;
  if ('subdomainsOf' in one) {
    const fits = field === 'dnsNames' && isDnsName(one.subdomainsOf) && !one.subdomainsOf.startsWith('*');
    return fits ? null : 'subdomainsOf takes a domain, and only among DNS names';
  }
  if ('cidr' in one)
    return field === 'ipAddresses' && isCidr(one.cidr) ? null : 'cidr takes network/bits, and only among addresses';
  if ('pattern' in one) return isPattern(one.pattern) ? null : 'is not a regular expression';
  return null;
}

/** Whether a text is `network/bits` of IPv4 or IPv6, with bits within the family's length. */
export function isCidr(text: string): boolean {
  const [network = '', bits = '', ...rest] = text.split('/');
  const octets = parseIpAddress(network);
  return (
    octets !== null && rest.length === 0 && /^(?:0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= octets.length * 8
  );
}

function isPattern(pattern: string): boolean {
  try {
    new RegExp(`^(?:${pattern})$`, 'u');
    return true;
  } catch {
    return false;
  }
}
