// Mutations of JSON documents and of base64url, as trees and as text. They know JSON, not what a member means.
import type { Dice } from './dice.ts';

export type Mutated = { readonly kind: string; readonly text: Buffer };

/** Where in a tree: names of members, positions in lists. */
type Path = readonly (string | number)[];

function pathsIn(value: unknown, at: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([name, one]) => pathsIn(one, [...at, keyOf(value, name)]))];
}

const keyOf = (value: object, name: string): string | number => (Array.isArray(value) ? Number(name) : name);

/** A copy with something else at a place, or with the place gone (`undefined`). */
export function withAt(value: unknown, path: Path, instead: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return instead;
  if (Array.isArray(value)) {
    const list: unknown[] = [...(value as unknown[])];
    const inner = withAt(list[Number(name)], rest, instead);
    if (inner === undefined) list.splice(Number(name), 1);
    else list[Number(name)] = inner;
    return list;
  }
  const object: Record<string, unknown> = { ...(value as Record<string, unknown>) };
  const inner = withAt(object[name], rest, instead);
  if (inner === undefined) Reflect.deleteProperty(object, name);
  else object[name] = inner;
  return object;
}

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((so, name) => (so as Record<string | number, unknown>)[name], value);

const nested = (depth: number): unknown => {
  let value: unknown = 'x';
  for (let at = 0; at < depth; at += 1) value = at % 2 === 0 ? [value] : { a: value };
  return value;
};

const strangeTexts = [
  '',
  '\u0000',
  'é'.repeat(60),
  '\u202etower',
  '𝕏'.repeat(50),
  'null',
  '../../etc/passwd',
  "'; drop table device; --",
  '%s%n%x',
  '<script>',
  'A'.repeat(300),
  'A'.repeat(3000),
] as const;

type TreeMutation = (value: unknown, path: Path, dice: Dice) => unknown;

const treeMutations: Readonly<Record<string, TreeMutation>> = {
  otherType: (value, path, dice) =>
    withAt(value, path, dice.pick([null, true, false, 0, -1, 1.5, [], {}, [[]], { length: 3 }])),
  hugeNumber: (value, path, dice) =>
    withAt(value, path, dice.pick([Number.MAX_SAFE_INTEGER, 1e308, -1e308, 2 ** 53, 5e-324])),
  strangeText: (value, path, dice) => withAt(value, path, dice.pick(strangeTexts)),
  memberGone: (value, path) => (path.length === 0 ? {} : withAt(value, path, undefined)),
  inList: (value, path) => withAt(value, path, [valueAt(value, path)]),
  inObject: (value, path) => withAt(value, path, { value: valueAt(value, path) }),
  deep: (value, path, dice) => withAt(value, path, nested(dice.pick([5, 11, 13, 200]))),
  textChanged: (value, path, dice) => {
    const old = valueAt(value, path);
    if (typeof old !== 'string') return withAt(value, path, String(old));
    const at = dice.roll(old.length + 1);
    const instead = dice.pick(['', 'A', '-', '_', '.', ' ', 'ä', old.slice(at, at + 8), old.toUpperCase()]);
    return withAt(value, path, old.slice(0, at) + instead + old.slice(at + dice.roll(3)));
  },
  unknownMember: (value, path, dice) => {
    const name = dice.pick(['isAdmin', 'x', '', 'toString', 'hasOwnProperty', 'version ', 'TOKEN', '$ref', 'é']);
    const old = valueAt(value, path);
    const isObject = typeof old === 'object' && old !== null && !Array.isArray(old);
    return withAt(value, isObject ? [...path, name] : [name], dice.pick([true, 'x', null, {}]));
  },
  elementTwice: (value, path) => {
    const old = valueAt(value, path);
    if (Array.isArray(old)) return withAt(value, path, [...(old as unknown[]), ...(old as unknown[])]);
    const parent = valueAt(value, path.slice(0, -1));
    return Array.isArray(parent) ? withAt(value, path.slice(0, -1), [...(parent as unknown[]), old]) : [value, value];
  },
  membersSwapped: (value, path, dice) => {
    const other = dice.pick(pathsIn(value).filter((one) => one.length > 0));
    const [a, b] = [valueAt(value, path), valueAt(value, other)];
    const isInside = path.every((name, at) => name === other[at]) || other.every((name, at) => name === path[at]);
    return isInside ? { value } : withAt(withAt(value, path, b), other, a);
  },
  manyElements: (value, path) => withAt(value, path, Array(500).fill(valueAt(value, path))),
};

