// What is unusual among the certificates of the last hours, and what waits for a person: hosts to be approved, campaigns
// that stopped. Pure. What was seen once stands for a day.
import type { Standing } from '../warning.ts';
import type { WarningPolicy } from '../warning-policy.ts';
import { wireTime } from '../wire.ts';
import { counted, utcMinute } from '../words.ts';

/** How far back the look goes for what happened once. Seconds. */
export const unusualForSeconds = 86_400;

export type IssuanceSubject = {
  /** Certificates of the last hour, without renewals under the ceiling of their own. */
  readonly lastHour: number;
  /** By principal: names in certificates for a CSR that no certificate for a CSR had before. */
  readonly newNames: readonly { readonly principal: string; readonly names: readonly string[]; readonly last: Date }[];
  /** Requests that were refused, as the audit has them. */
  readonly refused: readonly RefusedRequests[];
};

export type RefusedRequests = {
  readonly reason: 'deviceNotActive' | 'keyHeldElsewhere';
  readonly principal: string;
  readonly deviceId: string | null;
  readonly name: string;
  readonly count: number;
  readonly last: Date;
};

/** The rate, new names, and what was refused for reasons that no honest host gives. */
export const unusualIssuance = (
  seen: IssuanceSubject,
  { policy }: { readonly policy: Pick<WarningPolicy, 'unusualIssuance'> },
): readonly Standing[] => [
  ...rateStanding(seen.lastHour, policy.unusualIssuance.perHour),
  ...(policy.unusualIssuance.newNames ? seen.newNames.flatMap(newNamesStanding) : []),
  ...seen.refused.map(refusedStanding),
];

const nobodys = { condition: 'unusualIssuance', deviceId: null, lineageId: null } as const;

function rateStanding(lastHour: number, perHour: number): readonly Standing[] {
  if (lastHour <= perHour) return [];
  const level = lastHour > perHour * 10 ? 'critical' : 'warning';
  return [
    {
      ...nobodys,
      ...{ subject: 'issuance:rate', level, cause: 'condition:unusualIssuance:rate' },
      reason: `more than ${level === 'critical' ? perHour * 10 : perHour} certificates within an hour, renewals under their ceiling not counted`,
      facts: { name: 'issuance', perHour },
    },
  ];
}

function newNamesStanding(seen: IssuanceSubject['newNames'][number]): readonly Standing[] {
  const { principal, names, last } = seen;
  if (names.length === 0) return [];
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return [
    {
      ...nobodys,
      ...{ subject: `newNames:${principal}`, level: 'warning', cause: 'condition:unusualIssuance:newNames' },
      reason: `${principal} got certificates for ${names.length === 1 ? 'a name' : 'names'} that had none before: ${names.slice(0, 5).join(', ')}${more}`,
      facts: { name: principal, principal, names: names.slice(0, 50), last: wireTime(last) },
    },
  ];
}

const refusedWords = {
  deviceNotActive: 'asks for certificates though its device is suspended or retired',
  keyHeldElsewhere: 'asked for a certificate for a key that belongs to another holder',
} as const;

function refusedStanding({ reason, principal, deviceId, name, count, last }: RefusedRequests): Standing {
  return {
    ...{ condition: 'unusualIssuance', subject: `refused:${reason}:${principal}`, lineageId: null, deviceId },
    level: 'warning',
    cause: `condition:unusualIssuance:${reason}`,
    reason: `${name} ${refusedWords[reason]} (${counted(count, 'request')} within a day, last ${utcMinute(last)})`,
    facts: { name, principal, refused: reason, count, last: wireTime(last) },
  };
}

export type PendingSubject = {
  readonly id: string;
  readonly hostName: string;
  readonly fingerprint: string;
  readonly since: Date;
};

/** A host that waits for an approval. */
export const enrollmentPending = ({ id, hostName, fingerprint, since }: PendingSubject): Standing => ({
  // By TPM: an agent that comes again has a newer enrollment in place of its last one.
  ...{ condition: 'enrollmentPending', subject: `enrollment:${fingerprint}`, level: 'warning' },
  cause: 'condition:enrollmentPending',
  reason: `waits since ${utcMinute(since)} for an approval: omens devices pending`,
  ...{ deviceId: null, lineageId: null },
  facts: { name: hostName, hostName, enrollment: id, endorsementKey: fingerprint },
});

export type StoppedCampaign = {
  readonly id: string;
  readonly name: string;
  readonly reason: string;
  readonly stoppedAt: Date;
};

/** A campaign that stopped by itself; the next one of its name ends the warning, and so does a week. */
export const campaignStopped = ({ id, name, reason, stoppedAt }: StoppedCampaign): Standing => ({
  ...{ condition: 'campaignStopped', subject: `campaign:${id}`, level: 'warning' },
  cause: `campaign:${id}`,
  reason: `stopped ${utcMinute(stoppedAt)}: ${reason}`,
  ...{ deviceId: null, lineageId: null },
  facts: { name, campaign: id },
});
