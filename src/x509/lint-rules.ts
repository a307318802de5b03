// The rules of lint.ts, one function each, by name: RFC 5280, the relying parties' demands, and the separation of the
// two trust domains. A rule answers what is wrong, or null.
import { sameOctets } from '../domain/octets.ts';
import type { ExtendedKeyUsage } from '../domain/profile.ts';
import type { Certificate } from './certificate.ts';
import { element, time } from './der-writer.ts';
import { purposeOids, policyOids } from './extensions.ts';
import { readHardwareModuleName, type GeneralName } from './general-names.ts';
import type { LintExpectation } from './lint.ts';
import { oids } from './oids.ts';
import { pemLength } from './pem.ts';
import { keyIdentifierOf } from './subject-public-key.ts';

export type LintRule =
  | 'serialNumber'
  | 'signatureAlgorithm'
  | 'issuerName'
  | 'validity'
  | 'validityEncoding'
  | 'withinIssuer'
  | 'subject'
  | 'subjectPublicKey'
  | 'authorityKeyIdentifier'
  | 'subjectKeyIdentifier'
  | 'basicConstraints'
  | 'keyUsage'
  | 'keyUsageFitsKey'
  | 'extendedKeyUsage'
  | 'onePurpose'
  | 'trustDomain'
  | 'subjectAltName'
  | 'hardwareModuleName'
  | 'certificatePolicies'
  | 'authorityInformationAccess'
  | 'crlDistributionPoints'
  | 'criticality'
  | 'unknownExtension'
  | 'pemCharacters';

type Rule = (certificate: Certificate, expected: LintExpectation) => string | null;

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i]);
const list = (values: readonly string[] | null): string => (values === null ? 'absent' : `[${values.join(', ')}]`);

