// GeneralNames of a subjectAltName (RFC 5280 §4.2.1.6): written for a plan, read from anything. Whether a name may be
// certified is not decided here.
import { formatIpAddress, parseIpAddress } from '../domain/names.ts';
import type { CertificateNames } from '../domain/profile.ts';
import type { DerReader } from './der-reader.ts';
import { tag } from './der-tags.ts';
import { ascii, concatenate, objectIdentifier, octetString, sequence, tagged, taggedPrimitive } from './der-writer.ts';
import { readName, type DistinguishedName } from './distinguished-name.ts';
import { oids } from './oids.ts';
import { readingDer } from './reading-der.ts';

/** One name; kinds are spelled as in RFC 5280. Text is as it stands, addresses in RFC 5952 or dotted-quad text. */
export type GeneralName =
  | { readonly kind: 'otherName'; readonly type: string; readonly value: Uint8Array }
  | { readonly kind: 'dNSName' | 'uniformResourceIdentifier' | 'rfc822Name' | 'iPAddress'; readonly value: string }
  | { readonly kind: 'directoryName'; readonly name: DistinguishedName }
  | { readonly kind: 'registeredID' | 'x400Address' | 'ediPartyName' };

/** RFC 4108 §5: the type of a hardware module and its serial number. */
export type HardwareModuleName = { readonly hwType: string; readonly hwSerialNum: Uint8Array };

const hardwareModuleType = objectIdentifier(oids.hardwareModuleName);
const tpm20Type = objectIdentifier(oids.tpm20);

/** otherName with the HardwareModuleName of a TPM 2.0; the value is explicitly tagged (RFC 5280 §4.2.1.6). */
const hardwareModuleNameDer = (serial: string): Uint8Array =>
  tagged(0, hardwareModuleType, tagged(0, sequence(tpm20Type, octetString(ascii(serial)))));

export const uriNameDer = (uri: string): Uint8Array => taggedPrimitive(6, ascii(uri));

/**
 * GeneralNames of a plan: HardwareModuleName first (Keylime's registrar reads the first otherName), then DNS names,
 * addresses, URIs, each in the order given; null when there is no name at all, since the sequence may not be empty.
 */
export function generalNamesDer(names: CertificateNames, hardwareSerial: string | null): Uint8Array | null {
  const parts = [
    ...(hardwareSerial === null ? [] : [hardwareModuleNameDer(hardwareSerial)]),
    ...names.dnsNames.map((name) => taggedPrimitive(2, ascii(name))),
    ...names.ipAddresses.map((address) => taggedPrimitive(7, addressOctets(address))),
    ...names.uris.map(uriNameDer),
  ];
  return parts.length === 0 ? null : sequence(concatenate(parts));
}

function addressOctets(address: string): Uint8Array {
  const octets = parseIpAddress(address);
  if (octets === null) throw new RangeError(`"${address}" is no address`);
  return octets;
}

/** Reads GeneralNames, at least one. */
export const readGeneralNames = (reader: DerReader): readonly GeneralName[] =>
  reader.each(tag.sequence, 1, readGeneralName);

/** Reads one GeneralName; text must be ASCII and addresses 4 or 16 octets long. */
export function readGeneralName(reader: DerReader): GeneralName {
  if (reader.next(0xa0)) {
    return reader.within(0xa0, (inner) => ({
      kind: 'otherName' as const,
      type: inner.oid(),
      value: inner.within(0xa0, (value) => value.any()),
    }));
  }
  if (reader.next(0xa4)) return { kind: 'directoryName', name: reader.within(0xa4, readName) };
  const name = reader.element();
  switch (name.tag) {
    case 0x81:
      return { kind: 'rfc822Name', value: asciiText(reader, name.content) };
    case 0x82:
      return { kind: 'dNSName', value: asciiText(reader, name.content) };
    case 0x86:
      return { kind: 'uniformResourceIdentifier', value: asciiText(reader, name.content) };
    case 0x87:
      if (name.content.length !== 4 && name.content.length !== 16) throw reader.fault('an address has 4 or 16 octets');
      return { kind: 'iPAddress', value: formatIpAddress(name.content) };
    case 0x88:
      return { kind: 'registeredID' };
    case 0xa3:
      return { kind: 'x400Address' };
    case 0xa5:
      return { kind: 'ediPartyName' };
    default:
      throw reader.fault('unknown kind of GeneralName');
  }
}

function asciiText(reader: DerReader, content: Uint8Array): string {
  if (content.length === 0 || content.some((octet) => octet < 0x21 || octet > 0x7e)) {
    throw reader.fault('a name is empty or has octets outside printable ASCII');
  }
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
}

/** Reads the value of an otherName of type id-on-hardwareModuleName; null when it is malformed. */
export function readHardwareModuleName(value: Uint8Array): HardwareModuleName | null {
  const result = readingDer(value, { reason: 'malformedName', what: 'the HardwareModuleName' }, (reader) =>
    reader.within(tag.sequence, (inner) => ({ hwType: inner.oid(), hwSerialNum: inner.octetString() })),
  );
  return result.ok ? result.value : null;
}
