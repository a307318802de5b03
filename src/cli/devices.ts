// `omens devices`: hosts, what they may have, and those that wait for a person. Their states are in device-states.ts.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseProfileRequest } from '../domain/profile-request.ts';
import type {
  DeviceResource,
  EnrollmentTokenBody,
  GrantResource,
  PendingEnrollmentResource,
  PreregistrationBody,
} from '../domain/wire.ts';
import { describeDevice, deviceId, grantTable } from './device-text.ts';
import { addDeviceStateCommands } from './device-states.ts';
import { CommandFailure, wrongUsage } from './failure.ts';
import { print, printJson } from './output.ts';
import { type PageOptions, printPage, withPageOptions } from './pages.ts';
import { ask, type ClientOptions, withClientOptions } from './settings.ts';
import { addDeviceSpireCommand } from './spire.ts';
import type { World } from './world.ts';

/** Adds the commands. */
export function addDevicesCommands(program: Command, world: World): void {
  const devices = program.command('devices').description('hosts and what they may have');
  withPageOptions(devices.command('list').description('all hosts')).action((options: PageOptions) =>
    printPage<DeviceResource>(world, options, {
      list: (service, page) => service.listDevices(page),
      columns: {
        headings: ['ID', 'HOST', 'STATE', 'LAST SEEN', 'PROFILES'],
        row: ({ id, hostName, state, lastSeenAt, grants }) => [
          ...[id, hostName, state, lastSeenAt],
          grants.map(({ profile }) => profile).join(','),
        ],
      },
    }),
  );
  withClientOptions(devices.command('show <id>').description('one host')).action(
    async (text: string, options: ClientOptions) => {
      const resource = await ask(world, options, (service) => service.showDevice(deviceId(text)));
      print(world, options, { resource, text: describeDevice });
    },
  );
  addPendingCommands(devices, world);
  addDeviceStateCommands(devices, world);
  addDeviceSpireCommand(devices, world);
  addGrantCommands(devices, world);
}

type DecisionOptions = ClientOptions & {
  readonly version: string;
  readonly profile?: readonly string[];
  readonly reason?: string;
};

function addPendingCommands(devices: Command, world: World): void {
  withPageOptions(devices.command('pending').description('enrollments that wait for a person')).action(
    (options: PageOptions) =>
      printPage<PendingEnrollmentResource>(world, options, {
        list: (service, page) => service.listEnrollments({ ...page, state: 'pending' }),
        columns: {
          headings: ['ID', 'VERSION', 'HOST', 'ENDORSEMENT KEY', 'TPM', 'PROFILES', 'WARNINGS'],
          row: (item) => [
            ...[item.id, String(item.version), item.hostName, item.ekFingerprint],
            [item.tpm.manufacturer, item.tpm.model].filter((part) => part !== null).join(' '),
            ...[item.profiles.join(','), item.warnings.join('; ')],
          ],
        },
      }),
  );
  const version = ['--version <n>', 'the VERSION that you looked at'] as const;
  withClientOptions(devices.command('approve <id>').description('approve exactly what `devices pending` showed'))
    .requiredOption(...version)
    .option('--profile <profile...>', 'P or P=DNS,DNS: what it may have; without this, what it asked for')
    .action(async (id: string, options: DecisionOptions) => {
      const body = { version: versionOf(options), ...profilesOf(options.profile) };
      const resource = await ask(world, options, (service) => service.approveEnrollment(id, body));
      print(world, options, {
        resource,
        text: ({ hostName }) => `${hostName} is approved: it proves its TPM once more and is issued its certificates\n`,
      });
    });
  withClientOptions(devices.command('reject <id>').description('reject exactly what `devices pending` showed'))
    .requiredOption(...version)
    .requiredOption('--reason <text>', 'told to the host')
    .action(async (id: string, options: DecisionOptions) => {
      const body = { version: versionOf(options), reason: options.reason ?? '' };
      await ask(world, options, (service) => service.rejectEnrollment(id, body));
      if (options.json === true) printJson(world, {});
      else world.stdout(`${id} is rejected\n`);
    });
}

function versionOf({ version }: DecisionOptions): number {
  if (!/^[1-9][0-9]{0,9}$/.test(version)) throw wrongUsage(`--version ${version} is no number`);
  return Number(version);
}

/** `--profile` as the API wants it; nothing when none was given. */
export function profilesOf(texts: readonly string[] | undefined): Pick<EnrollmentTokenBody, 'profiles'> {
  if (texts === undefined || texts.length === 0) return {};
  return {
    profiles: texts.map((text) => {
      const request = parseProfileRequest(text);
      if (!request.ok) throw wrongUsage(request.error.detail, `accepted: ${request.error.accepted ?? ''}`);
      return request.value;
    }),
  };
}

type PreregisterOptions = ClientOptions & {
  readonly ek: string;
  readonly host: string;
  readonly address?: readonly string[];
  readonly profile?: readonly string[];
  readonly exception?: string;
};

function addGrantCommands(devices: Command, world: World): void {
  withClientOptions(devices.command('preregister').description('register an endorsement key before its host calls'))
    .requiredOption('--ek <sha256>', 'fingerprint that the host prints: SHA-256 of its SubjectPublicKeyInfo')
    .requiredOption('--host <name>', 'full name')
    .option('--address <ip...>', 'addresses that its certificates may name')
    .option('--profile <profile...>', 'P or P=DNS,DNS: what it may have; without this, the default grant')
    .option('--exception <rule>', 'rocaWeak or noCertificate: the one rule that this key may break')
    .action((options: PreregisterOptions) => preregister(world, options));
  withClientOptions(devices.command('grants <id>').description('what a host may have'))
    .option('--set <file>', 'JSON of all its grants from now on, as this command prints them with --json')
    .action((id: string, options: ClientOptions & { readonly set?: string }) => grants(world, id, options));
}

async function preregister(world: World, options: PreregisterOptions): Promise<void> {
  const { ek, host, address, exception } = options;
  const body: PreregistrationBody = {
    ekFingerprint: ek.toLowerCase().replaceAll(':', ''),
    hostName: host,
    ...(address === undefined ? {} : { addresses: address }),
    ...profilesOf(options.profile),
    ...exceptionOf(exception),
  };
  const resource = await ask(world, options, (service) => service.preregister(body));
  print(world, options, {
    resource,
    text: ({ hostName, ekFingerprint }) => `${hostName} may enroll with endorsement key ${ekFingerprint}\n`,
  });
}

function exceptionOf(text: string | undefined): Pick<PreregistrationBody, 'exception'> {
  if (text === undefined) return {};
  if (text === 'rocaWeak' || text === 'noCertificate') return { exception: text };
  throw wrongUsage(`--exception ${text} is neither rocaWeak nor noCertificate`);
}

async function grants(world: World, text: string, options: ClientOptions & { readonly set?: string }): Promise<void> {
  const id = deviceId(text);
  const wanted = options.set === undefined ? null : readGrants(options.set);
  const device = await ask(world, options, (service) =>
    wanted === null ? service.showDevice(id) : service.replaceGrants(id, wanted),
  );
  print(world, options, { resource: device, text: (shown) => grantTable(shown.grants) });
}

/** The file's shape is the API's to judge; here it must be JSON with a list. */
function readGrants(file: string): readonly GrantResource[] {
  try {
    const document = JSON.parse(readFileSync(file, 'utf8')) as { readonly grants?: readonly GrantResource[] };
    if (document.grants !== undefined) return document.grants;
  } catch (cause) {
    throw new CommandFailure(`${file} cannot be read as JSON`, { cause });
  }
  throw new CommandFailure(`${file} has no list "grants"`);
}
