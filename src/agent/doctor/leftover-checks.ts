// What earlier ways of getting certificates left behind: root tokens of OpenBao, answers with private keys in /tmp, and
// variables that switch the verification of servers off.
import type { HostText } from './host-files.ts';
import { critical, type Finding, warning } from './finding.ts';

/** Paths whose mere presence is a finding. */
export const leftoverPaths = [
  '/root/.openbao-token',
  '/root/.bao-token',
  '/root/.vault-token',
  '/tmp/cert-response.json',
] as const;

/** The checks; `texts` are units and files that set variables. */
export const leftoverFindings = (present: ReadonlySet<string>, texts: readonly HostText[]): readonly Finding[] => [
  ...leftoverPaths.filter((path) => present.has(path)).map(leftover),
  ...texts.flatMap(skippedVerification),
];

function leftover(path: string): Finding {
  if (path.startsWith('/tmp/')) {
    const detail = 'an answer of OpenBao with a private key in it, in a place that every user reads';
    return critical('private-key-left', {
      path,
      detail,
      fix: `shred -u ${path}, and renew that certificate with a new key`,
    });
  }
  const detail = 'a token of OpenBao, and on the hosts where this was seen the root token; omens agent needs none';
  return critical('root-token', {
    path,
    detail,
    fix: `bao token revoke -self with it from a safe place, then shred -u ${path}`,
  });
}

function skippedVerification({ path, text }: HostText): readonly Finding[] {
  const [, name] = /^[^#\n]*\b([A-Z_]*SKIP_VERIFY)\s*=\s*["']?(?:true|1|yes)\b/im.exec(text) ?? [];
  if (name === undefined) return [];
  const detail = `${name} switches off who the server is: anybody on the way reads the token`;
  return [
    warning('skip-verify', {
      path,
      detail,
      fix: `remove ${name}, and name the CA instead: BAO_CACERT=/etc/keylime/certs/ca-complete-chain.crt`,
    }),
  ];
}
