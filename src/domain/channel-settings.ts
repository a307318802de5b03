// Channels as omens.yaml describes them: whom they lead to and where their secrets are kept. Never the secrets. Pure.
import type { ChannelRules } from './message.ts';

/** Signed HTTP by Standard Webhooks. */
type WebhookSettings = {
  readonly kind: 'webhook';
  readonly url: string;
  /** `whsec_…`. */
  readonly secretFile: string;
  /** PEM of the only CAs that are trusted there; null for those of the system. */
  readonly caFile: string | null;
};

type SmtpSettings = {
  readonly kind: 'smtp';
  readonly host: string;
  readonly port: number;
  /** `starttls`: no mail without it. */
  readonly tls: 'starttls' | 'implicit' | 'none';
  readonly login: { readonly user: string; readonly passwordFile: string } | null;
  readonly from: string;
  readonly to: readonly string[];
  readonly caFile: string | null;
};

type PushoverSettings = {
  readonly kind: 'pushover';
  readonly url: string;
  readonly tokenFile: string;
  readonly userFile: string;
  readonly caFile: string | null;
};

type NtfySettings = {
  readonly kind: 'ntfy';
  readonly url: string;
  readonly topic: string;
  readonly tokenFile: string | null;
  readonly caFile: string | null;
};

/** Also other services that take what Slack's incoming webhooks take. */
type SlackSettings = {
  readonly kind: 'slack';
  /** The URL is the secret. */
  readonly urlFile: string;
  readonly caFile: string | null;
};

type SyslogSettings = {
  readonly kind: 'syslog';
  readonly address: SyslogAddress;
  readonly facility: SyslogFacility;
};

/** A socket of this machine, which the journal of systemd and every syslog daemon have, or another machine. */
export type SyslogAddress =
  | { readonly transport: 'unix'; readonly path: string }
  | { readonly transport: 'udp' | 'tcp'; readonly host: string; readonly port: number };

/** Numbers of RFC 5424 §6.2.1. */
export const syslogFacilities = {
  ...{ user: 1, daemon: 3, auth: 4, authpriv: 10 },
  ...{ local0: 16, local1: 17, local2: 18, local3: 19, local4: 20, local5: 21, local6: 22, local7: 23 },
} as const;

export type SyslogFacility = keyof typeof syslogFacilities;

export type ChannelSettings = ChannelRules &
  (WebhookSettings | SmtpSettings | PushoverSettings | NtfySettings | SlackSettings | SyslogSettings);

/** Settings of one kind. */
export type SettingsOf<K extends ChannelSettings['kind']> = Extract<ChannelSettings, { readonly kind: K }>;

/** `notify` of omens.yaml. */
export type NotifySettings = {
  /** `HH:MM` in `timeZone`. */
  readonly digestAt: string;
  /** A name of the IANA database. */
  readonly timeZone: string;
  readonly channels: readonly ChannelSettings[];
};
