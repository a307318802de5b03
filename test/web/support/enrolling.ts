// Hosts with software TPMs that really enroll at a server under test: its policies trust their maker. Kept free of jest.
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeEnrollmentToken } from '../../../src/domain/enrollment-token.ts';
import type { EnrollmentAnswer } from '../../../src/domain/wire.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { call, type Estate } from '../../e2e/support/estate.ts';
import {
  activationBody,
  beginBody,
  ekCertificate,
  makeHost,
  makeVendor,
  type Vendor,
} from '../../fakes/software-host.ts';
import { ca } from '../../unit/x509/authority.ts';
import { repository } from './site.ts';

const year = 365 * 86_400_000;

export type TrustedVendor = {
  readonly vendor: Vendor;
  /** For `policiesDirectory`. */
  readonly directory: string;
  readonly remove: () => void;
};

/** A copy of the policies in which a maker of software TPMs is an anchor. */
export function trustedVendor(): TrustedVendor {
  const now = Date.now();
  const authority = ca('Software TPM Vendor Root', {
    ...{ pathLength: null, notBefore: new Date(now - year), notAfter: new Date(now + 20 * year) },
  });
  const directory = join(mkdtempSync(join(tmpdir(), 'omens-web-')), 'policies');
  cpSync(join(repository, 'policies'), directory, { recursive: true });
  writeFileSync(join(directory, 'ek-roots/software.pem'), encodePem('CERTIFICATE', authority.der));
  const sha256 = createHash('sha256').update(authority.der).digest('hex');
  appendFileSync(
    join(directory, 'ek-roots/manifest.yaml'),
    `  - file: software.pem\n    sha256: ${sha256}\n    subject: CN=Software TPM Vendor Root\n    origin: made by this test\n    note: never trusted elsewhere\n`,
  );
  return {
    vendor: { ...makeVendor(), authority },
    directory,
    remove: () => {
      rmSync(join(directory, '..'), { recursive: true, force: true });
    },
  };
}

/** Enrolls a new host: with a token it has its certificates, without one it waits for a person. */
export async function enroll(
  estate: Estate,
  { vendor }: Pick<TrustedVendor, 'vendor'>,
  host: { readonly hostName: string; readonly hasToken: boolean },
): Promise<{ readonly id: string; readonly answer: EnrollmentAnswer }> {
  const token = host.hasToken ? await tokenFor(estate, host.hostName) : undefined;
  const made = makeHost(vendor, { hostName: host.hostName });
  const ek = ekCertificate(vendor, made.ek.area, { notAfter: new Date(Date.now() + 15 * year) });
  const software = { ...made, ekCertificates: [ek] };
  const begun = await call(estate, '/v1/enrollments', { body: beginBody(software, token) });
  if (begun.status !== 201) throw new Error(begun.body);
  const challenge = JSON.parse(begun.body) as Parameters<typeof activationBody>[1];
  const path = `/v1/enrollments/${challenge.id}/activation`;
  const activated = await call(estate, path, { body: activationBody(software, challenge) });
  if (activated.status > 202) throw new Error(activated.body);
  return { id: challenge.id, answer: JSON.parse(activated.body) as EnrollmentAnswer };
}

/** What `omens tokens create` prints, without what stands around the secret. */
async function tokenFor(estate: Estate, hostName: string): Promise<string> {
  const reply = await call(estate, '/v1/enrollment-tokens', { body: { hostName } });
  const decoded = decodeEnrollmentToken((JSON.parse(reply.body) as { readonly token: string }).token);
  if (!decoded.ok) throw new Error(decoded.error.detail);
  return decoded.value.credential;
}
