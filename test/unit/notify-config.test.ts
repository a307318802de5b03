// `notify` of omens.yaml: what channels are made of it, and what each fault says.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config.ts';
import type { NotifySettings } from '../../src/domain/channel-settings.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'omens-notify-config-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const read = (yaml: string) => {
  const file = join(directory, 'omens.yaml');
  writeFileSync(file, yaml);
  return loadConfig({ file, env: {}, uid: 0 });
};

function notifyOf(yaml: string): NotifySettings {
  const config = read(yaml);
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  return config.value.notify;
}

/** Field without the directory, what was wrong, and what would do. */
function faultsOf(yaml: string): readonly string[] {
  const config = read(yaml);
  if (config.ok) return [];
  return config.error.map(
    ({ field, detail, accepted }) => `${(field ?? '').replace(`${directory}/`, '')} ${detail} (${accepted ?? ''})`,
  );
}

const channels = (...lines: readonly string[]): string =>
  `notify:\n  channels:\n${lines.map((l) => `    - ${l}\n`).join('')}`;

describe('channels of omens.yaml', () => {
  test('have the defaults of their kind, and paths relative to the file', () => {
    const { channels: found } = notifyOf(
      channels(
        '{name: hook, kind: webhook, url: "https://hooks.example.org/omens", secretFile: hook.secret}',
        '{name: mail, kind: smtp, host: mail.example.org, tls: starttls, from: omens@example.org, to: [me@example.org]}',
        '{name: phone, kind: pushover, tokenFile: /run/token, userFile: user, level: critical, digest: false}',
        '{name: push, kind: ntfy, topic: omens}',
        '{name: chat, kind: slack, urlFile: chat.url, conditions: [expiry]}',
        '{name: log, kind: syslog}',
        '{name: far, kind: syslog, address: "tcp://[2001:db8::1]:601", facility: local3}',
      ),
    );
    const rules = { level: 'warning', conditions: null, wellAgain: true, escalation: true, digest: true, events: true };
    const caFile = null;
    expect(found).toEqual([
      {
        ...{ ...rules, name: 'hook', kind: 'webhook', url: 'https://hooks.example.org/omens' },
        ...{ secretFile: join(directory, 'hook.secret'), caFile },
      },
      {
        ...{ ...rules, name: 'mail', kind: 'smtp', host: 'mail.example.org', port: 587, tls: 'starttls', login: null },
        ...{ from: 'omens@example.org', to: ['me@example.org'], caFile },
      },
      {
        ...{ ...rules, name: 'phone', kind: 'pushover', level: 'critical', digest: false, caFile },
        ...{ url: 'https://api.pushover.net/1/messages.json', tokenFile: '/run/token' },
        userFile: join(directory, 'user'),
      },
      { ...rules, name: 'push', kind: 'ntfy', url: 'https://ntfy.sh/', topic: 'omens', tokenFile: null, caFile },
      { ...rules, name: 'chat', kind: 'slack', urlFile: join(directory, 'chat.url'), conditions: ['expiry'], caFile },
      { ...rules, name: 'log', kind: 'syslog', address: { transport: 'unix', path: '/dev/log' }, facility: 'daemon' },
      {
        ...{ ...rules, name: 'far', kind: 'syslog', facility: 'local3' },
        address: { transport: 'tcp', host: '2001:db8::1', port: 601 },
      },
    ]);
  });

  test.each([
    ['an unknown kind', '{name: a, kind: pager}', '/kind "pager" must be equal to one of the allowed values'],
    ['a key of another kind', '{name: a, kind: ntfy, topic: t, host: h}', 'unknown key "host" (name, kind, level'],
    ['a missing secret', '{name: a, kind: webhook, url: "https://h/"}', '"secretFile" is missing (whsec_…'],
    [
      'a secret in the file itself',
      '{name: a, kind: pushover, token: t, tokenFile: t, userFile: u}',
      'unknown key "token"',
    ],
    ['a condition that does not exist', '{name: a, kind: syslog, conditions: [x]}', '/conditions/0 "x"'],
    ['a mail server without a word about TLS', '{name: a, kind: smtp, host: h, from: a@b.org, to: [a@b.org]}', '"tls"'],
    [
      'half a login',
      '{name: a, kind: smtp, host: h, tls: starttls, from: a@b.org, to: [a@b.org], user: u}',
      'go together',
    ],
    [
      'a password without TLS',
      '{name: a, kind: smtp, host: h, tls: none, from: a@b.org, to: [a@b.org], user: u, passwordFile: p}',
      'would send a password without TLS',
    ],
    ['a name in an address', '{name: a, kind: smtp, host: h, tls: none, from: "Me <a@b.org>", to: [a@b.org]}', '/from'],
    ['a user in a URL', '{name: a, kind: webhook, url: "https://u:p@h/", secretFile: s}', 'a user or password'],
    [
      'another scheme',
      '{name: a, kind: webhook, url: "file:///etc/passwd", secretFile: s}',
      'is no URL of http or https',
    ],
    ['a token without TLS', '{name: a, kind: ntfy, url: "http://h/", topic: t, tokenFile: f}', 'without TLS'],
    ['a syslog without a port', '{name: a, kind: syslog, address: "udp://h"}', 'no address of a syslog'],
    ['a name with a space', '{name: a b, kind: syslog}', '/name'],
  ])('are refused with %s', (_what, channel, message) => {
    const faults = faultsOf(channels(channel));
    expect(faults.join('\n')).toContain(message);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^omens\.yaml: \/notify\/channels\/0/);
  });

  test('of docs/channels.md are good, one of each kind', () => {
    const document = readFileSync(join(import.meta.dirname, '../../docs/channels.md'), 'utf8');
    const { channels: found } = notifyOf(/^```yaml\n([\s\S]*?)^```/m.exec(document)?.[1] ?? '');
    expect(found.map(({ kind }) => kind).toSorted()).toEqual([
      ...['ntfy', 'pushover', 'slack', 'smtp', 'syslog', 'webhook'],
    ]);
  });

  test('have names of their own', () => {
    expect(faultsOf(channels('{name: a, kind: syslog}', '{name: a, kind: syslog}'))).toEqual([
      'omens.yaml: /notify/channels/1/name two channels are named a (a name of its own: what was sent is remembered under it)',
    ]);
  });
});

describe('the time of the digest', () => {
  test('is in a zone that the system knows', () => {
    const { digestAt, timeZone } = notifyOf('notify: {digestAt: "07:30", timeZone: Europe/Berlin}\n');
    expect({ digestAt, timeZone }).toEqual({ digestAt: '07:30', timeZone: 'Europe/Berlin' });
    expect(faultsOf('notify: {timeZone: Mars/Phobos}\n').join()).toContain('"Mars/Phobos" is no time zone');
    expect(faultsOf('notify: {digestAt: "24:00"}\n').join()).toContain('HH:MM');
  });
});
