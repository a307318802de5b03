// Which type of an answer a client prefers (RFC 9110 §12.5.1). Media type parameters other than q are not looked at.

/** The offered type that Accept likes best, the first offered when there is no Accept, or null when none will do. */
export function preferredType<T extends string>(accept: string | null, offered: readonly T[]): T | null {
  if (accept === null || accept.trim() === '') return offered[0] ?? null;
  const ranges = accept.slice(0, 1024).split(',').map(readRange);
  const liked = offered
    .map((type) => ({ type, quality: qualityOf(type, ranges) }))
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality);
  return liked[0]?.type ?? null;
}

type Range = { readonly type: string; readonly quality: number };

function readRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  const quality = q === undefined ? 1 : Number(/^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? q : 0);
  return { type, quality };
}

/** The most specific range decides. */
function qualityOf(type: string, ranges: readonly Range[]): number {
  const wildcard = `${type.split('/')[0] ?? ''}/*`;
  const decisive = [type, wildcard, '*/*'].map((name) => ranges.find((range) => range.type === name));
  return decisive.find((range) => range !== undefined)?.quality ?? 0;
}
