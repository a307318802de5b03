// Operator tokens as text and as record. Who may make one and whether one is good now is decided in enrollment/.
import { inCidr } from './names.ts';
import type { OperatorRole, TokenLimits } from './principal.ts';
import type { LimitsResource } from './wire.ts';
import type { NameRule } from './profile.ts';

/** What is kept of an operator token; the secret only as its SHA-256. */
export type OperatorTokenRecord = {
  readonly id: string;
  readonly secretSha256: Uint8Array;
  readonly name: string;
  readonly role: OperatorRole;
  readonly limits: LimitsResource;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
};

/** Octets of a token's secret. */
export const operatorSecretOctets = 32;

/** `omens-operator-v1.<id>.<base64url of 32 octets>` */
export const operatorTokenText = (id: string, secret: Uint8Array): string =>
  `omens-operator-v1.${id}.${Buffer.from(secret).toString('base64url')}`;

/** Takes a token's text apart, or null when it is not exactly of the form above. */
export function parseOperatorToken(text: string): { readonly id: string; readonly secret: Uint8Array } | null {
  const found =
    /^omens-operator-v1\.([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})$/.exec(
      text,
    );
  const [, id = '', secretText = ''] = found ?? [];
  const secret = Buffer.from(secretText, 'base64url');
  if (found === null || operatorTokenText(id, secret) !== text) return null;
  return { id, secret: new Uint8Array(secret) };
}

/** Limits as decisions read them. An absent list does not limit; an empty one admits nothing. */
export const limitsOf = (resource: LimitsResource): TokenLimits => ({
  profiles: resource.profiles ?? null,
  names: resource.names?.map(nameRule) ?? null,
  sources: resource.sources ?? null,
});

/** `*.example.org` for all below it, `10.0.0.0/8` for a network, anything else exactly. */
function nameRule(text: string): NameRule {
  if (text.startsWith('*.')) return { subdomainsOf: text.slice(2) };
  return text.includes('/') && !text.includes('://') ? { cidr: text } : { exact: text };
}

/** Whether an address lies in one of the networks; a list that is null admits every source. */
export const admitsSource = (sources: readonly string[] | null, source: string): boolean =>
  sources === null || sources.some((network) => inCidr(network, source));
