// Section `keylime` of omens.yaml: registrar and verifier, how they are asked, and whether attestation gates renewal.
import type { FileFault } from './checked-yaml.ts';
import type { AttestationGate, KeylimeSettings } from './domain/keylime.ts';
import { err, ok, type Result } from './domain/result.ts';

/** The section as written. */
export type KeylimeFile = {
  readonly registrarUrl?: string;
  readonly verifierUrl?: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  readonly apiVersion?: string;
  readonly everySeconds?: number;
  readonly gate?: {
    readonly enabled?: boolean;
    readonly failingForSeconds?: number;
    readonly passingForSeconds?: number;
    readonly mostHeld?: number | string;
  };
};

const file = (description: string) => ({ type: 'string', minLength: 1, maxLength: 1024, description }) as const;

const origin = (description: string) =>
  ({ type: 'string', pattern: '^https://[A-Za-z0-9.:\\[\\]-]{1,270}/?$', description }) as const;

const seconds = (description: string, value: number) =>
  ({ type: 'integer', minimum: 1, maximum: 604_800, description, default: value }) as const;

/** Its JSON Schema; the descriptions stand in the README. */
export const keylimeSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['certificateFile', 'keyFile', 'caFile'],
  description: 'the Keylime whose agents are read',
  properties: {
    registrarUrl: origin('https URL of the registrar, host and port; without it registrations are not read'),
    verifierUrl: origin('https URL of the verifier, host and port; without it no state of attestation is read'),
    certificateFile: file('client certificate of profile keylime-monitor with its chain, PEM'),
    keyFile: file('its key, PEM, unencrypted'),
    caFile: file('CA certificates under which registrar and verifier are trusted, PEM'),
    apiVersion: {
      type: 'string',
      pattern: '^2\\.[0-9]{1,2}$',
      description: 'version of its API; another one where /version says that it is not there',
      default: '2.6',
    },
    everySeconds: seconds('it is asked so often', 60),
    gate: {
      type: 'object',
      additionalProperties: false,
      description: 'whether a host is renewed whose attestation fails',
      properties: {
        enabled: {
          type: 'boolean',
          description: 'no renewal while attestation fails: docs/adr/0023-attestation-gate.md',
          default: false,
        },
        failingForSeconds: seconds('a host is held after it failed for so long', 900),
        passingForSeconds: seconds('it is let go after it passed for so long', 300),
        mostHeld: {
          oneOf: [
            { type: 'integer', minimum: 1, maximum: 100_000 },
            { type: 'string', pattern: '^(?:[1-9][0-9]?|100)%$' },
          ],
          description: 'so many hosts are held at most, the rest is let through: a number, or a share such as 5%',
          default: 5,
        },
      },
    },
  },
} as const;

/** What was written, with defaults; `absolute` resolves a path. */
export function readKeylime(
  written: KeylimeFile,
  { field, absolute }: { readonly field: string; readonly absolute: (path: string) => string },
): Result<KeylimeSettings, FileFault> {
  const { registrarUrl, verifierUrl, certificateFile, keyFile, caFile, apiVersion, everySeconds } = written;
  for (const [name, url] of Object.entries({ registrarUrl, verifierUrl })) {
    if (url !== undefined && !URL.canParse(url)) return wrong(`${field}/${name}`, `"${url}" is no URL`);
  }
  if (registrarUrl === undefined && verifierUrl === undefined)
    return wrong(field, 'names neither registrar nor verifier');
  const gate = gateOf(written.gate ?? {});
  if (gate.isEnabled && verifierUrl === undefined) return wrong(`${field}/gate`, 'needs verifierUrl');
  return ok({
    registrarUrl: registrarUrl === undefined ? null : new URL(registrarUrl).origin,
    verifierUrl: verifierUrl === undefined ? null : new URL(verifierUrl).origin,
    certificateFile: absolute(certificateFile),
    keyFile: absolute(keyFile),
    caFile: absolute(caFile),
    apiVersion: apiVersion ?? keylimeSchema.properties.apiVersion.default,
    everySeconds: everySeconds ?? keylimeSchema.properties.everySeconds.default,
    gate,
  });
}

const wrong = (field: string, detail: string): Result<never, FileFault> =>
  err({
    reason: 'ruleBroken',
    detail,
    field,
    accepted: 'registrarUrl: https://registrar.example.org:8891, verifierUrl: https://verifier.example.org:8881',
  });

function gateOf(written: NonNullable<KeylimeFile['gate']>): AttestationGate {
  const defaults = keylimeSchema.properties.gate.properties;
  const most = written.mostHeld ?? defaults.mostHeld.default;
  return {
    isEnabled: written.enabled ?? defaults.enabled.default,
    failingForSeconds: written.failingForSeconds ?? defaults.failingForSeconds.default,
    passingForSeconds: written.passingForSeconds ?? defaults.passingForSeconds.default,
    mostHeld: typeof most === 'number' ? { hosts: most } : { percent: Number(most.slice(0, -1)) },
  };
}
