// A host as commands name and show it.
import { isUuid } from '../domain/identifiers.ts';
import type { DeviceResource, GrantResource } from '../domain/wire.ts';
import { wrongUsage } from './failure.ts';
import { facts, table } from './table.ts';

/** An id as it was typed. */
export function deviceId(text: string): string {
  if (isUuid(text)) return text;
  throw wrongUsage(`${text} is no id of a device`, 'an id is a UUID, as `omens devices list` shows it');
}

/** What a host may have. */
export const grantTable = (list: readonly GrantResource[]): string =>
  table(
    ['PROFILE', 'PLACE', 'NAMES'],
    list.map(({ profile, place, dnsNames, ipAddresses, uris }) => [
      ...[profile, place],
      [...dnsNames, ...ipAddresses, ...uris].join(','),
    ]),
  );

/** One host for people. */
export function describeDevice(device: DeviceResource): string {
  const { tpm } = device;
  const told = facts([
    ['id', device.id],
    ['host', device.hostName],
    ['state', device.state],
    ['keylime uuid', device.keylimeUuid],
    ['tpm', [tpm.manufacturer, tpm.model, tpm.version].filter((part) => part !== null).join(' ') || null],
    ['enrolled', device.createdAt],
    ['last seen', device.lastSeenAt],
    ...device.endorsementKeys.map(({ fingerprint }) => ['endorsement key', fingerprint] as const),
  ]);
  const lineages = device.lineages.map(({ profile, place, certificate }) => [
    ...[profile, place],
    certificate === null ? 'none' : certificate.notAfter,
  ]);
  return `${told}\n${grantTable(device.grants)}\n${table(['LINEAGE', 'PLACE', 'NOT AFTER'], lineages)}`;
}
