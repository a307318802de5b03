// Section `notify` of omens.yaml: the channels that warnings go to, and when the digest goes out. Secrets stand in files,
// which are read when the channels are opened (notify-services.ts).
import { resolve } from 'node:path';
import type { FileFault } from './checked-yaml.ts';
import { type ChannelSettings, type NotifySettings, syslogFacilities } from './domain/channel-settings.ts';
import type { ChannelKind } from './domain/message.ts';
import { err, ok, type Result } from './domain/result.ts';
import { conditions } from './domain/warning.ts';
import { type ChannelFile, readChannel } from './channel-config.ts';

const text = (description: string) => ({ type: 'string', minLength: 1, maxLength: 2048, description }) as const;

const flag = (description: string) => ({ type: 'boolean', description, default: true }) as const;

const caFile = text('PEM of the only CAs that are trusted there; default those of the system');

/** What every channel has. */
const ruleProperties = {
  name: {
    type: 'string',
    pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$',
    description: 'a-z, 0-9 and hyphens; unique',
  },
  kind: { type: 'string', description: 'webhook, smtp, pushover, ntfy, slack, syslog' },
  level: { type: 'string', enum: ['warning', 'critical'], description: 'the least that goes there at once' },
  conditions: {
    type: 'array',
    minItems: 1,
    maxItems: 100,
    uniqueItems: true,
    items: { type: 'string', enum: Object.keys(conditions), description: 'a condition of a warning' },
    description: 'only these conditions; default all',
  },
  wellAgain: flag('also tell when it is well again'),
  escalation: flag('also repeat what is critical and not acknowledged'),
  digest: flag('also send the daily digest'),
  events: flag('also tell what happened without lasting, such as a replaced TPM'),
} as const;

type KindSchema = { readonly required: readonly string[]; readonly properties: Readonly<Record<string, object>> };

/** What each kind has of its own. */
const kinds: Readonly<Record<ChannelKind, KindSchema>> = {
  webhook: {
    required: ['url', 'secretFile'],
    properties: {
      url: text('http or https URL'),
      secretFile: text('whsec_… of Standard Webhooks, mode 0600'),
      caFile,
    },
  },
  smtp: {
    required: ['host', 'tls', 'from', 'to'],
    properties: {
      host: text('name or address of the mail server'),
      port: { type: 'integer', minimum: 1, maximum: 65_535, description: 'default 587, 465 (implicit) or 25 (none)' },
      tls: { type: 'string', enum: ['starttls', 'implicit', 'none'], description: 'starttls, implicit, or none' },
      user: text('with passwordFile'),
      passwordFile: text('password of user, mode 0600'),
      from: text('an address, name@example.org'),
      to: { type: 'array', minItems: 1, maxItems: 50, items: text('an address'), description: 'a list of addresses' },
      caFile,
    },
  },
  pushover: {
    required: ['tokenFile', 'userFile'],
    properties: {
      tokenFile: text('API token of the application, mode 0600'),
      userFile: text('key of the user or group, mode 0600'),
      url: text('default https://api.pushover.net/1/messages.json'),
      caFile,
    },
  },
  ntfy: {
    required: ['topic'],
    properties: {
      url: text('the server; default https://ntfy.sh'),
      topic: { type: 'string', pattern: '^[-_A-Za-z0-9]{1,64}$', description: 'letters, digits, - and _' },
      tokenFile: text('access token tk_…, mode 0600'),
      caFile,
    },
  },
  slack: {
    required: ['urlFile'],
    properties: { urlFile: text('URL of the incoming webhook, mode 0600: it is the secret'), caFile },
  },
  syslog: {
    required: [],
    properties: {
      address: text('a socket such as /dev/log, the default, or udp://host:port or tcp://host:port'),
      facility: { type: 'string', enum: Object.keys(syslogFacilities), description: 'default daemon' },
    },
  },
};

/** The section as written. */
export type NotifyFile = {
  readonly digestAt?: string;
  readonly timeZone?: string;
  readonly channels?: readonly ChannelFile[];
};

/** Its JSON Schema. Unknown keys are refused kind by kind, so that the fault names those that would do. */
export const notifySchema = {
  type: 'object',
  additionalProperties: false,
  description: 'where warnings go',
  properties: {
    digestAt: {
      type: 'string',
      pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
      description: 'HH:MM at which what is open goes out as one message',
      default: '09:00',
    },
    timeZone: { ...text('IANA time zone of digestAt'), default: 'UTC' },
    channels: {
      type: 'array',
      maxItems: 32,
      description:
        'a list of channels: name, kind (webhook, smtp, pushover, ntfy, slack, syslog) and what the kind needs',
      default: [],
      items: {
        type: 'object',
        required: ['name', 'kind'],
        properties: { kind: { ...ruleProperties.kind, enum: Object.keys(kinds) } },
        allOf: Object.entries(kinds).map(([kind, { required, properties }]) => ({
          if: { type: 'object', required: ['kind'], properties: { kind: { const: kind } } },
          then: {
            type: 'object',
            additionalProperties: false,
            required,
            properties: { ...ruleProperties, ...properties },
          },
        })),
      },
    },
  },
} as const;

/** What was written, with defaults; paths are relative to the file. */
export function readNotify(written: NotifyFile, file: string): Result<NotifySettings, readonly FileFault[]> {
  const defaults = notifySchema.properties;
  const timeZone = written.timeZone ?? defaults.timeZone.default;
  const channels = (written.channels ?? []).map((channel, at) =>
    readChannel(channel, { field: `${file}: /notify/channels/${at}`, pathOf: (path) => resolve(file, '..', path) }),
  );
  const faults = [
    ...(isTimeZone(timeZone) ? [] : [wrongTimeZone(timeZone, `${file}: /notify/timeZone`)]),
    ...channels.flatMap((channel) => (channel.ok ? [] : [channel.error])),
    ...namesTwice(written.channels ?? [], `${file}: /notify/channels`),
  ];
  if (faults.length > 0) return err(faults);
  return ok({
    digestAt: written.digestAt ?? defaults.digestAt.default,
    timeZone,
    channels: channels.flatMap((channel): readonly ChannelSettings[] => (channel.ok ? [channel.value] : [])),
  });
}

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}

const wrongTimeZone = (timeZone: string, field: string): FileFault => ({
  reason: 'ruleBroken',
  detail: `"${timeZone}" is no time zone that this system knows`,
  field,
  accepted: 'a name of the IANA database, such as UTC or Europe/Berlin',
});

const namesTwice = (channels: readonly ChannelFile[], field: string): readonly FileFault[] =>
  channels.flatMap(({ name }, at) =>
    channels.findIndex((other) => other.name === name) === at
      ? []
      : [
          {
            reason: 'ruleBroken',
            detail: `two channels are named ${name}`,
            field: `${field}/${at}/name`,
            accepted: 'a name of its own: what was sent is remembered under it',
          },
        ],
  );
