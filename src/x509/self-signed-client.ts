// The certificate by which one program of a host asks another on the same host: self-signed, so that it leads to nothing
// else, and no CA. Writing and reading back; who keeps it is agent/local-client.ts.
import { sameOctets } from '../domain/octets.ts';
import type { SerialNumber } from '../domain/serial.ts';
import type { SignatureAlgorithm } from '../domain/signature-algorithm.ts';
import { isSelfSigned } from './ca-link.ts';
import { readCertificate } from './certificate.ts';
import { sequence, tagged, time } from './der-writer.ts';
import { commonNameDer, commonNameOf } from './distinguished-name.ts';
import * as extensions from './extensions.ts';
import { oids } from './oids.ts';
import { algorithmIdentifierDer } from './signature-algorithm.ts';
import { keyIdentifierOf } from './subject-public-key.ts';
import { serialNumberDer, version3 } from './tbs-certificate.ts';

/** What it says beside its purpose, which is clientAuth. */
export type SelfSignedClientPlan = {
  readonly commonName: string;
  readonly serialNumber: SerialNumber;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
};

/** DER of the TBSCertificate: CA FALSE and digitalSignature, both critical, clientAuth, and no other name than the CN. */
export function buildSelfSignedClientTbs(plan: SelfSignedClientPlan): Uint8Array {
  const name = commonNameDer(plan.commonName);
  const keyIdentifier = keyIdentifierOf(plan.subjectPublicKeyInfo);
  return sequence(
    version3,
    serialNumberDer(plan.serialNumber),
    algorithmIdentifierDer(plan.signatureAlgorithm),
    name,
    sequence(time(plan.notBefore), time(plan.notAfter)),
    name,
    plan.subjectPublicKeyInfo,
    tagged(
      3,
      sequence(
        extensions.authorityKeyIdentifier(keyIdentifier),
        extensions.subjectKeyIdentifier(keyIdentifier),
        extensions.endEntityConstraints,
        extensions.keyUsage(['digitalSignature']),
        extensions.extendedKeyUsage([oids.clientAuth]),
      ),
    ),
  );
}

/** What is wrong with such a certificate, for this name and key; empty when it is one. Dates are the caller's question. */
export function selfSignedClientFaults(
  der: Uint8Array,
  expected: Pick<SelfSignedClientPlan, 'commonName' | 'subjectPublicKeyInfo'>,
): readonly string[] {
  const read = readCertificate(der);
  if (!read.ok) return [read.error.detail];
  const { subject, subjectPublicKeyInfo, basicConstraints, keyUsage, extendedKeyUsage, subjectAltName } = read.value;
  const identifier = keyIdentifierOf(expected.subjectPublicKeyInfo);
  const isNamed = (name: Uint8Array | null): boolean => name !== null && sameOctets(name, identifier);
  const rules: readonly (readonly [isGood: boolean, fault: string])[] = [
    [commonNameOf(subject) === expected.commonName, 'it is for another name'],
    [subject.attributes.length === 1 && subjectAltName === null, 'it has more names than its commonName'],
    [sameOctets(subjectPublicKeyInfo, expected.subjectPublicKeyInfo), 'it is for another key'],
    [basicConstraints?.isCa === false, 'its basicConstraints do not say that it is no CA'],
    [keyUsage?.join() === 'digitalSignature', 'its keyUsage is not digitalSignature alone'],
    [extendedKeyUsage?.join() === oids.clientAuth, 'its extendedKeyUsage is not clientAuth alone'],
    [isNamed(read.value.subjectKeyIdentifier), 'its subjectKeyIdentifier is not that of its key'],
    [isNamed(read.value.authorityKeyIdentifier), 'its authorityKeyIdentifier is not that of its key'],
    [read.value.extensions.length === 5, 'it has other extensions than those five'],
    [isSelfSigned(read.value), 'it is not self-signed'],
  ];
  return rules.flatMap(([isGood, fault]) => (isGood ? [] : [fault]));
}
