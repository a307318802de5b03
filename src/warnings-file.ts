// The format of policies/warnings.yaml: its JSON Schema, its rules, and its mapping to the domain's WarningPolicy. Reading
// the file is for policies.ts.
import { createHash } from 'node:crypto';
import { compileSchema, type FileFault, readYaml } from './checked-yaml.ts';
import { parseDuration } from './domain/duration.ts';
import { err, ok, type Result } from './domain/result.ts';
import type { LevelSeconds, LifetimeLevels, LifetimeRule, WarningPolicy } from './domain/warning-policy.ts';

type Written<T> = { readonly warning: T; readonly critical: T };
type WrittenRule = Written<string> & { readonly lifetimeFrom?: string; readonly lifetimeUpTo?: string };
type WrittenLevels = {
  readonly relative: Written<number>;
  readonly absolute: readonly WrittenRule[];
  /** Not of hosts, which have no profile. */
  readonly profiles?: Readonly<Record<string, Written<string>>>;
};

/** The file as written. */
type WarningsFile = {
  readonly expiry: WrittenLevels;
  readonly renewalMissed: WrittenLevels & { readonly grace: string; readonly graceShare: number };
  readonly renewalFailing: Written<number>;
  readonly notConfirmed: WrittenLevels;
  readonly hostNotSeen: WrittenLevels;
  readonly issuerEnding: Written<string>;
  readonly crl: Written<string>;
  readonly endorsementCertificate: Written<string>;
  readonly spireBundle: Written<string>;
  readonly trustOutdated: Written<string>;
  readonly unusualIssuance: { readonly perHour: number; readonly newNames: boolean };
  readonly escalation: { readonly after: string; readonly times: number };
};

const object = (properties: Readonly<Record<string, object>>, description: string): object => ({
  type: 'object',
  description,
  additionalProperties: false,
  required: Object.keys(properties),
  properties,
});

const duration: object = {
  type: 'string',
  pattern: '^[1-9][0-9]{0,4}[smhd]$',
  description: 'a number with s, m, h or d: 90s, 15m, 12h, 30d',
};
const share: object = {
  type: 'number',
  exclusiveMinimum: 0,
  exclusiveMaximum: 1,
  description: 'a share of the lifetime, between 0 and 1: 0.33',
};
const count = (minimum: number, maximum: number, of: string): object => ({
  ...{ type: 'integer', minimum, maximum },
  description: `${of}, a whole number from ${minimum} to ${maximum}`,
});

const levels = (value: object): Readonly<Record<string, object>> => ({ warning: value, critical: value });
const durations = object(levels(duration), '{ warning, critical }, each a duration');
const rule: object = {
  type: 'object',
  additionalProperties: false,
  required: ['warning', 'critical'],
  properties: { lifetimeFrom: duration, lifetimeUpTo: duration, ...levels(duration) },
};
const ofHosts: Readonly<Record<string, object>> = {
  relative: object(levels(share), '{ warning, critical }, each a share of the lifetime'),
  absolute: {
    type: 'array',
    maxItems: 20,
    items: rule,
    description: 'a list of { lifetimeFrom, lifetimeUpTo, warning, critical }, which may be empty',
  },
};
const byLifetime: Readonly<Record<string, object>> = {
  ...ofHosts,
  profiles: {
    type: 'object',
    additionalProperties: durations,
    description: 'by name of a profile, which may be empty',
  },
};
const lifetimeLevels = object(byLifetime, '{ relative, absolute, profiles }');

const schema: object = object(
  {
    expiry: lifetimeLevels,
    renewalMissed: object({ grace: duration, graceShare: share, ...byLifetime }, 'levels with grace and graceShare'),
    renewalFailing: object(levels(count(1, 1000, 'failures in a row')), '{ warning, critical }, each a number'),
    notConfirmed: lifetimeLevels,
    hostNotSeen: object(ofHosts, '{ relative, absolute }'),
    issuerEnding: durations,
    crl: durations,
    endorsementCertificate: durations,
    spireBundle: durations,
    trustOutdated: durations,
    unusualIssuance: object(
      { perHour: count(1, 1_000_000, 'certificates'), newNames: { type: 'boolean', description: 'true or false' } },
      '{ perHour, newNames }',
    ),
    escalation: object({ after: duration, times: count(0, 20, 'messages') }, '{ after, times }'),
  },
  'the levels of warnings',
);

const validate = compileSchema<WarningsFile>(schema);

/** `before`: the end, so that critical is the shorter one. `after`: a duty, so that it is the longer one. */
type Direction = 'before' | 'after';

/**
 * Reads the text of the file; all faults at once. `file` is its name in messages.
 * @param profileNames Those that there are; null while that is not known, because they have faults of their own.
 */
