// Channels opened with the files that the configuration names: every fault at once, and no secret in any of them.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ChannelSettings } from '../../../src/domain/channel-settings.ts';
import type { ChannelRules } from '../../../src/domain/message.ts';
import { openChannels } from '../../../src/notify-services.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'omens-open-channels-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};

const rules: Omit<ChannelRules, 'name'> = {
  ...{ level: 'warning', conditions: null, wellAgain: true, escalation: true, digest: true, events: true },
};
const pushover = (name: string, tokenFile: string, userFile: string): ChannelSettings => ({
  ...{ ...rules, name, kind: 'pushover', url: 'https://api.pushover.net/1/messages.json', tokenFile, userFile },
  caFile: null,
});

const open = (channels: readonly ChannelSettings[], credentialsDirectory?: string) =>
  openChannels({ digestAt: '09:00', timeZone: 'UTC', channels }, { credentialsDirectory, now: () => new Date(0) });

test('a channel has the rules of its settings and no secret that can be listed', () => {
  const channels = open([pushover('phone', file('token', `${'t'.repeat(30)}\n`), file('user', 'u'.repeat(30)))]);
  expect(channels).toMatchObject({ ok: true, value: [{ ...rules, name: 'phone', destination: 'api.pushover.net' }] });
  expect(JSON.stringify(channels)).not.toMatch(/ttt|uuu|token/);
});

test('files that others can read, that are missing or that hold something else are all named', () => {
  const [readable, odd] = [file('readable', 't'.repeat(30), 0o640), file('odd', 's3cret')];
  const good = file('good', 'u'.repeat(30));
  const channels = open([
    ...[pushover('a', readable, good), pushover('b', join(directory, 'none'), good), pushover('c', odd, good)],
  ]);
  if (channels.ok) throw new Error('was opened');
  expect(channels.error.map(({ field, detail }) => [field, detail])).toEqual([
    [readable, 'has mode 0640: others than its owner can reach it'],
    [join(directory, 'none'), 'cannot be read: ENOENT'],
    [odd, 'has not the form of this secret'],
  ]);
  expect(channels.error.every(({ accepted }) => accepted !== undefined)).toBe(true);
  expect(JSON.stringify(channels.error)).not.toContain('s3cret');
});

test('a credential of systemd is read whatever its mode', () => {
  const [token, user] = [file('cred-token', 't'.repeat(30), 0o440), file('cred-user', 'u'.repeat(30), 0o440)];
  expect(open([pushover('phone', token, user)], directory).ok).toBe(true);
});
