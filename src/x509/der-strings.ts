// Text in the string types of ASN.1 (X.680 §41). Judges no name: what may stand in one is for its reader.
import { tag } from './der-tags.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a string type's content, or null for any other type or octets that the type cannot have. */
export function decodeString(identifier: number, content: Uint8Array): string | null {
  switch (identifier) {
    case tag.utf8String:
      try {
        return utf8.decode(content);
      } catch {
        return null;
      }
    case tag.printableString:
    case tag.ia5String:
      return content.every((octet) => octet < 0x80) ? Buffer.from(content).toString('latin1') : null;
    case tag.teletexString:
      return Buffer.from(content).toString('latin1');
    case tag.bmpString:
      return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : null;
    default:
      return null;
  }
}
