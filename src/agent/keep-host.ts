// The host of a round as it really is: keys in the TPM and in files, certificates checked and put in place, proof of use by
// the key that is read back from the files.
import { randomBytes, X509Certificate } from 'node:crypto';
import type { ObservedUse } from '../domain/lineage-wire.ts';
import { sameOctets } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { wireTime } from '../domain/wire.ts';
import { parseTpm2bPublic } from '../tpm2/public-area.ts';
import { publicKeyOf } from '../tpm2/subject-public-key-info.ts';
import { readCertificate } from '../x509/certificate.ts';
import { akBlobs, keyBlobs, keyText, type WantedCertificate } from './agent-state.ts';
import { type CheckedCertificate, checkIssued } from './check-issued.ts';
import type { LocalFiles } from './keep-decision.ts';
import { type KeepHost, type KeepTarget, type Placing, Trouble } from './keep-ports.ts';
import { messageToConfirm, softwareConfirmation, softwareRequest, tpmConfirmation, tpmRequest } from './keep-proof.ts';
import { anchorsOf, pinnedRoot, type Session, targetNamed } from './keep-session.ts';
import { type KeepTpm, onTpm } from './keep-tpm.ts';
import type { CertificateFacts, KeptKey } from './kept.ts';
import type { InstallPorts } from './install-ports.ts';
import type { currentGeneration, InstalledGeneration } from './installed.ts';
import type { observeUse, putAllInPlace, PutWish } from './put-in-place.ts';
import { makeSoftwareKey, publicKeyInfoOf } from './software-key.ts';
import { rehearseSpire } from './spire-rehearsal.ts';
import type { Target } from './target.ts';
import { createSigningKey } from './tpm-keys.ts';
import type { IssuedCertificateResource } from '../domain/wire.ts';

/** What it stands on. */
export type RealHost = {
  readonly session: () => Session;
  readonly tpm: () => KeepTpm;
  readonly install: Omit<InstallPorts, 'rehearse'>;
  readonly engine: {
    readonly putAllInPlace: typeof putAllInPlace;
    readonly currentGeneration: typeof currentGeneration;
    readonly observeUse: typeof observeUse;
  };
  readonly examined: KeepHost['examined'];
};

type Issued = { readonly key: KeptKey; readonly answer: IssuedCertificateResource };

/** The port of a round over this host. */
export const keepHost = (host: RealHost): KeepHost => ({
  inPlace: ({ name }) => inPlace(host, targetNamed(host.session(), name)),
  makeKey: ({ name }) => makeKey(host, targetNamed(host.session(), name)),
  makeRequest: (_target, request) => makeRequest(host, request),
  check: ({ name }, issued) => Promise.resolve(check(host, targetNamed(host.session(), name), issued)),
  installAll: (wishes) => installAll(host, wishes),
  observe: (target) => observe(host, target),
  signConfirmation: ({ name }, confirmation) => signConfirmation(host, targetNamed(host.session(), name), confirmation),
  examined: host.examined,
});

const generationOf = (host: RealHost, target: Target): Promise<InstalledGeneration | null> =>
  host.engine.currentGeneration(host.install.root, target);

/** The files as a consumer would find them: a certificate, and the key that belongs to it. */
async function inPlace(host: RealHost, target: Target): Promise<LocalFiles> {
  const found = await generationOf(host, target).catch((error: unknown) => String(error));
  if (typeof found === 'string') return { state: 'unfit', why: found };
  if (found === null) return { state: 'missing', why: 'missing' };
  const read = readCertificate(new Uint8Array(new X509Certificate(found.leafPem).raw));
  if (!read.ok) return { state: 'unfit', why: read.error.detail };
  const { subjectPublicKeyInfo, notBefore, notAfter } = read.value;
  const own = ownKeyInfo(found);
  if (own === null || !sameOctets(own, subjectPublicKeyInfo)) {
    return { state: 'unfit', why: 'the key in place is not that of the certificate' };
  }
  return {
    ...{ state: 'inPlace', certificate: found.certificateSha256 },
    ...{ notBefore: wireTime(notBefore), notAfter: wireTime(notAfter) },
  };
}

/** SubjectPublicKeyInfo of the key in the files, null for what is no key. */
function ownKeyInfo({ key }: InstalledGeneration): Uint8Array | null {
  try {
    if (key.kind === 'software') return publicKeyInfoOf(key.privateKeyPem);
    const area = publicKeyOf(parseTpm2bPublic(key.blobs.public));
    return area.ok ? area.value.spkiDer : null;
  } catch {
    return null;
  }
}

async function makeKey(host: RealHost, target: Target): Promise<KeptKey> {
  const kept = target.rekey ? null : await generationOf(host, target).catch(() => null);
  if (kept !== null && (await inPlace(host, target)).state === 'inPlace') return keptKey(kept);
  if (target.key.kind === 'software') {
    return { kind: 'software', privateKeyPem: (await makeSoftwareKey(target.key.type)).privateKeyPem };
  }
  const tpm = host.tpm();
  const made = await onTpm(tpm, { doing: 'making a DevID key' }, (open) =>
    createSigningKey(open, 'p256', tpm.passwords),
  );
  return { kind: 'tpm', ...keyText(made) };
}

const keptKey = ({ key }: InstalledGeneration): KeptKey =>
  key.kind === 'software' ? key : { kind: 'tpm', ...keyText(key.blobs) };

