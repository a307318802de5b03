// Names in certificates: what is well formed, how addresses are written, and which rule of a profile allows them.
import type { NameRule } from './profile.ts';

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * A lower-case host name in preferred name syntax (RFC 1034 §3.5, RFC 5280 §4.2.1.6), at most 253 characters, with a
 * wildcard only as the whole leftmost label. A name whose last label is all digits is refused: it would be an address.
 */
export function isDnsName(text: string): boolean {
  if (text.length === 0 || text.length > 253) return false;
  const labels = text.split('.');
  const [first, ...rest] = labels;
  const named = first === '*' && rest.length >= 2 ? rest : labels;
  return named.every((part) => label.test(part)) && !/^[0-9]+$/.test(labels[labels.length - 1] ?? '');
}

/** A host name that a device can have: a DNS name of at least two labels without a wildcard. */
export const isHostName = (text: string): boolean => isDnsName(text) && text.includes('.') && !text.startsWith('*');

/** An absolute URI as allowed in a subjectAltName (RFC 5280 §4.2.1.6): scheme, host, printable ASCII. */
export const isUri = (text: string): boolean =>
  text.length <= 2048 && /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9][a-z0-9._-]*(?::[0-9]{1,5})?(?:\/[\x21-\x7e]*)?$/.test(text);

/** The host of a URL as certificates and sockets name it: an IPv6 address without its brackets. */
export const hostOf = ({ hostname }: { readonly hostname: string }): string => hostname.replace(/^\[|\]$/g, '');

/** The octets of an IPv4 (4) or IPv6 (16) address in text, or null when it is neither. Zones are not accepted. */
export function parseIpAddress(text: string): Uint8Array | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | null {
  if (!/^(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}$/.test(text)) return null;
  const octets = text.split('.').map(Number);
  return octets.every((octet) => octet <= 255) ? Uint8Array.from(octets) : null;
}

function parseIpv6(text: string): Uint8Array | null {
  if (text.length > 45 || !/^[0-9a-fA-F:]+$/.test(text)) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const groups = (half: string | undefined): string[] => (half === undefined || half === '' ? [] : half.split(':'));
  const head = groups(halves[0]);
  const tail = groups(halves[1]);
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const all = [...head, ...Array<string>(halves.length === 1 ? 0 : missing).fill('0'), ...tail];
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  return Uint8Array.from(all.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
}

/** Text of 4 or 16 octets: dotted quad, or RFC 5952 (lower case, longest run of zero groups as `::`). */
export function formatIpAddress(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((octets[2 * i] ?? 0) << 8) | (octets[2 * i + 1] ?? 0));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.at < 0) return hex.join(':');
  return `${hex.slice(0, best.at).join(':')}::${hex.slice(best.at + best.length).join(':')}`;
}

/** The one spelling of an address, or null when the text is no address. */
export function normalizeIpAddress(text: string): string | null {
  const octets = parseIpAddress(text);
  return octets === null ? null : formatIpAddress(octets);
}

/** Whether any rule of an allow-list admits a (well-formed) name. */
export const matchesAny = (rules: readonly NameRule[], name: string): boolean =>
  rules.some((rule) => {
    if ('exact' in rule) return rule.exact === name;
    if ('subdomainsOf' in rule) return name.endsWith(`.${rule.subdomainsOf}`);
    if ('pattern' in rule) return new RegExp(`^(?:${rule.pattern})$`, 'u').test(name);
    if ('cidr' in rule) return inCidr(rule.cidr, name);
    return true;
  });

/** Whether an address lies in `network/bits`. Families never mix: an IPv4 rule says nothing about IPv6. */
export function inCidr(cidr: string, address: string): boolean {
  const [network = '', bits = ''] = cidr.split('/');
  const base = parseIpAddress(network);
  const octets = parseIpAddress(address);
  if (base === null || octets === null || base.length !== octets.length) return false;
  let left = Number(bits);
  return base.every((octet, i) => {
    const mask = left >= 8 ? 0xff : left <= 0 ? 0 : (0xff << (8 - left)) & 0xff;
    left -= 8;
    return ((octet ^ (octets[i] ?? 0)) & mask) === 0;
  });
}

/** Whether a text is `network/bits` of IPv4 or IPv6, with bits within the family's length. */
export function isCidr(text: string): boolean {
  const [network = '', bits = '', ...rest] = text.split('/');
  const octets = parseIpAddress(network);
  return (
    octets !== null && rest.length === 0 && /^(?:0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= octets.length * 8
  );
}

/** A DNS name in lower case, or an address in its one spelling; null for anything else. */
export function nameOrAddress(text: string): string | null {
  const name = text.toLowerCase();
  return isDnsName(name) ? name : normalizeIpAddress(text);
}

/** `host:port`, an IPv6 address in brackets; null for anything else. The port may be 0. */
export function parseHostAndPort(text: string): { readonly host: string; readonly port: number } | null {
  const [, bracketed, plain = '', digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]/\s]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed === undefined ? nameOrAddress(plain) : normalizeIpAddress(bracketed);
  const port = Number(digits);
  return host !== null && port <= 65_535 ? { host, port } : null;
}