const table: Readonly<Record<LintRule, Rule>> = {
  /** 128 bits, positive: RFC 5280 §4.1.2.2 and the entropy that the baseline requirements ask for. */
  serialNumber: ({ serialNumber }) =>
    serialNumber.length === 32 ? null : `the serial number has ${serialNumber.length * 4} bits, not 128`,

  signatureAlgorithm: ({ signatureAlgorithm }, { issuer }) =>
    signatureAlgorithm.name === issuer.signer.algorithm
      ? null
      : `signed with ${signatureAlgorithm.oid}, the issuer uses ${issuer.signer.algorithm}`,

  /** Chains are found by octets, so the issuer's name is repeated octet for octet. */
  issuerName: (certificate, { issuer }) =>
    sameOctets(certificate.issuer.der, issuer.nameDer)
      ? null
      : "the issuer is not the issuing CA's subject, octet for octet",

  validity: ({ notBefore, notAfter }, { plan }) =>
    notBefore.getTime() === plan.notBefore.getTime() && notAfter.getTime() === plan.notAfter.getTime()
      ? null
      : `valid from ${notBefore.toISOString()} to ${notAfter.toISOString()}, not as planned`,

  /** UTCTime through 2049, GeneralizedTime from 2050: RFC 5280 §4.1.2.5. */
  validityEncoding: ({ validityDer, notBefore, notAfter }) =>
    sameOctets(validityDer, element(0x30, time(notBefore), time(notAfter)))
      ? null
      : 'a time is of the wrong type for its year',

  withinIssuer: ({ notBefore, notAfter }, { issuer }) => {
    if (notAfter <= notBefore) return 'the certificate ends before it begins';
    return notBefore >= issuer.notBefore && notAfter <= issuer.notAfter ? null : 'the certificate outlives its issuer';
  },

  /** Keylime gives no role to a certificate without commonName; SPIRE selects by it. */
  subject: ({ subject }, { plan }) => {
    const [only, ...more] = subject.attributes;
    const isPlanned = more.length === 0 && only?.type === oids.commonName && only.value === plan.commonName;
    return isPlanned && plan.commonName !== '' ? null : 'the subject is not the planned commonName and nothing else';
  },

  subjectPublicKey: ({ subjectPublicKeyInfo }, { plan }) =>
    sameOctets(subjectPublicKeyInfo, plan.subjectPublicKeyInfo) ? null : 'the public key is not the planned one',

  authorityKeyIdentifier: ({ authorityKeyIdentifier }, { issuer }) =>
    authorityKeyIdentifier !== null && sameOctets(authorityKeyIdentifier, issuer.keyIdentifier)
      ? null
      : "authorityKeyIdentifier is not the issuer's subjectKeyIdentifier",

  subjectKeyIdentifier: ({ subjectKeyIdentifier }, { plan }) =>
    subjectKeyIdentifier !== null && sameOctets(subjectKeyIdentifier, keyIdentifierOf(plan.subjectPublicKeyInfo))
      ? null
      : 'subjectKeyIdentifier is not that of the public key',

  basicConstraints: ({ basicConstraints }) =>
    basicConstraints !== null && !basicConstraints.isCa && basicConstraints.pathLength === null
      ? null
      : 'basicConstraints does not say that this is an end entity',

  keyUsage: ({ keyUsage }, { plan }) =>
    sameList([...(keyUsage ?? [])].sort(), [...plan.keyUsage].sort()) ? null : `keyUsage is ${list(keyUsage)}`,

  /** RFC 3279 §2.3.1, RFC 5480 §3: an EC key encrypts nothing, an RSA key agrees on nothing. */
  keyUsageFitsKey: ({ keyUsage }, { plan }) => {
    const wrong = plan.keyType.startsWith('ec-') ? 'keyEncipherment' : 'keyAgreement';
    return keyUsage?.includes(wrong) === true ? `${wrong} makes no sense for a key of type ${plan.keyType}` : null;
  },

  extendedKeyUsage: ({ extendedKeyUsage }, { plan }) =>
    sameList(
      extendedKeyUsage ?? [],
      plan.extendedKeyUsage.map((purpose) => purposeOids[purpose]),
    )
      ? null
      : `extendedKeyUsage is ${list(extendedKeyUsage)}`,

  /** A leaf without a purpose, or with two, is an administrator of Keylime. */
  onePurpose: ({ extendedKeyUsage }) =>
    extendedKeyUsage?.length === 1 ? null : 'extendedKeyUsage does not name exactly one purpose',

  trustDomain: ({ extendedKeyUsage }, { plan, issuer }) => {
    if (plan.domain !== issuer.domain) return `planned for ${plan.domain}, issued under ${issuer.domain}`;
    const allowed: readonly ExtendedKeyUsage[] =
      issuer.domain === 'estate' ? ['serverAuth', 'tpmFixed'] : ['clientAuth'];
    const oidsAllowed = allowed.map((purpose) => purposeOids[purpose]);
    const foreign = (extendedKeyUsage ?? [oids.anyExtendedKeyUsage]).filter(
      (purpose) => !oidsAllowed.includes(purpose),
    );
    return foreign.length === 0 ? null : `${foreign.join(', ')} is never issued in the ${issuer.domain} domain`;
  },

  subjectAltName: ({ subjectAltName }, { plan }) => {
    const found = (subjectAltName ?? []).filter((name) => name.kind !== 'otherName').map(nameText);
    const { dnsNames, ipAddresses, uris } = plan.names;
    const planned = [
      ...dnsNames.map((value) => `dNSName ${value}`),
      ...ipAddresses.map((value) => `iPAddress ${value}`),
      ...uris.map((value) => `uniformResourceIdentifier ${value}`),
    ];
    return sameList(found, planned) ? null : `the names are ${list(found)}, planned were ${list(planned)}`;
  },

  /** Keylime's registrar looks at the first otherName only; ours is the only one, and first of all names. */
  hardwareModuleName: ({ subjectAltName }, { plan }) => {
    const others = (subjectAltName ?? []).filter((name) => name.kind === 'otherName');
    if (plan.hardwareSerial === null)
      return others.length === 0 ? null : 'an otherName stands there that was not planned';
    const [first] = subjectAltName ?? [];
    const module = first?.kind === 'otherName' ? hardwareModule(first.type, first.value) : null;
    const isPlanned = others.length === 1 && module === `${oids.tpm20} ${plan.hardwareSerial}`;
    return isPlanned ? null : 'the planned HardwareModuleName is not the first name and the only otherName';
  },

  certificatePolicies: ({ certificatePolicies }, { plan }) =>
    sameList(
      certificatePolicies ?? [],
      plan.certificatePolicies.map((policy) => policyOids[policy]),
    )
      ? null
      : `certificatePolicies is ${list(certificatePolicies)}`,

  /** Plain http only: a relying party that needed TLS to check a certificate would go round in circles. */
  authorityInformationAccess: ({ authorityInformationAccess }, { plan }) => {
    const found = (authorityInformationAccess ?? []).map(({ method, uri }) => `${method} ${uri ?? 'no URI'}`);
    const planned = plan.issuerUrl === null ? [] : [`${oids.caIssuers} ${plan.issuerUrl}`];
    if (!sameList(found, planned)) return `authorityInformationAccess is ${list(found)}`;
    return plan.issuerUrl === null || plan.issuerUrl.startsWith('http://') ? null : 'caIssuers is no http URL';
  },

  crlDistributionPoints: ({ crlDistributionPoints }, { plan }) => {
    const found = (crlDistributionPoints ?? []).map((uri) => uri ?? 'no URI');
    if (!sameList(found, plan.crlUrl === null ? [] : [plan.crlUrl])) return `cRLDistributionPoints is ${list(found)}`;
    return plan.crlUrl === null || plan.crlUrl.startsWith('http://') ? null : 'the distribution point is no http URL';
  },

  /** Critical: keyUsage and basicConstraints, and nothing else (Go refuses a critical SAN of otherNames only). */
  criticality: ({ extensions }) => {
    const critical: readonly string[] = [oids.keyUsage, oids.basicConstraints];
    const wrong = extensions.filter(({ type, isCritical }) => isCritical !== critical.includes(type));
    return wrong.length === 0 ? null : `wrong criticality of ${list(wrong.map(({ type }) => type))}`;
  },

  unknownExtension: ({ unknownExtensions }) =>
    unknownExtensions.length === 0 ? null : `unplanned extensions ${list(unknownExtensions.map(({ type }) => type))}`,

  /** Keylime's verifier keeps an agent's certificate in a column of 2048 characters. */
  pemCharacters: ({ der }, { plan }) => {
    const characters = pemLength('CERTIFICATE', der.length);
    return plan.maxPemCharacters === null || characters <= plan.maxPemCharacters
      ? null
      : `the PEM has ${characters} characters, at most ${plan.maxPemCharacters} are allowed`;
  },
};

/** Every rule with its name, in the order of the fields of a certificate. */
export const rules = Object.entries(table) as readonly (readonly [LintRule, Rule])[];

const nameText = (name: GeneralName): string => ('value' in name ? `${name.kind} ${String(name.value)}` : name.kind);

function hardwareModule(type: string, value: Uint8Array): string | null {
  const module = type === oids.hardwareModuleName ? readHardwareModuleName(value) : null;
  return module === null ? null : `${module.hwType} ${Buffer.from(module.hwSerialNum).toString('latin1')}`;
}
