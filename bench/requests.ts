// Certification requests with fresh P-256 keys, made before anything is measured. Each has one DNS name, as the virtual
// hosts of profile nginx-vhost have.
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { bitString, objectIdentifier, sequence, setOf, smallInteger, tagged } from '../src/x509/der-writer.ts';
import { commonNameDer } from '../src/x509/distinguished-name.ts';
import { subjectAltName } from '../src/x509/extensions.ts';
import { generalNamesDer } from '../src/x509/general-names.ts';
import { oids } from '../src/x509/oids.ts';
import { algorithmIdentifierDer } from '../src/x509/signature-algorithm.ts';

/** The name of item `index`. */
export const nameOf = (index: number): string => `host-${index}.funlab.casa`;

function requestFor(name: string): Uint8Array {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const names = generalNamesDer({ dnsNames: [name], ipAddresses: [], uris: [] }, null) ?? new Uint8Array();
  const wanted = sequence(objectIdentifier(oids.extensionRequest), setOf(sequence(subjectAltName(names))));
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const info = sequence(smallInteger(0), commonNameDer(name), spki, tagged(0, wanted));
  const signature = new Uint8Array(sign('sha256', info, privateKey));
  return sequence(info, algorithmIdentifierDer('ecdsaWithSHA256'), bitString(signature));
}

/** Writes `count` requests to a file that `readRequests` reads. */
export function writeRequests(file: string, count: number): void {
  const lines = Array.from({ length: count }, (_, index) => Buffer.from(requestFor(nameOf(index))).toString('base64'));
  writeFileSync(file, lines.join('\n'));
}

/** The requests of a file, in DER. */
export const readRequests = (file: string): readonly Buffer[] =>
  readFileSync(file, 'latin1')
    .split('\n')
    .map((line) => Buffer.from(line, 'base64'));
