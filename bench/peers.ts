// What stands beside our service, without any record: @peculiar/x509, pkijs, the openssl program and cfssl, all signing
// with one P-256 issuing CA that was made for the run.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTrustDomain } from '../src/issuance/ceremony.ts';
import { encodePem } from '../src/x509/pem.ts';
import { freePort } from '../test/e2e/support/estate.ts';
import { findCfssl, type RunningCfssl, startCfssl } from './cfssl.ts';
import { type Child, startChild } from './child.ts';
import type { LoadInput } from './http-load.ts';
import type { LibraryInput } from './library-process.ts';
import { processorTimeOf } from './processor-time.ts';

/** A process that issues, with what its measurement needs. */
export type Peer = {
  readonly name: string;
  readonly kind: LibraryInput['variant'] | 'cfssl';
  /** Answers `run` and `sample`. */
  readonly process: Child;
  /** Processor time of the issuing process, when `process` is only its client; in microseconds. */
  readonly issuerTime: (() => Promise<number>) | null;
  /** The certificate in an answer to `sample`. */
  readonly pemOf: (answer: string) => string;
};

export type Peers = {
  readonly list: readonly Peer[];
  /** Issuing CA and root above the certificates of every peer. */
  readonly chainPem: string;
  readonly remarks: readonly string[];
};

export type PeerOptions = {
  /** Of the run; removed afterwards. */
  readonly directory: string;
  readonly requestsFile: string;
  readonly release: (step: () => Promise<void> | void) => void;
};

/** Starts them all. cfssl may be missing: the remarks say why, and which of its versions it is. */
export async function startPeers(options: PeerOptions): Promise<Peers> {
  const issuer = await makeIssuer(options.directory);
  const list: Peer[] = [];
  for (const [kind, name] of [
    ['peculiar', '@peculiar/x509'],
    ['pkijs', 'pkijs'],
    ['openssl', 'openssl x509 -req'],
  ] as const) {
    const { directory, requestsFile } = options;
    const input: LibraryInput = { variant: kind, requestsFile, directory, ...issuer.input };
    const process = await started('library-process.js', { input, options });
    const pemOf = (answer: string): string => encodePem('CERTIFICATE', Buffer.from(answer, 'base64'));
    list.push({ name, kind, process, issuerTime: null, pemOf });
  }
  const cfssl = await cfsslPeer(issuer, options);
  return { list: [...list, ...cfssl.list], chainPem: issuer.chainPem, remarks: cfssl.remarks };
}

async function started(
  file: string,
  { input, options }: { readonly input: unknown; readonly options: PeerOptions },
): Promise<Child> {
  const child = await startChild(file, input);
  options.release(child.stop);
  return child;
}

type Issuer = {
  readonly input: Pick<LibraryInput, 'issuer' | 'issuerUrl' | 'crlUrl'>;
  readonly chainPem: string;
  /** Self-signed, for cfssl's listener. */
  readonly tlsPem: string;
};

/** Leaves `ca.pem`, `ca.key.pem`, `tls.pem` and `tls.key.pem` in the directory. */
async function makeIssuer(directory: string): Promise<Issuer> {
  const plainUrl = 'http://127.0.0.1:8080';
  const random = (octets: number): Uint8Array => randomBytes(octets);
  const made = await makeTrustDomain({ domain: 'estate', keyType: 'ec-p256', plainUrl, random, now: new Date() });
  const file = (name: string): string => join(directory, name);
  const pem = encodePem('CERTIFICATE', made.issuing.der);
  const mode = { mode: 0o600 };
  writeFileSync(file('ca.pem'), pem);
  writeFileSync(file('ca.key.pem'), made.issuingKey.export({ type: 'pkcs8', format: 'pem' }), mode);
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
      ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', file('tls.key.pem'), '-out', file('tls.pem')],
    ],
    { stdio: 'ignore' },
  );
  return {
    input: {
      issuer: {
        certificate: Buffer.from(made.issuing.der).toString('base64'),
        privateKey: made.issuingKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
        subjectKeyIdentifier: Buffer.from(made.issuing.subjectKeyIdentifier, 'hex').toString('base64'),
      },
      issuerUrl: `${plainUrl}/issuers/${made.issuing.id}.cer`,
      crlUrl: `${plainUrl}/crl/${made.issuing.subjectKeyIdentifier}.crl`,
    },
    chainPem: pem + encodePem('CERTIFICATE', made.root.der),
    tlsPem: readFileSync(file('tls.pem'), 'utf8'),
  };
}

async function cfsslPeer(issuer: Issuer, options: PeerOptions): Promise<Pick<Peers, 'list' | 'remarks'>> {
  const found = await findCfssl();
  if (typeof found === 'string') return { list: [], remarks: [`cfssl is left out: ${found}`] };
  const { directory, requestsFile, release } = options;
  const { program, label } = found;
  const cfssl: RunningCfssl = await startCfssl({ program, directory, port: await freePort(), ...issuer.input });
  release(cfssl.stop);
  const input: LoadInput = {
    url: cfssl.url,
    idlePath: '/api/v1/cfssl/health',
    caPem: issuer.tlsPem,
    requestsFile,
    target: { kind: 'cfssl', hmacKeyHex: cfssl.hmacKeyHex },
  };
  const peer: Peer = {
    name: `${label}, HTTPS authsign`,
    kind: 'cfssl',
    process: await started('http-load.js', { input, options }),
    issuerTime: async () => processorTimeOf(cfssl.pid) * 1000,
    pemOf: (answer) => (JSON.parse(answer) as { result: { certificate: string } }).result.certificate,
  };
  return { list: [peer], remarks: found.remarks };
}
