// How a person names a profile on a command line: `P`, or `P=name,name` for exact DNS names.
import { isDnsName } from './names.ts';
import { err, ok, type Refusal, type Result } from './result.ts';

/** A profile that is asked for; `dnsNames` absent means those of the grant. */
export type ProfileRequest = { readonly profile: string; readonly dnsNames?: readonly string[] };

/** Reads `nginx-vhost` or `nginx-vhost=www.example.org,example.org`. Names are lower-cased. */
export function parseProfileRequest(text: string): Result<ProfileRequest, Refusal<'malformedProfileRequest'>> {
  const at = text.indexOf('=');
  const profile = at < 0 ? text : text.slice(0, at);
  const dnsNames =
    at < 0
      ? []
      : text
          .slice(at + 1)
          .toLowerCase()
          .split(',');
  const wrong = dnsNames.find((name) => !isDnsName(name));
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(profile) || wrong !== undefined) {
    const detail = wrong === undefined ? `"${profile}" is no profile name` : `"${wrong}" is no DNS name`;
    return err({ reason: 'malformedProfileRequest', detail, field: '--profile', accepted: 'P or P=DNS,DNS' });
  }
  return ok(at < 0 ? { profile } : { profile, dnsNames });
}
