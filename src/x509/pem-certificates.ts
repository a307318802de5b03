// Certificates out of PEM text: every block is one that can be read, or there is no answer.
import { type Certificate, readCertificate } from './certificate.ts';
import { decodePem } from './pem.ts';

/** The certificates of a text in its order, at most `maxBlocks`; null when any part of it is something else. */
export function readCertificates(pem: string, maxBlocks: number): readonly Certificate[] | null {
  const blocks = decodePem(pem, { labels: ['CERTIFICATE'], maxCharacters: 65_536, maxBlocks });
  if (!blocks.ok) return null;
  const read = blocks.value.map(({ der }) => readCertificate(der));
  return read.every((one) => one.ok) ? read.map((one) => one.value) : null;
}
