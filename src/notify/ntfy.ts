// ntfy (https://docs.ntfy.sh/publish/): one notification, published as JSON so that no text of ours becomes a header.
import type { SettingsOf } from '../domain/channel-settings.ts';
import type { Message } from '../domain/message.ts';
import { oneLine } from '../domain/printable.ts';
import { ok, type Refusal, type Result } from '../domain/result.ts';
import { post } from './http-post.ts';
import { cut, textOf, type Urgency, urgencyOf } from './message-text.ts';
import { type ChannelPorts, readSecretOf, type Transport } from './transport.ts';
import { readTrustedCas } from './trusted-cas.ts';

/** Above 4096 octets ntfy makes a file of it; JSON and title take some of them. */
const [maxMessage, maxTitle] = [3500, 250];

const priorities: Readonly<Record<Urgency, number>> = { high: 5, normal: 3, low: 2 };

export function ntfyTransport(settings: SettingsOf<'ntfy'>, ports: ChannelPorts): Result<Transport, Refusal> {
  const { url, topic, tokenFile, caFile } = settings;
  const form = /^[\x21-\x7e]+$/;
  const accepted = 'an access token such as tk_…, in one line';
  const token = tokenFile === null ? ok(null) : readSecretOf(ports, { path: tokenFile, form, accepted });
  const trustedCas = readTrustedCas(caFile);
  if (!token.ok) return token;
  if (!trustedCas.ok) return trustedCas;
  const headers = {
    'Content-Type': 'application/json',
    ...(token.value === null ? {} : { Authorization: `Bearer ${token.value}` }),
  };
  return ok({
    // Without the topic: on a public server whoever knows it reads along.
    destination: new URL(url).host,
    secrets: token.value === null ? [] : [token.value],
    send: (message) => {
      const body = JSON.stringify({ topic, ...notificationOf(message) });
      return post({ url, headers, body, trustedCas: trustedCas.value }, ports);
    },
  });
}

/** `sequence_id`: servers from 2.16 on show a message that comes a second time in the place of the first. */
function notificationOf(message: Message): object {
  const urgency = urgencyOf(message);
  return {
    sequence_id: message.id,
    title: cut(oneLine(message.title, maxTitle), maxTitle),
    message: textOf(message, maxMessage),
    priority: priorities[urgency],
    tags: [message.kind === 'wellAgain' ? 'white_check_mark' : urgency === 'high' ? 'rotating_light' : 'warning'],
    ...(message.url === null ? {} : { click: message.url }),
  };
}
