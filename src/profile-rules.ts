// The rules of the two trust domains that no profile may break, and that its names are well formed. Knows profiles as the
// domain does: their files are for profile-file.ts.
import type { FileFault } from './checked-yaml.ts';
import { isCidr, isDnsName, isUri, normalizeIpAddress } from './domain/names.ts';
import { type CertificateNames, extendedKeyUsages, type NameRule, type Profile } from './domain/profile.ts';

const day = 24 * 3600;

type MakeFault = (path: string, detail: string, accepted: string) => FileFault;

/** Where a profile breaks a rule, what it says there, and what would do. */
type Rule = {
  readonly path: string;
  readonly isBroken: (profile: Profile) => boolean;
  readonly detail: string;
  readonly accepted: string;
};

const rules: readonly Rule[] = [
  {
    path: '/extendedKeyUsage',
    isBroken: ({ extendedKeyUsage }) => extendedKeyUsage.length === 0,
    detail: 'is empty',
    accepted: extendedKeyUsages.join(', '),
  },
  {
    path: '/extendedKeyUsage',
    isBroken: ({ domain, extendedKeyUsage }) => domain === 'estate' && extendedKeyUsage.includes('clientAuth'),
    detail: 'clientAuth is never issued under the estate’s root',
    accepted: 'serverAuth, tpmFixed',
  },
  {
    path: '/extendedKeyUsage',
    isBroken: ({ domain, extendedKeyUsage }) =>
      domain === 'keylime-control' && extendedKeyUsage.some((one) => one !== 'clientAuth'),
    detail: 'keylime-control signs client certificates and nothing else',
    accepted: 'clientAuth',
  },
  {
    path: '/extendedKeyUsage',
    isBroken: ({ keyOrigin, extendedKeyUsage }) =>
      keyOrigin === 'tpm' && extendedKeyUsage.some((one) => one !== 'tpmFixed'),
    detail: 'a key proved by a TPM is a device identity and takes part in no TLS',
    accepted: 'tpmFixed',
  },
  {
    path: '/obtainedBy',
    isBroken: ({ keyOrigin, obtainedBy }) => keyOrigin === 'tpm' && obtainedBy.some((by) => by !== 'device'),
    detail: 'only a device can prove a TPM key',
    accepted: 'device',
  },
  {
    path: '/key/origin',
    isBroken: ({ keyOrigin, certificatePolicies, extendedKeyUsage, hardwareModuleName }) =>
      keyOrigin !== 'tpm' &&
      (certificatePolicies.length > 0 || extendedKeyUsage.includes('tpmFixed') || hardwareModuleName),
    detail: 'a software key must not claim to live in a TPM',
    accepted: 'tpm',
  },
  {
    path: '/commonName',
    isBroken: ({ commonName, obtainedBy, lifetimeSeconds }) =>
      commonName === 'principal' && (obtainedBy.some((by) => by !== 'operator') || lifetimeSeconds > day),
    detail: 'a certificate of a person is never for a device and lives a day at most',
    accepted: 'obtainedBy: [operator], lifetime: 24h',
  },
  {
    path: '/backdate',
    isBroken: ({ backdateSeconds, lifetimeSeconds }) => backdateSeconds >= lifetimeSeconds,
    detail: 'is not shorter than the lifetime',
    accepted: 'a minute or so',
  },
];

/**
 * The rules that hold for every profile, whoever edits the file. Checked are: the file's name; an EKU is there; no
 * clientAuth under the estate's root and nothing but clientAuth under Keylime's; a TPM key is never TLS and never
 * obtained without a device; an operator's own certificate lives a day at most; every name and rule is well formed.
 */
export function profileRules(profile: Profile, file: string): readonly FileFault[] {
  const fault: MakeFault = (path, detail, accepted) => ({
    reason: 'ruleBroken',
    detail,
    field: `${file}: ${path}`,
    accepted,
  });
  const isNamed = file === `${profile.name}.yaml`;
  const misnamed = fault('/name', `"${profile.name}" is not the name of the file`, file.replace(/\.yaml$/, ''));
  const broken = rules.filter(({ isBroken }) => isBroken(profile));
  return [
    ...(isNamed ? [] : [misnamed]),
    ...broken.map(({ path, detail, accepted }) => fault(path, detail, accepted)),
    ...nameFaults(profile, fault),
  ];
}

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

function isPattern(pattern: string): boolean {
  try {
    new RegExp(`^(?:${pattern})$`, 'u');
    return true;
  } catch {
    return false;
  }
}
