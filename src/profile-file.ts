// The format of policies/profiles/*.yaml: its JSON Schema, and its mapping to the domain's Profile. What no profile may say
// is in profile-rules.ts; reading the files is for policies.ts.
import { extendedKeyUsages, type NameRule, type Profile } from './domain/profile.ts';

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
