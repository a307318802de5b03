// JSON from outside, read strictly: valid UTF-8, bounded depth, no key twice, no key that means something to JavaScript.
// Values are JSON.parse's; shapes are checked by schemas elsewhere.
import { err, ok, type Refusal, type Result } from './result.ts';

export type JsonFault = 'malformedJson';

/** No document of ours nests deeper. */
const maxDepth = 12;

const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Parses the octets of one JSON document (RFC 8259). The caller has capped their number. */
export function parseStrictJson(octets: Uint8Array): Result<unknown, Refusal<JsonFault>> {
  const text = decodeUtf8(octets);
  if (text === null) return malformed('the body is not UTF-8');
  const fault = structureFault(text);
  if (fault !== null) return malformed(fault);
  try {
    return ok(JSON.parse(text) as unknown);
  } catch {
    return malformed('the body is not JSON');
  }
}

function decodeUtf8(octets: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return null;
  }
}

/** Walks the text once, before anything is built from it. Syntax beyond nesting and keys is left to JSON.parse. */
function structureFault(text: string): string | null {
  /** One set of keys per open object, null per open array. */
  const open: (Set<string> | null)[] = [];
  let last: string | null = null;
  // A text without end is taken to the end, once: to begin anew at each of its quotes would take quadratic time.
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"?|[[\]{}:]/gs;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const sign = found[0];
    if (sign === '{' || sign === '[') open.push(sign === '{' ? new Set() : null);
    else if (sign === '}' || sign === ']') open.pop();
    else if (sign === ':') {
      const fault = keyFault(open[open.length - 1] ?? null, last);
      if (fault !== null) return fault;
    }
    if (open.length > maxDepth) return `the body nests deeper than ${maxDepth}`;
    last = sign.startsWith('"') ? sign : null;
  }
  return null;
}

/** `quoted` is the string in front of a colon, with its quotes and escapes. */
function keyFault(keys: Set<string> | null, quoted: string | null): string | null {
  if (keys === null || quoted === null) return 'the body is not JSON';
  const key = unquoted(quoted);
  if (key === null) return 'the body is not JSON';
  if (forbiddenKeys.has(key)) return 'the body has a key that no request of this API has';
  if (keys.has(key)) return 'the body has a key twice';
  keys.add(key);
  return null;
}

function unquoted(quoted: string): string | null {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return null;
  }
}

const malformed = (detail: string): Result<never, Refusal<JsonFault>> =>
  err({ reason: 'malformedJson', detail, accepted: `one JSON document in UTF-8, each key once, depth ≤ ${maxDepth}` });
