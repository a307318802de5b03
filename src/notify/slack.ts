// Incoming webhooks of Slack, and of services that take the same JSON: those show `text` alone, so that it says everything.
import type { SettingsOf } from '../domain/channel-settings.ts';
import { readChannelUrl } from '../domain/channel-url.ts';
import type { Message } from '../domain/message.ts';
import { oneLine } from '../domain/printable.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { post } from './http-post.ts';
import { cut, textOf } from './message-text.ts';
import type { ChannelPorts, Transport } from './transport.ts';
import { readTrustedCas } from './trusted-cas.ts';

/** Limits of a header and of a section, in characters there and in octets here, which is never more. */
const [maxTitle, maxText] = [150, 3000];

export function slackTransport(settings: SettingsOf<'slack'>, ports: ChannelPorts): Result<Transport, Refusal> {
  const { urlFile, caFile } = settings;
  const secret = ports.readSecret(urlFile);
  if (!secret.ok) return secret;
  const url = readChannelUrl(secret.value, 'private');
  if (!url.ok) return err({ reason: 'ruleBroken', field: urlFile, ...url.error });
  const trustedCas = readTrustedCas(caFile);
  if (!trustedCas.ok) return trustedCas;
  const { host, pathname } = new URL(url.value);
  const headers = { 'Content-Type': 'application/json' };
  return ok({
    destination: host,
    secrets: [url.value, pathname].filter((text) => text.length > 1),
    send: (message) => {
      const body = JSON.stringify(blocksOf(message));
      return post({ url: url.value, headers, body, trustedCas: trustedCas.value }, ports);
    },
  });
}

function blocksOf(message: Message): object {
  const title = cut(oneLine(message.title, maxTitle), maxTitle);
  const lines = textOf(message, maxText);
  const link = message.url === null ? [] : [`<${escaped(message.url)}|Open>`];
  return {
    text: [`*${calm(escaped(title))}*`, calm(escaped(lines)), ...link].join('\n'),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: title, emoji: false } },
      { type: 'section', text: { type: 'plain_text', text: lines, emoji: false } },
      ...link.map((text) => ({ type: 'section', text: { type: 'mrkdwn', text } })),
    ],
  };
}

/** Slack's three characters; without them nothing of a text is a link or a call to everybody. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Services like Slack call everybody by `@all` and the like: a space of no width takes the sense out of it. */
const calm = (text: string): string => text.replace(/(?<![A-Za-z0-9])@(?=[A-Za-z])/g, '@\u200b');
