// The node-local Keylime client: a certificate by which a program of this host (SPIRE's agent plugin) asks the Keylime
// agent of this host. Made and signed here, good nowhere else: only this host's own `trusted_client_ca` lists it.
import { createPublicKey, randomBytes, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { wholeSeconds } from '../domain/plan.ts';
import { serialNumberFrom } from '../domain/serial.ts';
import { messageOf } from '../domain/thrown.ts';
import { readCertificate } from '../x509/certificate.ts';
import { decodePem, encodePem } from '../x509/pem.ts';
import { buildSelfSignedClientTbs, selfSignedClientFaults } from '../x509/self-signed-client.ts';
import { assembleCertificate } from '../x509/tbs-certificate.ts';
import { readAccounts } from './accounts.ts';
import { ensureDirectory, placeFiles } from './durable-file.ts';
import { AgentFailure } from './failure.ts';
import { ownership } from './ownership.ts';
import type { OwnerRule } from './places.ts';
import { makeSoftwareKey, publicKeyInfoOf } from './software-key.ts';

/** Where it is, relative to the root, and whose program uses it; null and empty for the usual. */
export type LocalClientFiles = {
  readonly certificate: string | null;
  readonly key: string | null;
  readonly readableBy: readonly string[];
};

export const usualLocalClient = {
  certificate: 'etc/keylime/certs/node-local-client.crt',
  key: 'etc/keylime/certs/node-local-client-pkcs8.key',
  readableBy: ['spire'],
} as const;

/** What both files hold; null where one is absent. */
export type HeldLocalClient = { readonly certificatePem: string | null; readonly keyPem: string | null };

export type LocalClientDecision =
  | { readonly kind: 'keep'; readonly renewAt: Date; readonly notAfter: Date }
  | { readonly kind: 'make'; readonly why: string };

/** After `made` the Keylime agent and then the client's program are to be restarted: both read the files at their start. */
export type LocalClientOutcome = LocalClientDecision & { readonly remarks: readonly string[] };

const lifetimeSeconds = 365 * 86_400;
const backdateSeconds = 300;

/** CN of the certificate. A name that X.509 has no room for (ub-common-name, 64 characters) is refused. */
export function localClientName(hostName: string): string {
  const name = `node-local.${hostName}`;
  if (name.length <= 64) return name;
  throw new AgentFailure(`the name ${name} has ${name.length} characters, and a commonName has at most 64`, {
    hints: ['localClient of agent.yaml is of no use on a host with such a long name: leave it out'],
  });
}

/** Whether what is held will do at this instant; a new pair is made when a third of its lifetime is left. */
export function decideLocalClient(held: HeldLocalClient, hostName: string, now: Date): LocalClientDecision {
  const make = (why: string): LocalClientDecision => ({ kind: 'make', why });
  const { certificatePem, keyPem } = held;
  if (certificatePem === null || keyPem === null) return make('there is none yet');
  const subjectPublicKeyInfo = publicKeyIn(keyPem);
  if (subjectPublicKeyInfo === null) return make('its key is no PKCS #8 key on P-256');
  const blocks = decodePem(certificatePem, { labels: ['CERTIFICATE'], maxCharacters: 16_384, maxBlocks: 1 });
  const certificate = blocks.ok ? readCertificate(blocks.value[0]?.der ?? new Uint8Array()) : blocks;
  if (!certificate.ok) return make(certificate.error.detail);
  const commonName = localClientName(hostName);
  const [fault] = selfSignedClientFaults(certificate.value.der, { commonName, subjectPublicKeyInfo });
  if (fault !== undefined) return make(fault);
  const { notBefore, notAfter } = certificate.value;
  if (now < notBefore) return make('it is not valid yet by the clock of this host');
  if (now > notAfter) return make(`it ended at ${notAfter.toISOString()}`);
  const renewAt = new Date(notAfter.getTime() - (notAfter.getTime() - notBefore.getTime()) / 3);
  return now < renewAt ? { kind: 'keep', renewAt, notAfter } : make('a third of its lifetime is left');
}

function publicKeyIn(keyPem: string): Uint8Array | null {
  if (!keyPem.startsWith('-----BEGIN PRIVATE KEY-----\n')) return null;
  try {
    return createPublicKey(keyPem).asymmetricKeyDetails?.namedCurve === 'prime256v1' ? publicKeyInfoOf(keyPem) : null;
  } catch {
    return null;
  }
}

/** Looks, decides, and where it must writes a new pair: the key first, each file whole or not at all. */
export async function keepLocalClient(
  host: { readonly root: string; readonly uid: number; readonly now: () => Date },
  hostName: string,
  files: LocalClientFiles,
): Promise<LocalClientOutcome> {
  const certificate = join(host.root, files.certificate ?? usualLocalClient.certificate);
  const key = join(host.root, files.key ?? usualLocalClient.key);
  const held = { certificatePem: await textOf(certificate), keyPem: await textOf(key) };
  const decision = decideLocalClient(held, hostName, host.now());
  if (decision.kind === 'keep') return { ...decision, remarks: [] };
  const made = await makeLocalClient(hostName, host.now());
  const readers = files.readableBy.length > 0 ? files.readableBy : usualLocalClient.readableBy;
  const { owner, mode, wished } = ownership({ owner: ruleFor(readers), mode: 0o640 }, await readAccounts(host.root));
  for (const path of [key, certificate]) await ensureDirectory(dirname(path), 0o755);
  const isRoot = host.uid === 0;
  await placeFiles([
    { path: key, content: made.keyPem, mode, owner: isRoot ? owner : null },
    { path: certificate, content: made.certificatePem, mode: 0o644, owner: isRoot ? { uid: 0, gid: 0 } : null },
  ]);
  const skipped = isRoot ? [] : [`the owner of ${key} was not set to ${wished}: this is not root`];
  const alone = mode === 0o640 ? [] : [`there is no group ${readers.join(' or ')} here: root alone can read ${key}`];
  return { ...decision, remarks: [...skipped, ...alone] };
}

/** The group of the first user that the host has; where there is none, root alone may read it. */
const ruleFor = (users: readonly string[]): OwnerRule => [
  ...users.map((group) => ({ user: 'root', group })),
  { user: 'root', group: 'root', mode: 0o600 },
];

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AgentFailure(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** A new key and its certificate, read back before it is given. */
export async function makeLocalClient(
  hostName: string,
  now: Date,
): Promise<{ readonly certificatePem: string; readonly keyPem: string }> {
  const { privateKeyPem, subjectPublicKeyInfo } = await makeSoftwareKey('ec-p256');
  const notBefore = new Date(wholeSeconds(now).getTime() - backdateSeconds * 1000);
  const plan = {
    commonName: localClientName(hostName),
    serialNumber: serialNumberFrom(randomBytes(16)),
    notBefore,
    notAfter: new Date(notBefore.getTime() + (lifetimeSeconds - 1) * 1000),
    ...{ subjectPublicKeyInfo, signatureAlgorithm: 'ecdsaWithSHA256' as const },
  };
  const tbs = buildSelfSignedClientTbs(plan);
  const der = assembleCertificate(tbs, plan.signatureAlgorithm, new Uint8Array(sign('sha256', tbs, privateKeyPem)));
  const faults = selfSignedClientFaults(der, plan);
  if (faults.length > 0) throw new Error(`the local client's certificate does not read back: ${faults.join('; ')}`);
  return { certificatePem: encodePem('CERTIFICATE', der), keyPem: privateKeyPem };
}
