// The expiry report: everything that serves, what hosts report beside it, and what all of it stands on, nearest end first.
// Levels belong to lineages: a certificate that was already replaced is not in it.
import { pageOf } from '../domain/cursor.ts';
import { type ExpiryLevel, givenUpAfterSeconds } from '../domain/expiry.ts';
import { type LineageFacts, lineageState } from '../domain/lineage.ts';
import type { ExpiryReport } from '../domain/report-wire.ts';
import type { Condition } from '../domain/warning.ts';
import { wireTime } from '../domain/wire.ts';
import {
  authorityEndings,
  type Ending,
  type EndorsementEnding,
  endorsementEnding,
  type Judgement,
  type ServingCertificate,
  servingEnding,
  type UnmanagedEnding,
  unmanagedEnding,
} from './expiry-items.ts';
import { expirySummary, type SummaryPorts } from './expiry-summary.ts';

/** Where a page of the report ended. */
export type ExpiryCursor = { readonly notAfter: Date; readonly id: string };

type EndingPage = {
  readonly endsBy: Date | null;
  readonly after: ExpiryCursor | null;
  readonly limit: number;
  readonly deviceId: string | null;
  readonly level: ExpiryLevel | null;
  readonly now: Date;
};

export type ExpiryPorts = SummaryPorts & {
  /** Those without a lineage that ended before `givenUpBefore` are left out. */
  readonly serving: (
    page: EndingPage & { readonly profile: string | null; readonly givenUpBefore: Date },
  ) => Promise<readonly ServingCertificate[]>;
  readonly factsOf: (lineageIds: readonly string[]) => Promise<readonly LineageFacts[]>;
  readonly unmanaged: (page: EndingPage, givenUpBefore: Date) => Promise<readonly UnmanagedEnding[]>;
  readonly endorsementCertificates: (page: EndingPage, endsBy: Date) => Promise<readonly EndorsementEnding[]>;
  readonly otherWarnings: (conditions: readonly string[]) => Promise<number>;
  /** How everything is judged at an instant. */
  readonly judgement: (now: Date) => Promise<Judgement>;
};

export type ExpiryQuery = {
  /** Only what ends within so many seconds from now (what has ended included), or null for all. */
  readonly withinSeconds: number | null;
  readonly profile: string | null;
  readonly deviceId: string | null;
  readonly level: ExpiryLevel | null;
  readonly managed: boolean | null;
  readonly after: ExpiryCursor | null;
  readonly limit: number;
};

/** Conditions that are about an end, which the levels of the report count. */
const aboutEnds: readonly Condition[] = [
  ...(['expiry', 'unmanagedCertificate', 'endorsementCertificateEnding', 'issuerEnding', 'crlOverdue'] as const),
];

export type ExpiryReportPage = {
  readonly report: Omit<ExpiryReport, 'next'>;
  /** Null when this is the last page. */
  readonly next: ExpiryCursor | null;
};

/** Gives the report by pages. The summary counts everything, whatever the filters. */
export function expiryReport(ports: ExpiryPorts): (query: ExpiryQuery, now: Date) => Promise<ExpiryReportPage> {
  const summaryOf = expirySummary(ports);
  return async (query, now) => {
    const givenUpBefore = new Date(now.getTime() - givenUpAfterSeconds * 1000);
    const judgement = await ports.judgement(now);
    const [endings, summary, otherWarnings] = await Promise.all([
      endingsOf(ports, query, { judgement, givenUpBefore }),
      summaryOf(judgement, givenUpBefore),
      ports.otherWarnings(aboutEnds),
    ]);
    const { page, last } = pageOf(endings, query.limit);
    return {
      report: { generatedAt: wireTime(now), summary, otherWarnings, items: page.map(({ item }) => item) },
      next: last === null ? null : { notAfter: last.notAfter, id: last.id },
    };
  };
}

type By = { readonly judgement: Judgement; readonly givenUpBefore: Date };

/** One more than a page, of every kind that the filters let through. */
async function endingsOf(ports: ExpiryPorts, query: ExpiryQuery, by: By): Promise<readonly Ending[]> {
  const { withinSeconds, profile, deviceId, level, managed, after } = query;
  const { now } = by.judgement;
  const endsBy = withinSeconds === null ? null : new Date(now.getTime() + withinSeconds * 1000);
  const page = { endsBy, after, limit: query.limit + 1, deviceId, level, now };
  const [isOurs, isOthers] = [managed !== false, managed !== true && profile === null];
  const nothing = Promise.resolve<readonly Ending[]>([]);
  const found = await Promise.all([
    isOurs ? servingEndings(ports, { ...page, profile }, by) : nothing,
    isOthers ? unmanagedEndings(ports, page, by) : nothing,
    isOthers ? endorsementEndings(ports, page, by.judgement) : nothing,
  ]);
  const isOfAll = isOurs && profile === null && deviceId === null;
  const authorities = isOfAll ? authorityEndings(by.judgement).filter(isIn(page)) : [];
  return [...found.flat(), ...authorities].toSorted(byEnd).slice(0, page.limit);
}

async function servingEndings(
  ports: ExpiryPorts,
  page: EndingPage & { readonly profile: string | null },
  { judgement, givenUpBefore }: By,
): Promise<readonly Ending[]> {
  const rows = await ports.serving({ ...page, givenUpBefore });
  const lineages = rows.flatMap(({ lineageId }) => lineageId ?? []);
  const facts = lineages.length === 0 ? [] : await ports.factsOf(lineages);
  const states = new Map(facts.map((one) => [one.id, lineageState(one, judgement.now).kind]));
  return rows.map((row) => servingEnding(row, states.get(row.lineageId ?? '') ?? null, judgement));
}

async function unmanagedEndings(ports: ExpiryPorts, page: EndingPage, by: By): Promise<readonly Ending[]> {
  const rows = await ports.unmanaged(page, by.givenUpBefore);
  return rows.map((row) => unmanagedEnding(row, by.judgement));
}

/** Only those that are near their end. */
async function endorsementEndings(
  ports: ExpiryPorts,
  page: EndingPage,
  judgement: Judgement,
): Promise<readonly Ending[]> {
  if (page.level === 'ok') return [];
  const near = new Date(page.now.getTime() + judgement.policy.endorsementCertificate.warning * 1000);
  const endsBy = page.endsBy !== null && page.endsBy < near ? page.endsBy : near;
  const rows = await ports.endorsementCertificates(page, endsBy);
  return rows.map((row) => endorsementEnding(row, judgement)).filter(isIn({ ...page, endsBy: null }));
}

const isIn =
  ({ endsBy, after, level }: EndingPage) =>
  (ending: Ending): boolean =>
    (endsBy === null || ending.notAfter <= endsBy) &&
    (after === null || byEnd(ending, after) > 0) &&
    (level === null || ending.item.level === level);

const byEnd = (a: ExpiryCursor, b: ExpiryCursor): number =>
  a.notAfter.getTime() - b.notAfter.getTime() || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
