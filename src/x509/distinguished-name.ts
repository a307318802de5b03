// X.501 Names (RFC 5280 §4.1.2.4): ours are one commonName; those of others are read attribute by attribute. Names are
// compared by their octets only, never by text.
import type { DerReader } from './der-reader.ts';
import { decodeString } from './der-strings.ts';
import { tag } from './der-tags.ts';
import { objectIdentifier, sequence, setOf, utf8String } from './der-writer.ts';
import { oids } from './oids.ts';

/** One attribute: its type as a dotted OID and its value as text (null when it is no well-formed string). */
export type NameAttribute = { readonly type: string; readonly value: string | null };

/** A Name as it was read: exact octets, and its attributes in order. */
export type DistinguishedName = { readonly der: Uint8Array; readonly attributes: readonly NameAttribute[] };

const commonNameType = objectIdentifier(oids.commonName);

/** DER of the Name that is `CN=<text>` and nothing else, as UTF8String. */
export const commonNameDer = (text: string): Uint8Array => sequence(setOf(sequence(commonNameType, utf8String(text))));

/** Every commonName of a Name. */
export const commonNamesOf = (name: DistinguishedName): readonly string[] =>
  name.attributes.flatMap(({ type, value }) => (type === oids.commonName && value !== null ? [value] : []));

/** The commonName of a Name that has exactly one, else null. */
export function commonNameOf(name: DistinguishedName): string | null {
  const [first, ...more] = commonNamesOf(name);
  return first !== undefined && more.length === 0 ? first : null;
}

/** Reads a Name; an empty one is allowed. */
export function readName(reader: DerReader): DistinguishedName {
  const attributes: NameAttribute[] = [];
  const { der } = reader.recording((inner) => {
    inner.each(tag.sequence, 0, (relative) => {
      attributes.push(...relative.eachOfSet((pair) => pair.within(tag.sequence, readAttribute)));
    });
  });
  return { der, attributes };
}

function readAttribute(reader: DerReader): NameAttribute {
  const type = reader.oid();
  const value = reader.element();
  return { type, value: decodeString(value.tag, value.content) };
}
