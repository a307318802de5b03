// One channel of omens.yaml as written, to its settings: what a schema cannot say of URLs, addresses and their secrets.
import type { FileFault } from './checked-yaml.ts';
import type { ChannelSettings, SyslogAddress, SyslogFacility } from './domain/channel-settings.ts';
import { isLoopback, readChannelUrl } from './domain/channel-url.ts';
import type { ChannelKind, ChannelRules } from './domain/message.ts';
import { isDnsName, nameOrAddress, parseHostAndPort } from './domain/names.ts';
import { err, ok, type Result } from './domain/result.ts';
import type { WarningLevel } from './domain/warning.ts';

/** A channel as written; which members are there depends on its kind. */
export type ChannelFile = {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly level?: WarningLevel;
  readonly conditions?: readonly string[];
} & { readonly [Flag in 'wellAgain' | 'escalation' | 'digest' | 'events']?: boolean } & {
  readonly [Text in KindText]?: string;
} & {
  readonly port?: number;
  readonly tls?: 'starttls' | 'implicit' | 'none';
  readonly to?: readonly string[];
  readonly facility?: SyslogFacility;
};

type KindText =
  | 'url'
  | 'host'
  | 'user'
  | 'from'
  | 'topic'
  | 'address'
  | 'secretFile'
  | 'passwordFile'
  | 'tokenFile'
  | 'userFile'
  | 'urlFile'
  | 'caFile';

/** Where the channel stands, for faults, and how its paths are meant. */
type Place = { readonly field: string; readonly pathOf: (path: string) => string };

type Reading<T> = Result<T, FileFault>;

const broken = (field: string, detail: string, accepted: string): Reading<never> =>
  err({ reason: 'ruleBroken', detail, field, accepted });

/** With defaults; the schema has seen to the members of the kind. */
export function readChannel(written: ChannelFile, place: Place): Reading<ChannelSettings> {
  const settings = readKind(written, place);
  return settings.ok ? ok({ ...rulesOf(written), ...settings.value }) : settings;
}

const rulesOf = ({ name, level, conditions, wellAgain, escalation, digest, events }: ChannelFile): ChannelRules => ({
  name,
  level: level ?? 'warning',
  conditions: conditions ?? null,
  wellAgain: wellAgain ?? true,
  escalation: escalation ?? true,
  digest: digest ?? true,
  events: events ?? true,
});

type Own<S> = S extends unknown ? Omit<S, keyof ChannelRules> : never;

/** What the kind has of its own. */
function readKind(written: ChannelFile, place: Place): Reading<Own<ChannelSettings>> {
  const { kind, url, topic = '', facility = 'daemon' } = written;
  const path = (name: 'secretFile' | 'tokenFile' | 'userFile' | 'urlFile'): string => place.pathOf(written[name] ?? '');
  const caFile = written.caFile === undefined ? null : place.pathOf(written.caFile);
  const at = (name: string): string => `${place.field}/${name}`;
  switch (kind) {
    case 'webhook': {
      const target = readHttpUrl(url ?? '', at('url'), 'anyHttp');
      return mapped(target, (value) => ({ kind, url: value, secretFile: path('secretFile'), caFile }));
    }
    case 'smtp':
      return readSmtp(written, place, caFile);
    case 'pushover': {
      const target = readHttpUrl(url ?? 'https://api.pushover.net/1/messages.json', at('url'), 'private');
      const files = { tokenFile: path('tokenFile'), userFile: path('userFile') };
      return mapped(target, (value) => ({ kind, url: value, ...files, caFile }));
    }
    case 'ntfy': {
      const tokenFile = written.tokenFile === undefined ? null : path('tokenFile');
      const target = readHttpUrl(url ?? 'https://ntfy.sh', at('url'), tokenFile === null ? 'anyHttp' : 'private');
      return mapped(target, (value) => ({ kind, url: value, topic, tokenFile, caFile }));
    }
    case 'slack':
      return ok({ kind, urlFile: path('urlFile'), caFile });
    case 'syslog': {
      const address = readSyslogAddress(written.address ?? '/dev/log', at('address'));
      return mapped(address, (value) => ({ kind, address: value, facility }));
    }
    default:
      return kind satisfies never;
  }
}

const mapped = <T, U>(result: Reading<T>, of: (value: T) => U): Reading<U> =>
  result.ok ? ok(of(result.value)) : result;

function readHttpUrl(value: string, field: string, needs: 'anyHttp' | 'private'): Reading<string> {
  const url = readChannelUrl(value, needs);
  return url.ok ? url : broken(field, url.error.detail, url.error.accepted);
}

const ordinaryPorts = { starttls: 587, implicit: 465, none: 25 } as const;

/** A mailbox without a display name: ASCII, and nothing that could end a header or a command. */
const isMailbox = (text: string): boolean => {
  const [, domain] = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(.+)$/.exec(text) ?? [];
  return domain !== undefined && isDnsName(domain.toLowerCase()) && !domain.startsWith('*');
};

function readSmtp(written: ChannelFile, place: Place, caFile: string | null): Reading<Own<ChannelSettings>> {
  const { host = '', tls = 'starttls', user, passwordFile, from = '', to = [] } = written;
  const at = (name: string): string => `${place.field}/${name}`;
  if (nameOrAddress(host) === null)
    return broken(at('host'), `"${host}" is no host`, 'a name or an address, without port');
  const wrong = [from, ...to].find((address) => !isMailbox(address));
  if (wrong !== undefined)
    return broken(at(wrong === from ? 'from' : 'to'), `"${wrong}" is no address`, 'name@example.org, without a name');
  if ((user === undefined) !== (passwordFile === undefined))
    return broken(at('user'), 'user and passwordFile go together', 'both, or neither');
  if (user !== undefined && tls === 'none' && !isLoopback(host))
    return broken(at('tls'), 'would send a password without TLS', 'starttls or implicit');
  const login = user === undefined ? null : { user, passwordFile: place.pathOf(passwordFile ?? '') };
  return ok({ kind: 'smtp', host, port: written.port ?? ordinaryPorts[tls], tls, login, from, to, caFile });
}

function readSyslogAddress(value: string, field: string): Reading<SyslogAddress> {
  const accepted = '/dev/log, udp://host:514 or tcp://host:601';
  if (value.startsWith('/'))
    return value.length <= 107 ? ok({ transport: 'unix', path: value }) : broken(field, 'is too long a path', accepted);
  const [, transport, address = ''] = /^(udp|tcp):\/\/(.+)$/.exec(value) ?? [];
  const at = parseHostAndPort(address);
  return (transport === 'udp' || transport === 'tcp') && at !== null && at.port > 0
    ? ok({ transport, ...at })
    : broken(field, `"${value}" is no address of a syslog`, accepted);
}
