// Operators who were let in lately, for the one thing that must be answered while the database is away: that it is away.
// A token that was revoked meanwhile opens no more than that, for a quarter of an hour at most.
import { createHash } from 'node:crypto';
import type { AccessServices, Operator } from './services.ts';

type Authenticate = AccessServices['authenticateOperator'];

/** How long somebody is remembered, and how long the database is waited for. */
const memoryMilliseconds = 15 * 60_000;
const patienceMilliseconds = 2000;
const mostRemembered = 100;

/** As `authenticate`; when that fails or is slow, whoever it let in lately, with the same token from the same source. */
export function rememberOperators(authenticate: Authenticate): Authenticate {
  const remembered = new Map<string, { readonly operator: Operator; readonly at: Date }>();
  const forget = (key: string): void => void remembered.delete(key);
  return async (bearer, source, now) => {
    const key = createHash('sha256').update(`${source} ${bearer}`).digest('hex');
    const known = remembered.get(key);
    const asked = authenticate(bearer, source, now).then((answer) => {
      forget(key);
      if (answer.ok) remembered.set(key, { operator: answer.value, at: now });
      for (const oldest of [...remembered.keys()].slice(0, -mostRemembered)) forget(oldest);
      return answer;
    });
    if (known === undefined || now.getTime() - known.at.getTime() > memoryMilliseconds) return asked;
    const fromMemory = { ok: true, value: known.operator } as const;
    return orAfter(patienceMilliseconds, asked, fromMemory);
  };
}

/** What comes of `work`, or the other value when it fails or takes too long. */
function orAfter<T>(milliseconds: number, work: Promise<T>, otherwise: T): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(otherwise), milliseconds);
    const done = (value: T): void => {
      clearTimeout(timer);
      resolve(value);
    };
    work.then(done, () => done(otherwise));
  });
}