/** Changes a document as a tree. */
export function mutateTree(value: unknown, dice: Dice): Mutated {
  const kind = dice.pick(Object.keys(treeMutations));
  const changed = treeMutations[kind]!(value, dice.pick(pathsIn(value)), dice);
  return { kind, text: Buffer.from(JSON.stringify(changed), 'utf8') };
}

const at = (text: string, dice: Dice): number => dice.roll(text.length);

const textMutations: Readonly<Record<string, (text: string, dice: Dice) => string>> = {
  proto: (text, dice) =>
    text.replace('{', `{"${dice.pick(['__proto__', 'constructor', 'prototype', '\\u005f_proto__'])}":{"a":1},`),
  memberTwice: (text) => text.replace(/^\{("[^"]*":("[^"]*"|[0-9]+))/, '{$1,$1'),
  byteOrderMark: (text) => `\ufeff${text}`,
  comma: (text) => text.replace(/\}$/, ',}'),
  comment: (text, dice) => dice.pick([`/**/${text}`, `${text}//`, `#\n${text}`]),
  truncatedText: (text, dice) => text.slice(0, at(text, dice)),
  documentTwice: (text) => text + text,
  garbageBehind: (text, dice) => text + dice.pick(['\0', '}', 'x', ']', '"']),
  notANumber: (text, dice) => text.replace(/"[A-Za-z0-9_-]{20,}"/, dice.pick(['NaN', '1e999', '-0', '0x10', '01'])),
  loneSurrogate: (text, dice) => text.replace(/:"/, `:"${dice.pick(['\\ud800', '\\udfff', '\\u0000', '\\x41'])}`),
  controlCharacter: (text, dice) => {
    const place = at(text, dice);
    return text.slice(0, place) + dice.pick(['\n', '\t', '\0', '\u2028']) + text.slice(place);
  },
  deepText: (text, dice) => dice.pick(['['.repeat(3000), `${'['.repeat(300)}${text}${']'.repeat(300)}`]),
  singleQuotes: (text) => text.replaceAll('"', "'"),
  characterGone: (text, dice) => {
    const place = at(text, dice);
    return text.slice(0, place) + text.slice(place + 1);
  },
};

/** Changes a document as text. */
export function mutateText(text: string, dice: Dice): Mutated {
  const kind = dice.pick([...Object.keys(textMutations), 'notUtf8', 'utf16']);
  if (kind === 'utf16') return { kind, text: Buffer.from(text, 'utf16le') };
  if (kind !== 'notUtf8') return { kind, text: Buffer.from(textMutations[kind]!(text, dice), 'utf8') };
  const octets = Buffer.from(text, 'utf8');
  octets[at(text, dice)] = dice.pick([0x80, 0xc0, 0xff, 0xfe]);
  return { kind, text: octets };
}

/** Writes the same document in another way: what it means stays. */
export function respell(value: unknown, dice: Dice): Mutated {
  const text = JSON.stringify(value);
  const entries = Object.entries(value as Record<string, unknown>);
  const spellings: Readonly<Record<string, () => string>> = {
    indented: () => JSON.stringify(value, null, 1 + dice.roll(4)),
    otherOrder: () => JSON.stringify(Object.fromEntries(entries.toReversed())),
    escapedName: () => text.replace(/"([a-zA-Z])/, (_, first: string) => `"\\u00${first.charCodeAt(0).toString(16)}`),
    spaceAround: () => `\r\n\t ${text} \n`,
  };
  const kind = dice.pick(Object.keys(spellings));
  return { kind, text: Buffer.from(spellings[kind]!(), 'utf8') };
}

/** Other spellings of base64url, none of which the protocol takes. */
export function mutateBase64url(text: string, dice: Dice): { readonly kind: string; readonly text: string } {
  const octets = Buffer.from(text, 'base64url');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(text.at(-1) ?? 'A');
  const variants: Readonly<Record<string, string>> = {
    padded: text + '='.repeat(1 + dice.roll(2)),
    standardAlphabet: `${octets.toString('base64').replace(/=+$/, '')}+/`,
    hex: octets.toString('hex'),
    strayBits: text.slice(0, -1) + alphabet[last ^ (text.length % 4 === 0 ? 63 : 1)]!,
    whiteSpace: `${text.slice(0, 10)}${dice.pick(['\n', ' ', '\r\n'])}${text.slice(10)}`,
    oneCharacterMore: `${text}A`,
    dataUrl: `data:application/octet-stream;base64,${text}`,
    twice: octets.toString('base64url') && Buffer.from(text).toString('base64url'),
  };
  const kind = dice.pick(Object.keys(variants));
  return { kind, text: variants[kind]! };
}
