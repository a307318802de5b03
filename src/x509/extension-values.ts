// Reads the extensions of a certificate (RFC 5280 §4.2) into values. Every critical extension that is not read here is
// listed by the caller as unknown; nothing is skipped in silence.
import type { DerReader } from './der-reader.ts';
import { tag } from './der-tags.ts';
import { keyUsageBits, type KeyUsageBit } from './extensions.ts';
import { readGeneralName, readGeneralNames, type GeneralName } from './general-names.ts';
import { oids } from './oids.ts';

/** One extension as it stands; `value` is the content of its OCTET STRING. */
export type Extension = { readonly type: string; readonly isCritical: boolean; readonly value: Uint8Array };

/** What the known extensions say; null where an extension is absent. */
export type ExtensionValues = {
  /** keyIdentifier of the extension, null also when it names the issuer in another way only. */
  readonly authorityKeyIdentifier: Uint8Array | null;
  readonly subjectKeyIdentifier: Uint8Array | null;
  readonly basicConstraints: { readonly isCa: boolean; readonly pathLength: number | null } | null;
  readonly keyUsage: readonly KeyUsageBit[] | null;
  readonly extendedKeyUsage: readonly string[] | null;
  readonly subjectAltName: readonly GeneralName[] | null;
  readonly certificatePolicies: readonly string[] | null;
  readonly authorityInformationAccess: readonly AccessDescription[] | null;
  /** URIs of full names; a distribution point without one counts as null. */
  readonly crlDistributionPoints: readonly (string | null)[] | null;
};

/** accessMethod as dotted OID; `uri` is null when the location is no URI. */
export type AccessDescription = { readonly method: string; readonly uri: string | null };

/** The types that `ExtensionValues` covers, by member. */
const typeOf: Readonly<Record<keyof ExtensionValues, string>> = {
  authorityKeyIdentifier: oids.authorityKeyIdentifier,
  subjectKeyIdentifier: oids.subjectKeyIdentifier,
  basicConstraints: oids.basicConstraints,
  keyUsage: oids.keyUsage,
  extendedKeyUsage: oids.extendedKeyUsage,
  subjectAltName: oids.subjectAltName,
  certificatePolicies: oids.certificatePolicies,
  authorityInformationAccess: oids.authorityInformationAccess,
  crlDistributionPoints: oids.cRLDistributionPoints,
};

const knownTypes: ReadonlySet<string> = new Set(Object.values(typeOf));

/** Whether `ExtensionValues` covers this type. */
export const isKnownExtension = (type: string): boolean => knownTypes.has(type);

/** Extensions, at least one; the same type twice is refused (RFC 5280 §4.2). */
export function readExtensions(reader: DerReader): readonly Extension[] {
  const extensions = reader.each(tag.sequence, 1, (list) =>
    list.within(tag.sequence, (one) => ({
      type: one.oid(),
      isCritical: one.booleanDefaultFalse(),
      value: one.octetString(),
    })),
  );
  if (new Set(extensions.map(({ type }) => type)).size !== extensions.length) throw reader.fault('duplicate extension');
  return extensions;
}

/** The values of the known extensions; `reading` opens a cursor over an extension's value. */
export function extensionValues(
  extensions: readonly Extension[],
  reading: <T>(value: Uint8Array, read: (reader: DerReader) => T) => T,
): ExtensionValues {
  const value = <T>(member: keyof ExtensionValues, read: (reader: DerReader) => T): T | null => {
    const found = extensions.find(({ type }) => type === typeOf[member]);
    return found === undefined ? null : reading(found.value, read);
  };
  return {
    authorityKeyIdentifier: value('authorityKeyIdentifier', readAuthorityKeyIdentifier),
    subjectKeyIdentifier: value('subjectKeyIdentifier', (reader) => reader.octetString()),
    basicConstraints: value('basicConstraints', readBasicConstraints),
    keyUsage: value('keyUsage', readKeyUsage),
    extendedKeyUsage: value('extendedKeyUsage', (reader) => reader.each(tag.sequence, 1, (inner) => inner.oid())),
    subjectAltName: value('subjectAltName', readGeneralNames),
    certificatePolicies: value('certificatePolicies', readPolicies),
    authorityInformationAccess: value('authorityInformationAccess', readAccessDescriptions),
    crlDistributionPoints: value('crlDistributionPoints', readDistributionPoints),
  };
}

/** RFC 5280 §4.2.1.1; authorityCertIssuer and its serial number are stepped over. */
export const readAuthorityKeyIdentifier = (reader: DerReader): Uint8Array | null =>
  reader.within(tag.sequence, (inner) => {
    const keyIdentifier = inner.next(0x80) ? inner.primitive(0x80) : null;
    if (inner.next(0xa1)) inner.any();
    if (inner.next(0x82)) inner.integer(0x82);
    return keyIdentifier;
  });

const readBasicConstraints = (reader: DerReader): { isCa: boolean; pathLength: number | null } =>
  reader.within(tag.sequence, (inner) => ({
    isCa: inner.booleanDefaultFalse(),
    pathLength: inner.isAtEnd ? null : inner.smallInteger(),
  }));

const usageNames = Object.keys(keyUsageBits) as readonly KeyUsageBit[];

/** At least one bit, no trailing zero bits (X.690 §11.2.2), none that RFC 5280 does not name. */
function readKeyUsage(reader: DerReader): readonly KeyUsageBit[] {
  const { octets, unusedBits } = reader.bitString();
  const length = octets.length * 8 - unusedBits;
  const isSet = (bit: number): boolean => ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0;
  const names = usageNames.filter((name) => isSet(keyUsageBits[name]));
  const isCanonical = length <= 9 && isSet(length - 1);
  const isPadded = octets.length <= 2 && reader.allows('paddedKeyUsage');
  if (names.length === 0 || !(isCanonical || isPadded)) throw reader.fault('keyUsage is empty or not DER');
  return names;
}

/** Policy OIDs; qualifiers are stepped over. */
const readPolicies = (reader: DerReader): readonly string[] =>
  reader.each(tag.sequence, 1, (list) =>
    list.within(tag.sequence, (policy) => {
      const type = policy.oid();
      if (!policy.isAtEnd) policy.any();
      return type;
    }),
  );

const uriOf = (name: GeneralName): string | null => (name.kind === 'uniformResourceIdentifier' ? name.value : null);

const readAccessDescriptions = (reader: DerReader): readonly AccessDescription[] =>
  reader.each(tag.sequence, 1, (list) =>
    list.within(tag.sequence, (inner) => ({ method: inner.oid(), uri: uriOf(readGeneralName(inner)) })),
  );

const readDistributionPoints = (reader: DerReader): readonly (string | null)[] =>
  reader.each(tag.sequence, 1, (list) => list.within(tag.sequence, readDistributionPoint)).flat();

/** RFC 5280 §4.2.1.13; reasons and cRLIssuer are stepped over. */
function readDistributionPoint(point: DerReader): readonly (string | null)[] {
  const uris = point.next(0xa0)
    ? point.within(0xa0, (name) => {
        if (name.next(0xa0)) return name.each(0xa0, 1, (inner) => uriOf(readGeneralName(inner)));
        name.any();
        return [null];
      })
    : [null];
  while (!point.isAtEnd) point.any();
  return uris;
}
