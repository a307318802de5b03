// Addresses of our own pages. Every one begins with a slash that we wrote, so that no text of a stranger can lead elsewhere.

/** Values of a query; null and empty ones are left out. */
export type LinkQuery = Readonly<Record<string, string | number | null | undefined>>;

/** `/devices/{id}` with its parts filled in and encoded, and a query. Throws when a part is missing or empty. */
export function linkTo(
  path: `/${string}`,
  parts: Readonly<Record<string, string>> = {},
  query: LinkQuery = {},
): string {
  const filled = path.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => {
    const part = parts[name] ?? '';
    // A dot segment would be resolved away by the browser.
    if (part === '' || part === '.' || part === '..') throw new Error(`${path} has no ${name}`);
    return encodeURIComponent(part);
  });
  return `${filled}${queryText(query)}`;
}

function queryText(query: LinkQuery): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === null || value === undefined || value === '' ? [] : [[name, String(value)] as const],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(Object.fromEntries(given)).toString()}`;
}

/** A place on this server that a form or query named, or the overview when it names anything else. */
export const placeWithin = (text: string): string =>
  /^\/(?![/\\])[A-Za-z0-9/_.~%:@!$&'()*+,;=?-]{0,1000}$/.test(text) && !/^\/(?:login|logout)\b/.test(text) ? text : '/';
