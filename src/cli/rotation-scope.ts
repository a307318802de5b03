// The options by which a command of rotation says which lineages it means, and those that are numbers.
import type { Command } from 'commander';
import { durationForm, parseDuration } from '../domain/duration.ts';
import { isSha256Hex } from '../domain/identifiers.ts';
import type { RotationScope, TpmScope } from '../domain/rotation-wire.ts';
import { parseFirmwareVersion } from '../domain/tpm-denials.ts';
import { deviceId } from './device-text.ts';
import { wrongUsage } from './failure.ts';

/** Exactly one of them. */
export type ScopeOptions = {
  readonly profile?: string;
  readonly device?: string;
  readonly issuer?: string;
  readonly tpm?: string;
};

/** Adds the options. */
export const withScopeOptions = (command: Command): Command =>
  command
    .option('--profile <name>', 'lineages of this profile')
    .option('--device <id>', 'lineages of this host; its id as `omens devices list` shows it')
    .option(
      '--issuer <sha256>',
      'lineages whose newest certificate is of this issuer, as `omens issuers list` shows it',
    )
    .option(
      '--tpm <maker>',
      'lineages of TPMs: MAKER[,model=M][,from=VERSION][,to=VERSION], MAKER in eight hex digits, versions like 7.61',
    );

/** The scope as the API wants it. */
export function scopeOf({ profile, device, issuer, tpm }: ScopeOptions): RotationScope {
  const given = [
    ...(profile === undefined ? [] : [{ profile }]),
    ...(device === undefined ? [] : [{ device: deviceId(device) }]),
    ...(issuer === undefined ? [] : [{ issuer: issuerOf(issuer) }]),
    ...(tpm === undefined ? [] : [{ tpm: tpmOf(tpm) }]),
  ];
  const [scope, second] = given;
  if (scope !== undefined && second === undefined) return scope;
  const wrong = second === undefined ? 'nothing says which certificates are meant' : 'several scopes were given';
  throw wrongUsage(wrong, 'accepted: exactly one of --profile, --device, --issuer, --tpm');
}

function issuerOf(text: string): string {
  const sha256 = text.toLowerCase().replaceAll(':', '');
  if (isSha256Hex(sha256)) return sha256;
  throw wrongUsage(`${text} is no id of an issuer`, 'an id is the SHA-256 that `omens issuers list` shows');
}

function tpmOf(text: string): TpmScope {
  const [maker = '', ...rest] = text.split(',');
  if (!/^[0-9A-Fa-f]{8}$/.test(maker))
    throw wrongUsage(
      `${maker} is no maker of a TPM`,
      'accepted: its TCG vendor id in eight hex digits, such as 49465800',
    );
  let scope: TpmScope = { manufacturer: maker.toUpperCase() };
  for (const part of rest) {
    const [, name, value] = /^(model|from|to)=(.+)$/.exec(part) ?? [];
    if (name === undefined || value === undefined)
      throw wrongUsage(`${part} says nothing of a TPM`, 'accepted: model=M, from=VERSION, to=VERSION');
    if (name === 'model') scope = { ...scope, model: value };
    else if (parseFirmwareVersion(value, 0) === null)
      throw wrongUsage(
        `${value} is no version of firmware`,
        'accepted: two to four decimal numbers with dots, such as 7.61',
      );
    else scope = { ...scope, [name === 'from' ? 'firmwareFrom' : 'firmwareTo']: value };
  }
  return scope;
}

/** A whole number of at least one; nothing when the option was not given. */
export function countOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9][0-9]{0,4}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw wrongUsage(`${name} ${text} is no number`, 'accepted: a whole number from 1 to 99999');
}

/** Seconds of `10m` and the like; nothing when the option was not given. */
export function secondsOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = new RegExp(durationForm).test(text) ? parseDuration(text) : null;
  if (seconds !== null) return seconds;
  throw wrongUsage(`${name} ${text} is no duration`, 'accepted: 90s, 15m, 12h, 30d, 2w');
}

/** `NAME=VALUE` pairs as an object; nothing when there are none. */
export function pairsOf<T>(
  name: string,
  texts: readonly string[] | undefined,
  valueOf: (text: string) => T,
): Readonly<Record<string, T>> | undefined {
  if (texts === undefined) return undefined;
  const pairs = texts.map((text) => {
    const [, key, value] = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)$/.exec(text) ?? [];
    if (key === undefined || value === undefined) throw wrongUsage(`${name} ${text} is not NAME=VALUE`);
    return [key, valueOf(value)] as const;
  });
  return Object.fromEntries(pairs);
}
