// Webhooks, signed by Standard Webhooks: the receiver verifies with any library of that name. The body's contract is
// docs/channels.md.
import { Webhook } from 'standardwebhooks';
import type { SettingsOf } from '../domain/channel-settings.ts';
import type { Message } from '../domain/message.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { WebhookBody } from '../domain/webhook-wire.ts';
import { post } from './http-post.ts';
import { type ChannelPorts, readSecretOf, type Transport } from './transport.ts';
import { readTrustedCas } from './trusted-cas.ts';

/** Octets of a secret by Standard Webhooks. */
const [leastOctets, mostOctets] = [24, 64];

export function webhookTransport(settings: SettingsOf<'webhook'>, ports: ChannelPorts): Result<Transport, Refusal> {
  const { url, secretFile: path, caFile } = settings;
  const accepted = `whsec_ and ${leastOctets} to ${mostOctets} random octets in base64: { printf whsec_; openssl rand -base64 32; } > ${path}`;
  const secret = readSecretOf(ports, { path, form: /^whsec_[A-Za-z0-9+/]+={0,2}$/, accepted });
  if (!secret.ok) return secret;
  const octets = Buffer.from(secret.value.slice('whsec_'.length), 'base64').length;
  if (octets < leastOctets || octets > mostOctets)
    return err({ reason: 'ruleBroken', detail: `holds ${octets} octets`, field: path, accepted });
  const trustedCas = readTrustedCas(caFile);
  if (!trustedCas.ok) return trustedCas;
  const webhook = new Webhook(secret.value);
  return ok({
    destination: new URL(url).origin,
    secrets: [secret.value],
    send: async (message) => {
      const body = bodyOf(message);
      const now = ports.now();
      const headers = {
        'Content-Type': 'application/json',
        'webhook-id': message.id,
        // Of the attempt, not of the message: receivers refuse what is old. The body stays the same.
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': webhook.sign(message.id, now, body),
      };
      return post({ url, headers, body, trustedCas: trustedCas.value }, ports);
    },
  });
}

function bodyOf({ kind, at, ...data }: Message): string {
  const body: WebhookBody = { type: `omens.${kind}`, timestamp: at, data };
  return JSON.stringify(body);
}
