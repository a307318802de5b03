// Reads the Time of certificates and CRLs (RFC 5280 §4.1.2.5): UTCTime or GeneralizedTime, Zulu, with seconds, without
// a fraction.
import type { DerReader } from './der-reader.ts';
import { tag } from './der-tags.ts';

/** An instant in whole seconds. Two-digit years mean 1950 to 2049; a date that does not exist is refused. */
export function readTime(reader: DerReader): Date {
  const isUtc = reader.next(tag.utcTime);
  const content = reader.primitive(isUtc ? tag.utcTime : tag.generalizedTime);
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
  if (!(isUtc ? /^[0-9]{12}Z$/ : /^[0-9]{14}Z$/).test(text)) throw reader.fault('a time is not written as prescribed');
  const digits = isUtc ? `${text < '5' ? '20' : '19'}${text}` : text;
  const part = (at: number, length = 2): string => digits.slice(at, at + length);
  const iso = `${part(0, 4)}-${part(4)}-${part(6)}T${part(8)}:${part(10)}:${part(12)}.000Z`;
  const instant = new Date(iso);
  if (Number.isNaN(instant.getTime()) || instant.toISOString() !== iso) throw reader.fault('a time does not exist');
  return instant;
}
