// A channel made ready from its settings: its secrets are read once, here, and what is told of an attempt is cleaned. What
// is sent, and how, stands by kind in the files beside this one.
import type { ChannelSettings } from '../domain/channel-settings.ts';
import type { Channel, Message, SendOutcome } from '../domain/message.ts';
import { oneLine } from '../domain/printable.ts';
import { ok, type Refusal, type Result } from '../domain/result.ts';
import { messageOf } from '../domain/thrown.ts';
import { ntfyTransport } from './ntfy.ts';
import { pushoverTransport } from './pushover.ts';
import { slackTransport } from './slack.ts';
import { smtpTransport } from './smtp.ts';
import { syslogTransport } from './syslog.ts';
import { type ChannelPorts, laterOutcome, type Transport } from './transport.ts';
import { webhookTransport } from './webhook.ts';

/** The channel, or what is wrong with its files. */
export function openChannel(settings: ChannelSettings, ports: ChannelPorts): Result<Channel, Refusal> {
  const transport = openTransport(settings, ports);
  if (!transport.ok) return transport;
  const { name, kind, level, conditions, wellAgain, escalation, digest, events } = settings;
  const { destination } = transport.value;
  const send = (message: Message): Promise<SendOutcome> => attempt(transport.value, message);
  return ok({ name, kind, level, conditions, wellAgain, escalation, digest, events, destination, send });
}

function openTransport(settings: ChannelSettings, ports: ChannelPorts): Result<Transport, Refusal> {
  switch (settings.kind) {
    case 'webhook':
      return webhookTransport(settings, ports);
    case 'smtp':
      return smtpTransport(settings, ports);
    case 'pushover':
      return pushoverTransport(settings, ports);
    case 'ntfy':
      return ntfyTransport(settings, ports);
    case 'slack':
      return slackTransport(settings, ports);
    case 'syslog':
      return ok(syslogTransport(settings, ports));
    default:
      return settings satisfies never;
  }
}

/** Longest text that is kept of a failure. */
const maxDetail = 300;

/** Services repeat what they were sent, and errors name what was tried: both are cleaned before anybody keeps them. */
async function attempt({ send, secrets }: Transport, message: Message): Promise<SendOutcome> {
  const clean = (text: string): string =>
    oneLine(
      secrets.reduce((kept, secret) => kept.replaceAll(secret, '***'), text),
      maxDetail,
    );
  try {
    const outcome = await send(message);
    return outcome.detail === undefined ? outcome : { ...outcome, detail: clean(outcome.detail) };
  } catch (error) {
    return laterOutcome(clean(messageOf(error)), { isUnsure: true });
  }
}
