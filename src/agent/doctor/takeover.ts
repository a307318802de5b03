// The scripts, units and cron entries by which certificates were kept before, by name, and whether each may go: now, not
// yet, or never. Only tells; removes nothing.
import { posix } from 'node:path';
import { type Finding, fine, warning } from './finding.ts';
import type { HostText } from './host-files.ts';
import type { HostScene } from './host-scene.ts';
import { leafFiles } from './leaves.ts';
import type { FileScene } from './scene.ts';

/** What is known of one old program: every name it goes by, and the certificates that it kept or watched. */
type OldProgram = {
  readonly names: readonly string[];
  /** Leaf files that it wrote or looked at, by path. */
  readonly kept: RegExp;
  readonly did: string;
};

const everything = /^\//;

/** Those that this agent takes the place of. */
const replaced: readonly OldProgram[] = [
  { names: ['renew-devid-cert', 'devid-renewal'], kept: /^\/var\/lib\/tpm2-devid\//, did: 'renewed the DevID' },
  { names: ['check-devid-expiry', 'devid-monitoring'], kept: /^\/var\/lib\/tpm2-devid\//, did: 'watched the DevID' },
  {
    names: ['renew-keylime-certs', 'keylime-cert-renewal'],
    kept: /^\/etc\/keylime\/certs\//,
    did: 'renewed certificates of Keylime',
  },
  { names: ['renew-all-keylime-certs'], kept: /^\/etc\/keylime\/certs\//, did: 'renewed certificates of Keylime' },
  {
    names: ['check-keylime-certs', 'keylime-verify'],
    kept: /^\/etc\/keylime\/certs\//,
    did: 'watched certificates of Keylime',
  },
  { names: ['renew-nginx-certs', 'nginx-cert-renewal'], kept: /^\/etc\/nginx\//, did: 'renewed certificates of nginx' },
  { names: ['cert-monitor', 'cert-dashboard'], kept: everything, did: 'watched certificates' },
  { names: ['renew-openbao-cert'], kept: /^\/(?:opt|etc)\/openbao\//, did: 'renewed the certificate of OpenBao' },
  {
    names: ['renew-host-cert', 'host-cert-renewal'],
    kept: /^\/etc\/openbao\/certs\//,
    did: 'renewed the certificate of the host',
  },
  {
    names: ['update-spire-trust-bundle', 'spire-trust-bundle-update', 'update-spire-ca'],
    kept: /^\/etc\/spire\//,
    did: 'fetched the trust bundle of SPIRE',
  },
];

/** Those that do something else, and stay. */
const kept: readonly { readonly name: RegExp; readonly why: string }[] = [
  { name: /^keylime-gc$/, why: 'removes orphaned registrations of Keylime' },
  { name: /^keylime-agent-recovery$/, why: 'brings agents back that the verifier gave up on' },
  { name: /^(?:openbao-)?(?:auto-?unseal|unseal)(?:-openbao)?$|^openbao-unseal/, why: 'unseals OpenBao' },
  {
    name: /^(?:monitor-nginx|nginx-monitor)$/,
    why: 'watches the process of nginx; only its part about expiry is done here now',
  },
];

/** One thing that was found. */
export type OldThing = {
  readonly path: string;
  readonly verdict: 'remove' | 'notYet' | 'keep';
  readonly why: string;
  /** How it goes; null unless it may. */
  readonly command: string | null;
};

/** Everything found under the names above, in the order in which it is best removed: cron and timers first. */
export function oldThings(files: FileScene, host: HostScene): readonly OldThing[] {
  const units = host.units.map(({ path }) => path);
  const [timers, services] = [
    units.filter((path) => path.endsWith('.timer')),
    units.filter((path) => !path.endsWith('.timer')),
  ];
  const cron = host.crontabs.flatMap((table) => cronThings(files, table));
  return [...cron, ...[...timers, ...services, ...host.programs].flatMap((path) => judged(files, path))];
}

const stemOf = (path: string): string => posix.basename(path).replace(/\.(?:sh|py|service|timer)$/, '');

function judged(files: FileScene, path: string, command = removal(path)): readonly OldThing[] {
  const stem = stemOf(path);
  const stays = kept.find(({ name }) => name.test(stem));
  if (stays !== undefined) return [{ path, verdict: 'keep', why: stays.why, command: null }];
  const program = replaced.find(({ names }) => names.includes(stem));
  if (program === undefined) return [];
  const open = stillOpen(files, program);
  if (open !== null) return [{ path, verdict: 'notYet', why: `${program.did}; ${open}`, command: null }];
  return [{ path, verdict: 'remove', why: `${program.did}; omens agent keeps all of it`, command }];
}

function removal(path: string): string {
  if (!/\.(?:service|timer)$/.test(path)) return `rm ${path}`;
  return `systemctl disable --now ${posix.basename(path)} && rm ${path} && systemctl daemon-reload`;
}

/** Why it is still needed: a certificate that it kept is not one of this agent's, or was not seen in use yet. */
function stillOpen(files: FileScene, { kept: pattern }: OldProgram): string | null {
  for (const { path, sha256 } of leafFiles(files).filter((leaf) => pattern.test(leaf.path))) {
    const target = files.managed.find(({ certificateSha256 }) => certificateSha256 === sha256);
    if (target === undefined) return `${path} is not managed by omens agent yet`;
    if (!target.isConfirmed) return `the new certificate of ${target.name} was not seen in use yet`;
  }
  return null;
}

/** A file of its own for one of the names, or a line in a table that runs one of them. */
function cronThings(files: FileScene, { path, text }: HostText): readonly OldThing[] {
  const whole = judged(files, path);
  if (whole.length > 0) return whole;
  return text.split('\n').flatMap((line, at) => {
    if (/^\s*(?:#|$)/.test(line)) return [];
    const edit = `remove line ${at + 1} of ${path}`;
    const place = `${path}:${at + 1}`;
    const programs = [...new Set(line.match(/[A-Za-z0-9._/-]+/g) ?? [])];
    const named = programs.flatMap((program) => judged(files, program, edit)).slice(0, 1);
    if (named.length > 0) return named.map((thing) => ({ ...thing, path: place }));
    return issues(line) ? [issuing(files, place, edit)] : [];
  });
}

/** Lines that get a certificate without any script. */
const issues = (line: string): boolean =>
  /\bstep\s+ca\s+renew\b|\b(?:bao|vault)\s+write\s+\S*pki\S*\/(?:issue|sign)\b/.test(line);

function issuing(files: FileScene, path: string, command: string): OldThing {
  const open = stillOpen(files, { names: [], kept: everything, did: '' });
  const did = 'gets a certificate by itself';
  return open === null
    ? { path, verdict: 'remove', why: `${did}; omens agent keeps all of them here`, command }
    : { path, verdict: 'notYet', why: `${did}; ${open}`, command: null };
}

/** The same as findings. */
export const takeoverFindings = (things: readonly OldThing[]): readonly Finding[] =>
  things.map(({ path, verdict, why, command }) => {
    switch (verdict) {
      case 'keep':
        return fine('old-automation', { path, detail: `stays: ${why}` });
      case 'notYet':
        return warning('old-automation', {
          path,
          detail: `stays for now: ${why}`,
          fix: 'docs/runbooks/take-over-from-the-old-scripts.md',
        });
      case 'remove':
        return warning('old-automation', { path, detail: `may be removed: ${why}`, fix: command ?? '' });
      default:
        return verdict satisfies never;
    }
  });
