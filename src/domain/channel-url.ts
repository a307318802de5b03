// Which URLs a channel may lead to. Pure; nothing is looked up.
import { hostOf } from './names.ts';
import { err, ok, type Result } from './result.ts';

/** This machine: what goes there is seen by nobody else. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.[0-9]{1,3}){3}|::1)$/.test(host);

/**
 * The URL as it is used. `private`: a secret travels in the request, so that only https will do, except to this machine.
 * The text is never repeated: it may be a secret itself.
 */
export function readChannelUrl(
  value: string,
  needs: 'anyHttp' | 'private',
): Result<string, { readonly detail: string; readonly accepted: string }> {
  const accepted = needs === 'private' ? 'https://host/path' : 'https://host/path, or http:// where that will do';
  const fault = (detail: string): Result<never, { readonly detail: string; readonly accepted: string }> =>
    err({ detail, accepted });
  if (!URL.canParse(value)) return fault('is no URL');
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return fault('is no URL of http or https');
  if (needs === 'private' && url.protocol === 'http:' && !isLoopback(hostOf(url)))
    return fault('would send a secret without TLS');
  if (url.username !== '' || url.password !== '') return fault('has a user or password in it');
  if (url.hash !== '') return fault('has a fragment, which is never sent');
  return ok(url.href);
}
