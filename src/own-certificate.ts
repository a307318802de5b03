// The server's own TLS certificate as the listener sees it: a current one, and word of each renewal. Part of the
// composition root.
import { join } from 'node:path';
import type { Config } from './config.ts';
import type { TlsSource } from './http/server.ts';
import type { IssuedCertificate, IssueRequest } from './issuance/issue.ts';
import { hostOf } from './domain/names.ts';
import type { Refusal, Result } from './domain/result.ts';
import { keepServerCertificate, serverNames } from './lifecycle/server-certificate.ts';
import type { Policies } from './policies.ts';
import { loadServerCertificate, storeServerCertificate } from './server-certificate-file.ts';

export type OwnCertificate = {
  readonly tls: TlsSource;
  /** Renews when it is time to, and tells the listener. */
  readonly renew: () => Promise<void>;
};

export type OwnCertificateParts = {
  readonly config: Config;
  readonly policies: Policies;
  readonly issue: (request: IssueRequest) => Promise<Result<IssuedCertificate, readonly Refusal[]>>;
  readonly now: () => Date;
  /** PEM of the estate's root: presented too, since a host may know nothing of it but its SHA-256. */
  readonly rootPem: string;
};

/** Loads the server's certificate, or has one issued. */
export async function ownCertificate({
  config,
  policies,
  issue,
  now,
  rootPem,
}: OwnCertificateParts): Promise<OwnCertificate> {
  const profile = policies.profiles.get('omens-server');
  if (profile === undefined) throw new Error(`${config.policiesDirectory} has no profile omens-server`);
  const path = join(config.dataDirectory, 'server-tls.pem');
  const keep = keepServerCertificate({
    profile,
    issue,
    load: () => loadServerCertificate(path),
    store: (certificate) => storeServerCertificate(path, certificate),
  });
  const names = serverNames([hostOf(new URL(config.publicUrl)), config.listen.host]);
  const watchers = new Set<() => void>();
  let current = (await keep(names, now())).certificate;
  return {
    tls: {
      current: () => ({ certPem: current.chainPem + rootPem, keyPem: current.keyPem }),
      onChange: (changed) => {
        watchers.add(changed);
        return () => void watchers.delete(changed);
      },
    },
    renew: async () => {
      const { certificate, isNew } = await keep(names, now());
      current = certificate;
      if (isNew) for (const changed of watchers) changed();
    },
  };
}
