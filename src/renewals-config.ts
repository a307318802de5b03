// `renewals` of omens.yaml: how many renewals in an hour, and when none. Part of the configuration.
import type { FileFault } from './checked-yaml.ts';
import type { Blackout } from './domain/blackout.ts';
import { err, ok, type Result } from './domain/result.ts';

/** How many certificates are renewed, and when none. */
export type Renewals = {
  readonly perHour: number;
  readonly perLineagePerHour: number;
  readonly blackouts: readonly Blackout[];
  /** A host that was away for longer does not come back by itself. */
  readonly maxAbsenceDays: number;
};

/** `renewals` of omens.yaml as written. */
export type RenewalsFile = Partial<Omit<Renewals, 'blackouts'>> & { readonly blackouts?: readonly WrittenBlackout[] };

type WrittenBlackout = { readonly daily: string } | { readonly from: string; readonly to: string };

const count = (description: string, value: number) =>
  ({ type: 'integer', minimum: 1, maximum: 1_000_000_000, description, default: value }) as const;

/** JSON Schema of `renewals`; its descriptions stand in the README. */
export const renewalsSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'how hosts renew',
  properties: {
    perHour: count(
      'renewals of all hosts in an hour; certificates in the last tenth of their life are not held by it',
      600,
    ),
    perLineagePerHour: count('renewals of one certificate in an hour', 6),
    blackouts: {
      type: 'array',
      maxItems: 100,
      items: {
        oneOf: [
          {
            type: 'object',
            additionalProperties: false,
            required: ['daily'],
            properties: { daily: { type: 'string', description: 'HH:MM-HH:MM, UTC' } },
          },
          {
            type: 'object',
            additionalProperties: false,
            required: ['from', 'to'],
            properties: {
              from: { type: 'string', description: 'RFC 3339, UTC' },
              to: { type: 'string', description: 'RFC 3339, UTC' },
            },
          },
        ],
      },
      description: 'times without renewals, in UTC: a list of {daily: HH:MM-HH:MM} or {from: TIME, to: TIME}',
      default: [],
    },
    maxAbsenceDays: count('a host that was away for longer comes back only with an approval', 400),
  },
} as const;

/** What was written, with defaults; `field` names the list of blackouts in a fault. */
export function readRenewals(written: RenewalsFile, field: string): Result<Renewals, FileFault> {
  const defaults = renewalsSchema.properties;
  const blackouts = (written.blackouts ?? []).map(readBlackout);
  const wrong = blackouts.findIndex((blackout) => blackout === null);
  if (wrong >= 0) {
    const detail = `${JSON.stringify(written.blackouts?.[wrong])} is no time without renewals`;
    const accepted = 'daily: 22:00-05:00, or from: 2026-12-24T00:00:00Z with a later to';
    return err({ reason: 'ruleBroken', detail, field: `${field}/${wrong}`, accepted });
  }
  return ok({
    perHour: written.perHour ?? defaults.perHour.default,
    perLineagePerHour: written.perLineagePerHour ?? defaults.perLineagePerHour.default,
    blackouts: blackouts.filter((blackout) => blackout !== null),
    maxAbsenceDays: written.maxAbsenceDays ?? defaults.maxAbsenceDays.default,
  });
}

function readBlackout(written: WrittenBlackout): Blackout | null {
  if ('daily' in written) {
    const found = /^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])$/.exec(written.daily);
    if (found === null) return null;
    const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = found.slice(1).map(Number);
    const daily = { fromMinute: fromHour * 60 + fromMinute, toMinute: toHour * 60 + toMinute };
    return daily.fromMinute === daily.toMinute ? null : { kind: 'daily', ...daily };
  }
  const [from, to] = [instantOf(written.from), instantOf(written.to)];
  return from === null || to === null || from >= to ? null : { kind: 'span', from, to };
}

function instantOf(text: string): Date | null {
  const instant = new Date(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? text : NaN);
  return Number.isNaN(instant.getTime()) ? null : instant;
}
