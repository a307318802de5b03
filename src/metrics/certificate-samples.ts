// Certificates, renewals and issuers as samples. Pure.
import type { IssuerFacts, LevelCounts, MetricFacts, ServingEnd } from '../domain/metric-facts.ts';
import { type Sample, sample, timestamp } from './sample.ts';

const levels = ['ok', 'warning', 'critical', 'ended', 'missing'] as const;

/** Levels by profile, each with a value wherever a profile is known: 0 is an answer. */
export function certificateSamples(facts: MetricFacts, profiles: readonly string[]): readonly Sample[] {
  const counts = [...facts.lineages, ...facts.alone];
  const names = new Set([...profiles, ...counts.map(({ profile }) => profile)]);
  const sum = (profile: string, level: (typeof levels)[number]): number =>
    counts.reduce((total, one: LevelCounts) => total + (one.profile === profile ? one[level] : 0), 0);
  return [...names].flatMap((profile) =>
    levels.map((level) => sample('omens_certificates', sum(profile, level), { profile, level })),
  );
}

/** Ends, the nearest first, up to `limit`; the rest is counted. */
export function endSamples({ ends, lineages, alone }: MetricFacts, limit: number): readonly Sample[] {
  const metric = 'omens_certificate_not_after_timestamp_seconds';
  const shown = [...nearest(ends).values()]
    .toSorted((a, b) => timestamp(a.notAfter) - timestamp(b.notAfter))
    .slice(0, limit);
  const all = [...lineages, ...alone].reduce(
    (total, { ok, warning, critical, ended, missing }) => total + ok + warning + critical + ended + missing,
    0,
  );
  return [
    ...shown.map((end) => sample(metric, timestamp(end.notAfter), labelsOf(end))),
    sample('omens_series_left_out', Math.max(0, all - shown.length), { metric }),
  ];
}

/** Without a lineage several may have one common name under one profile: the nearest end speaks for them. */
function nearest(ends: readonly ServingEnd[]): ReadonlyMap<string, ServingEnd> {
  const kept = new Map<string, ServingEnd>();
  for (const end of ends) {
    const key = JSON.stringify(labelsOf(end));
    const known = kept.get(key);
    if (known === undefined || timestamp(end.notAfter) < timestamp(known.notAfter)) kept.set(key, end);
  }
  return kept;
}

const labelsOf = ({ profile, host, place, lineageId }: ServingEnd) => ({
  ...{ profile, host, place },
  lineage: lineageId ?? '',
});

/** What is due, what fails, and when hosts last came. */
export function renewalSamples({ lineages, renewals }: MetricFacts): readonly Sample[] {
  return [
    ...lineages.flatMap(({ profile, due, failing }) => [
      sample('omens_renewals_due', due, { profile }),
      sample('omens_lineages_failing', failing, { profile }),
    ]),
    ...renewals.flatMap(({ profile, lastAttemptAt, lastSuccessAt }) => {
      const success = timestamp(lastSuccessAt);
      const attempt = Math.max(timestamp(lastAttemptAt), success);
      return [
        sample('omens_renewal_last_attempt_timestamp_seconds', attempt, { profile }),
        sample('omens_renewal_last_success_timestamp_seconds', success, { profile }),
      ];
    }),
  ];
}

/** CAs and their CRLs; `nameOf` a CA gives its common name. */
export function issuerSamples(
  { issuers }: MetricFacts,
  { now, nameOf }: { readonly now: Date; readonly nameOf: (issuerId: string) => string },
): readonly Sample[] {
  return issuers.flatMap((one) => {
    const labels = { issuer: nameOf(one.id), key: one.key, domain: one.domain };
    const ends = sample('omens_issuer_not_after_timestamp_seconds', timestamp(one.notAfter), {
      ...{ ...labels, role: one.role },
    });
    if (one.role !== 'issuing') return [ends];
    const crl = sample('omens_crl_next_update_timestamp_seconds', timestamp(one.crlNextUpdate), labels);
    return one.isActive ? [ends, crl, sample('omens_issuer_up', Number(isUp(one, now)), labels)] : [ends, crl];
  });
}

const isUp = ({ notAfter, isUnavailable }: IssuerFacts, now: Date): boolean => notAfter > now && !isUnavailable;
