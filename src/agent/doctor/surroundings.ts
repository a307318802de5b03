// What is neither file nor TPM: the clock, the space to write to, how old the trust bundle is, and what a person
// put back.
import { critical, type Finding, fine, unknown, warning } from './finding.ts';
import type { ManagedCertificate } from './ports.ts';

/** `seconds` server minus host; `error` when the server could not be asked. */
export type ClockFacts = { readonly seconds: number } | { readonly error: string } | null;

export function clockFindings(facts: ClockFacts): readonly Finding[] {
  if (facts === null) return [];
  if ('error' in facts) {
    const detail = `the clock was not compared with the server's: ${facts.error}`;
    return [unknown('clock', { detail, fix: 'reach the server from this host, then run omens agent doctor again' })];
  }
  const off = Math.abs(facts.seconds);
  const detail = `this host is ${off} s ${facts.seconds > 0 ? 'behind' : 'ahead of'} the server`;
  const fix = 'timedatectl set-ntp true; timedatectl timesync-status';
  if (off > 300) return [critical('clock', { detail: `${detail}: certificates seem expired or not yet valid`, fix })];
  return off > 60 ? [warning('clock', { detail, fix })] : [fine('clock', { detail: 'agrees with the server' })];
}

/** A directory that is written to, and its file system's octets. */
export type SpaceFacts = { readonly directory: string; readonly free: number; readonly total: number };

const mebi = 1_048_576;

/** A pair with its backups takes some ten KiB; what matters is that the disk does not fill before somebody looks. */
export function spaceFindings(facts: readonly SpaceFacts[]): readonly Finding[] {
  const found = facts.flatMap(({ directory, free, total }) => {
    const isCritical = free < 16 * mebi;
    if (!isCritical && free >= 64 * mebi && free >= total / 50) return [];
    const detail = `${Math.floor(free / mebi)} MiB are free; a renewal is written in full beside the old one first`;
    const told = { path: directory, detail, fix: `df -h ${directory}; journalctl --vacuum-size=200M` };
    return [isCritical ? critical('space', told) : warning('space', told)];
  });
  return found.length > 0 || facts.length === 0
    ? found
    : [fine('space', { detail: 'there is room in every directory of the targets' })];
}

/** Targets that a person put back: their programs run on a certificate that is not the newest. */
export const rollbackFindings = (managed: readonly ManagedCertificate[]): readonly Finding[] =>
  managed.flatMap(({ name, rolledBackAt }) => {
    if (rolledBackAt === null) return [];
    const detail = `${name} was rolled back by hand at ${rolledBackAt} and is not on its newest certificate`;
    const fix = `omens agent renew --force --target ${name}, once what was wrong is mended`;
    return [warning('rolled-back', { detail, fix })];
  });

export function trustFindings(trust: { readonly here: number; readonly newest: number } | null): readonly Finding[] {
  if (trust === null || trust.here >= trust.newest) return [];
  const detail = `the trust bundle here is generation ${trust.here}, the newest is ${trust.newest}`;
  const fix = 'omens agent renew takes it, when a root that this host trusts has signed it';
  return [warning('trust-bundle', { detail, fix })];
}