async function makeRequest(
  host: RealHost,
  { lineage, key, nonce }: { readonly lineage: string; readonly key: KeptKey; readonly nonce: string },
) {
  if (key.kind === 'software') return softwareRequest(lineage, key.privateKeyPem);
  const tpm = host.tpm();
  const { keys } = host.session().state;
  return onTpm(tpm, { doing: 'having the new key certified' }, (open) =>
    tpmRequest(open, { lineage, nonce, key, keys, passwords: tpm.passwords }),
  );
}

/** All that enrollment checks, but for one thing: that it is not valid yet is the round's to wait for. */
function checked(host: RealHost, target: Target, { key, answer }: Issued): Result<CheckedCertificate, Refusal> {
  const session = host.session();
  const { hostName, keys } = session.state;
  const wanted: WantedCertificate = {
    ...{ profile: target.profile, dnsNames: target.dnsNames },
    key: key.kind === 'software' ? key : { kind: 'devid' },
  };
  const devId = key.kind === 'tpm' ? { public: key.public, private: key.private } : keys.devId;
  const result = checkIssued([answer], {
    ...{ hostName, keys: { ...keys, devId }, wanted: [wanted], root: pinnedRoot(session) },
    now: later(host.install.now(), notBeforeOf(answer.certificate)),
  });
  if (!result.ok) return err(result.error[0] ?? { reason: 'malformedCertificate', detail: 'it cannot be read' });
  const [only] = result.value;
  return only === undefined ? err({ reason: 'missingCertificate', detail: 'the server sent none' }) : ok(only);
}

function notBeforeOf(pem: string): Date {
  try {
    return new Date(new X509Certificate(pem).validFrom);
  } catch {
    return new Date(0); // What cannot be read is refused where it is read.
  }
}

const later = (a: Date, b: Date): Date => (a > b ? a : b);

function check(host: RealHost, target: Target, issued: Issued): Result<CertificateFacts, Refusal> {
  const result = checked(host, target, issued);
  if (!result.ok) return result;
  const { certificateSha256, notAfter } = result.value;
  return ok({
    certificate: certificateSha256,
    notBefore: wireTime(notBeforeOf(issued.answer.certificate)),
    notAfter: wireTime(notAfter),
  });
}

/** Those that are not what was asked for are left out; all others are put in place in one go. */
async function installAll(
  host: RealHost,
  wishes: readonly (Issued & { readonly target: KeepTarget })[],
): Promise<readonly Placing[]> {
  const session = host.session();
  const shared = { root: pinnedRoot(session), anchors: anchorsOf(session) };
  const works = wishes.map(({ target: { name }, ...issued }): PutWish | Placing => {
    const target = targetNamed(session, name);
    const result = checked(host, target, issued);
    if (!result.ok) return { state: 'failed', error: { phase: 'check', ...told(result.error) }, hints: [] };
    const devId = issued.key.kind === 'tpm' ? keyBlobs(issued.key) : null;
    return { target, input: { ...shared, checked: result.value, devId } };
  });
  const ready = works.filter((work) => 'input' in work);
  const outcomes = await host.engine.putAllInPlace({ ...host.install, rehearse: rehearsal(host) }, ready);
  return works.map((work): Placing => {
    if (!('input' in work)) return work;
    const outcome = outcomes[ready.indexOf(work)];
    if (outcome === undefined) throw new RangeError('an installation has no outcome');
    if (outcome.kind === 'rolledBack') return { state: 'rolledBack', error: outcome.error, hints: outcome.remarks };
    const { devId } = work.input;
    if (devId !== null) session.placedDevId = keyText(devId);
    return { state: 'installed', observed: outcome.observed };
  });
}

const told = ({ reason, detail }: Refusal) => ({ reason, detail });

function rehearsal(host: RealHost): InstallPorts['rehearse'] {
  const tpm = host.tpm();
  const ak = akBlobs(host.session().state.keys);
  return async (files) => {
    try {
      return await onTpm(tpm, { doing: 'rehearsing what SPIRE does', stake: 'certificateKey' }, (open) =>
        rehearseSpire(open, files, { ak, passwords: tpm.passwords, nonce: new Uint8Array(randomBytes(32)) }),
      );
    } catch (error) {
      if (error instanceof Trouble) return err({ reason: error.reason, detail: error.message });
      throw error;
    }
  };
}

/** Seen again in service; where the files are not of this agent's making, only that they are there. */
async function observe(host: RealHost, { name }: KeepTarget): Promise<ObservedUse> {
  const target = targetNamed(host.session(), name);
  const seen = await host.engine.observeUse({ ...host.install, rehearse: null }, target);
  return (
    seen ?? {
      ...{ installedAt: wireTime(host.install.now()), generation: 0, servedSha256: null },
      ...{ hasSpireAgent: target.hasSpireAgent, checks: [] },
    }
  );
}

async function signConfirmation(
  host: RealHost,
  target: Target,
  { certificate, nonce }: { readonly certificate: string; readonly nonce: string },
): Promise<string> {
  const found = await generationOf(host, target);
  if (found?.certificateSha256 !== certificate) {
    throw new Trouble('notInPlace', 'another certificate lies in its place than the one to be confirmed');
  }
  const message = messageToConfirm(certificate, nonce);
  const { key } = found;
  if (key.kind === 'software') return softwareConfirmation(key.privateKeyPem, message);
  const tpm = host.tpm();
  return onTpm(tpm, { doing: 'signing with the DevID in place', stake: 'certificateKey' }, (open) =>
    tpmConfirmation(open, { key: key.blobs, message, passwords: tpm.passwords }),
  );
}
