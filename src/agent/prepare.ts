// Everything that needs no server: the TPM's keys, the software keys, and the octets of the request document. Made once
// and kept, so that a crash or a lost reply changes nothing that the server has seen.
import { base64url } from '../domain/octets.ts';
import type { EnrollmentRequestDocument } from '../domain/wire.ts';
import type { ProfileRequest } from '../domain/profile-request.ts';
import type { Tpm } from '../tpm2/command.ts';
import { type KeyText, keyText, type PendingWork, type TpmKeys, type WantedCertificate } from './agent-state.ts';
import type { Progress } from './progress.ts';
import { certificationRequest, makeSoftwareKey, softwareKeyTypeOf } from './software-key.ts';
import { chooseEk, readEkCertificates, type TpmPasswords } from './tpm-endorsement.ts';
import { createAttestationKey, createSigningKey } from './tpm-keys.ts';

/** The one profile whose key lives in the TPM and that a host may ask for. */
export const devIdProfile = 'devid';

/** Makes the keys that are not there yet: AK, request key, and the DevID key where it is asked for. */
export async function makeTpmKeys(
  tpm: Tpm,
  input: {
    readonly known: TpmKeys | null;
    readonly wantsDevId: boolean;
    readonly passwords: TpmPasswords;
    readonly progress: Progress;
  },
): Promise<TpmKeys> {
  const { known, wantsDevId, passwords, progress } = input;
  const made = async (what: string): Promise<KeyText> => {
    progress.working(`making the ${what} in the TPM`);
    return keyText(await createSigningKey(tpm, 'p256', passwords));
  };
  if (known !== null) {
    return known.devId !== null || !wantsDevId ? known : { ...known, devId: await made('DevID key') };
  }
  progress.working('making the attestation key in the TPM');
  const ak = await createAttestationKey(tpm, passwords);
  return {
    ek: chooseEk(await readEkCertificates(tpm, passwords)),
    ak: { ...keyText(ak), hierarchy: ak.hierarchy },
    requestKey: await made('request key'),
    devId: wantsDevId ? await made('DevID key') : null,
  };
}

/** Makes the software keys and the request document for these profiles. */
export async function makeRequest(input: {
  readonly hostName: string;
  readonly profiles: readonly ProfileRequest[];
  readonly keys: TpmKeys;
  readonly token: string | null;
  readonly progress: Progress;
}): Promise<PendingWork> {
  const { hostName, profiles, keys, token, progress } = input;
  const certificates: WantedCertificate[] = [];
  for (const { profile, dnsNames } of profiles) {
    const wanted = { profile, dnsNames: dnsNames ?? null };
    if (profile === devIdProfile) {
      certificates.push({ ...wanted, key: { kind: 'devid' } });
    } else {
      progress.working(`making the key for ${profile}`);
      const { privateKeyPem } = await makeSoftwareKey(softwareKeyTypeOf(profile));
      certificates.push({ ...wanted, key: { kind: 'software', privateKeyPem } });
    }
  }
  const document = requestDocument({ hostName, keys, certificates });
  const request = Buffer.from(JSON.stringify(document), 'utf8').toString('base64url');
  return { token, request, certificates, progress: { step: 'prepared' } };
}

/** The document whose octets the attestation key will speak for. */
function requestDocument(input: {
  readonly hostName: string;
  readonly keys: TpmKeys;
  readonly certificates: readonly WantedCertificate[];
}): EnrollmentRequestDocument {
  const { hostName, keys, certificates } = input;
  const usesDevId = certificates.some(({ key }) => key.kind === 'devid');
  return {
    version: 1,
    hostName,
    keys: [
      { role: 'request', public: keys.requestKey.public },
      ...(usesDevId && keys.devId !== null ? [{ role: 'devid' as const, public: keys.devId.public }] : []),
    ],
    certificates: certificates.map(({ profile, dnsNames, key }) => ({
      profile,
      key: key.kind === 'devid' ? 'devid' : { csr: base64url(certificationRequest(key.privateKeyPem)) },
      ...(dnsNames === null ? {} : { dnsNames }),
    })),
  };
}
