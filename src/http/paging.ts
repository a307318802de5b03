// Lists by pages: what is asked of a service, and how the next page is named.
import { parseDuration } from '../domain/duration.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { Query } from './route.ts';
import type { Paging } from './services.ts';

const ordinaryLimit = 100;

/** Where to go on, and how many at most. */
export const pagingOf = ({ cursor, limit }: Query): Paging => ({
  ...(cursor === undefined ? {} : { cursor }),
  limit: limit ?? ordinaryLimit,
});

/** `within` in seconds; nothing when it was not asked for. */
export function withinOf(query: Query): Result<{ readonly within?: number }, Refusal<'malformedQuery'>> {
  if (query.within === undefined) return ok({});
  const within = parseDuration(query.within);
  if (within !== null) return ok({ within });
  return err({
    reason: 'malformedQuery',
    detail: 'within is no duration of at most a hundred years',
    field: 'within',
    accepted: '90s, 15m, 12h, 30d, 2w',
  });
}

/** RFC 8288: where the next page is, for answers whose body cannot say so. */
export function nextLink(path: string, query: Query, next: string | null): Readonly<Record<string, string>> {
  if (next === null) return {};
  const given = Object.entries({ ...query, cursor: next }).map(([name, value]) => [name, String(value)] as const);
  const parameters = new URLSearchParams(Object.fromEntries(given));
  return { Link: `<${path}?${parameters.toString()}>; rel="next"` };
}
