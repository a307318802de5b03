// Pushover (https://pushover.net/api): one notification on phones. Has no key of de-duplication, so that a second
// delivery of a message shows twice.
import type { SettingsOf } from '../domain/channel-settings.ts';
import type { Message, SendOutcome } from '../domain/message.ts';
import { oneLine } from '../domain/printable.ts';
import { ok, type Refusal, type Result } from '../domain/result.ts';
import { post } from './http-post.ts';
import { cut, textOf, type Urgency, urgencyOf } from './message-text.ts';
import { type ChannelPorts, laterOutcome, readSecretOf, type Transport } from './transport.ts';
import { readTrustedCas } from './trusted-cas.ts';

/** Limits of the API, in characters there and in octets here, which is never more. */
const [maxMessage, maxTitle, maxUrl] = [1024, 250, 512];

const priorities: Readonly<Record<Urgency, string>> = { high: '1', normal: '0', low: '-1' };

const form = /^[A-Za-z0-9]{30}$/;
const accepted = 'the 30 letters and digits that Pushover shows, in one line';

export function pushoverTransport(settings: SettingsOf<'pushover'>, ports: ChannelPorts): Result<Transport, Refusal> {
  const token = readSecretOf(ports, { path: settings.tokenFile, form, accepted });
  const user = readSecretOf(ports, { path: settings.userFile, form, accepted });
  const trustedCas = readTrustedCas(settings.caFile);
  if (!token.ok) return token;
  if (!user.ok) return user;
  if (!trustedCas.ok) return trustedCas;
  const { url } = settings;
  return ok({
    destination: new URL(url).host,
    secrets: [token.value, user.value],
    send: async (message) => {
      const body = new URLSearchParams({ token: token.value, user: user.value, ...fieldsOf(message) }).toString();
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
      const outcome = await post({ url, headers, body, trustedCas: trustedCas.value }, ports);
      return unlessOurs(outcome);
    },
  });
}

function fieldsOf(message: Message): Readonly<Record<string, string>> {
  const { url, at } = message;
  return {
    title: cut(oneLine(message.title, maxTitle), maxTitle),
    message: textOf(message, maxMessage),
    priority: priorities[urgencyOf(message)],
    timestamp: String(Math.floor(Date.parse(at) / 1000)),
    ...(url === null || url.length > maxUrl ? {} : { url, url_title: 'Open' }),
  };
}

/** The API answers 400 both to a message that it cannot take and to a wrong token or user, which a person can mend. */
const unlessOurs = (outcome: SendOutcome): SendOutcome =>
  !outcome.accepted && outcome.isPermanent && /"(?:token|user)"\s*:\s*"invalid"/.test(outcome.detail)
    ? laterOutcome(outcome.detail)
    : outcome;