export function readWarnings(
  file: string,
  text: string,
  profileNames: ReadonlySet<string> | null,
): Result<WarningPolicy, readonly FileFault[]> {
  const written = readYaml(file, text, validate);
  if (!written.ok) return written;
  const { value } = written;
  const faults: FileFault[] = [];
  const by = (key: 'expiry' | 'renewalMissed' | 'notConfirmed' | 'hostNotSeen'): LifetimeLevels =>
    lifetimeLevelsOf(value[key], { place: `${file}: /${key}`, direction: directions[key], profileNames, faults });
  const one = (key: 'issuerEnding' | 'crl' | 'endorsementCertificate' | 'spireBundle' | 'trustOutdated') =>
    levelsOf(value[key], { place: `${file}: /${key}`, direction: directions[key], faults });
  orderFault(value.renewalFailing, { place: `${file}: /renewalFailing`, direction: 'after', faults });
  const policy = {
    digest: createHash('sha256').update(text).digest('hex'),
    expiry: by('expiry'),
    renewalMissed: {
      ...by('renewalMissed'),
      ...{ graceSeconds: secondsOf(value.renewalMissed.grace), graceShare: value.renewalMissed.graceShare },
    },
    renewalFailing: value.renewalFailing,
    notConfirmed: by('notConfirmed'),
    hostNotSeen: by('hostNotSeen'),
    issuerEnding: one('issuerEnding'),
    crl: one('crl'),
    endorsementCertificate: one('endorsementCertificate'),
    spireBundle: one('spireBundle'),
    trustOutdated: one('trustOutdated'),
    unusualIssuance: value.unusualIssuance,
    escalation: { afterSeconds: secondsOf(value.escalation.after), times: value.escalation.times },
  };
  return faults.length > 0 ? err(faults) : ok(policy);
}

const directions = {
  expiry: 'before',
  renewalMissed: 'after',
  notConfirmed: 'after',
  hostNotSeen: 'after',
  issuerEnding: 'before',
  crl: 'before',
  endorsementCertificate: 'before',
  spireBundle: 'before',
  trustOutdated: 'after',
} as const;

type Reading = { readonly place: string; readonly direction: Direction; readonly faults: FileFault[] };

function lifetimeLevelsOf(
  written: WrittenLevels,
  reading: Reading & { readonly profileNames: ReadonlySet<string> | null },
): LifetimeLevels {
  const { place, profileNames, faults } = reading;
  orderFault(written.relative, { ...reading, place: `${place}/relative` });
  const absolute = written.absolute.map((one, at) => ruleOf(one, { ...reading, place: `${place}/absolute/${at}` }));
  const reach = absolute.map(({ lifetimeUpToSeconds }) => lifetimeUpToSeconds ?? Infinity);
  for (const [at, upTo] of reach.entries())
    if (at > 0 && upTo <= (reach[at - 1] ?? 0))
      faults.push(broken(`${place}/absolute/${at}`, 'is never reached', 'the shorter lifetimes first'));
  const profiles = Object.entries(written.profiles ?? {}).map(([name, one]): [string, LevelSeconds] => {
    if (profileNames?.has(name) === false)
      faults.push(broken(`${place}/profiles/${name}`, 'is no profile', [...profileNames].join(', ')));
    return [name, levelsOf(one, { ...reading, place: `${place}/profiles/${name}` })];
  });
  return { relative: written.relative, absolute, profiles: new Map(profiles) };
}

function ruleOf(written: WrittenRule, reading: Reading): LifetimeRule {
  const lifetimeFromSeconds = written.lifetimeFrom === undefined ? 0 : secondsOf(written.lifetimeFrom);
  const lifetimeUpToSeconds = written.lifetimeUpTo === undefined ? null : secondsOf(written.lifetimeUpTo);
  if (lifetimeUpToSeconds !== null && lifetimeUpToSeconds < lifetimeFromSeconds)
    reading.faults.push(broken(`${reading.place}/lifetimeUpTo`, 'is shorter than lifetimeFrom', 'a longer lifetime'));
  return { lifetimeFromSeconds, lifetimeUpToSeconds, ...levelsOf(written, reading) };
}

function levelsOf(written: Written<string>, reading: Reading): LevelSeconds {
  const read = { warning: secondsOf(written.warning), critical: secondsOf(written.critical) };
  orderFault(read, reading);
  return read;
}

function orderFault({ warning, critical }: Written<number>, { place, direction, faults }: Reading): void {
  if (direction === 'before' ? critical < warning : critical > warning) return;
  const accepted = direction === 'before' ? 'critical nearer to the end than warning' : 'critical later than warning';
  faults.push(broken(place, 'has its levels in the wrong order', accepted));
}

/** The schema has let through only what can be read. */
const secondsOf = (text: string): number => parseDuration(text) ?? 0;

const broken = (field: string, detail: string, accepted: string): FileFault => ({
  reason: 'ruleBroken',
  detail,
  field,
  accepted,
});
