// Mail by SMTP: plain text, one connection a message. Message-ID is made of the message's id, so that what comes a second
// time is known as the same mail.
import { createTransport, type SentMessageInfo } from 'nodemailer';
import type { SettingsOf } from '../domain/channel-settings.ts';
import type { Message, SendOutcome } from '../domain/message.ts';
import { oneLine } from '../domain/printable.ts';
import { ok, type Refusal, type Result } from '../domain/result.ts';
import { messageOf } from '../domain/thrown.ts';
import { textOf } from './message-text.ts';
import { type ChannelPorts, laterOutcome, neverOutcome, readSecretOf, type Transport } from './transport.ts';
import { readTrustedCas } from './trusted-cas.ts';

const maxText = 60_000;

export function smtpTransport(settings: SettingsOf<'smtp'>, ports: ChannelPorts): Result<Transport, Refusal> {
  const { login, caFile, host, port, to } = settings;
  const form = /^[^\x00-\x1f\x7f]+$/;
  const password =
    login === null ? ok(null) : readSecretOf(ports, { path: login.passwordFile, form, accepted: 'one line of text' });
  const trustedCas = readTrustedCas(caFile);
  if (!password.ok) return password;
  if (!trustedCas.ok) return trustedCas;
  const connection = connectionOf(settings, { trustedCas: trustedCas.value, deadline: ports.deadlineMilliseconds });
  const auth = login === null || password.value === null ? {} : { auth: { user: login.user, pass: password.value } };
  return ok({
    destination: `${to.join(', ')} by ${host}:${port}`,
    secrets: password.value === null ? [] : [password.value, Buffer.from(password.value).toString('base64')],
    send: (message) => send({ ...connection, ...auth }, mailOf(settings, message), ports.deadlineMilliseconds),
  });
}

/** Certificates are verified whatever the environment says, and `starttls` is never given up. */
function connectionOf(
  { host, port, tls }: SettingsOf<'smtp'>,
  { trustedCas, deadline }: { readonly trustedCas: string | null; readonly deadline: number },
) {
  const late = deadline + 1000;
  return {
    ...{ host, port, secure: tls === 'implicit', requireTLS: tls === 'starttls', ignoreTLS: tls === 'none' },
    tls: {
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2' as const,
      ...(trustedCas === null ? {} : { ca: trustedCas }),
    },
    // Its own timers only in case: the signal ends it before.
    ...{ connectionTimeout: late, greetingTimeout: late, socketTimeout: late, dnsTimeout: late },
    // With a login configured, a server that offers none must not get the mail as from a stranger.
    ...{ forceAuth: true, disableFileAccess: true, disableUrlAccess: true },
  };
}

/** The same octets at every attempt: the date is that of the message. */
function mailOf({ from, to }: SettingsOf<'smtp'>, message: Message) {
  const { id, at, url } = message;
  const link = url === null ? [] : ['', url];
  return {
    ...{ from, to: [...to], subject: oneLine(message.title, 150), date: new Date(at) },
    messageId: `<${id}@${from.slice(from.lastIndexOf('@') + 1)}>`,
    text: [textOf(message, maxText), ...link, '', `Message ${id} of ${at}`, ''].join('\n'),
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

type Connection = ReturnType<typeof connectionOf> & {
  readonly auth?: { readonly user: string; readonly pass: string };
};

async function send(connection: Connection, mail: ReturnType<typeof mailOf>, deadline: number): Promise<SendOutcome> {
  const signal = AbortSignal.timeout(deadline);
  const trail = { wasSent: false };
  try {
    const transport = createTransport({ ...connection, logger: watching(trail) });
    const info: SentMessageInfo = await transport.sendMail({ ...mail, signal });
    const refused = (info.rejected ?? []).map(String);
    return refused.length === 0 ? { accepted: true } : { accepted: true, detail: `refused: ${refused.join(', ')}` };
  } catch (error) {
    const late = `the mail server did not take it within ${deadline / 1000} s`;
    return signal.aborted ? laterOutcome(late, { isUnsure: trail.wasSent }) : outcomeOf(error, trail.wasSent);
  }
}

/** The library says only to its log when the content has left. Nothing of it is kept. */
function watching(trail: { wasSent: boolean }) {
  const note = (entry: unknown): void => {
    const isContent = typeof entry === 'object' && entry !== null && 'tnx' in entry && entry.tnx === 'message';
    if (isContent) trail.wasSent = true;
  };
  const quiet = (): void => undefined;
  return { level: quiet, trace: quiet, debug: quiet, info: note, warn: quiet, error: quiet, fatal: quiet };
}

/**
 * Only what the server says of the content is about the message: before that it speaks of this sender, its password or a
 * mailbox, which a person can mend.
 */
function outcomeOf(error: unknown, wasSent: boolean): SendOutcome {
  const { responseCode, command } = error as { readonly responseCode?: number; readonly command?: string };
  const detail = messageOf(error);
  if (command === 'DATA' && responseCode !== undefined && responseCode >= 500) return neverOutcome(detail);
  return laterOutcome(detail, { isUnsure: wasSent && responseCode === undefined });
}
