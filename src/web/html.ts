// The only way to make HTML here: a template that escapes whatever it is given unless that is HTML made by it. Nothing
// else can make such a value, so no text of a stranger becomes markup. It does not know URLs: those are link.ts.

class Markup {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  get text(): string {
    return this.#text;
  }
}

/** Markup that was made by `html`. Data that was parsed is never of this type. */
export type Html = Markup;

/** What may stand in a template. Null, undefined and false print nothing. */
export type Printed = Html | string | number | null | undefined | false | readonly Printed[];

/** Escapes every value, in text and in attributes; attributes are always quoted in our templates. */
export function html(strings: TemplateStringsArray, ...values: readonly Printed[]): Html {
  return new Markup(strings.reduce((before, string, at) => `${before}${printed(values[at - 1])}${string}`));
}

/** The characters of a document, for the wire. */
export const textOf = (markup: Html): string => markup.text;

function printed(value: Printed): string {
  if (value instanceof Markup) return value.text;
  if (value === null || value === undefined || value === false) return '';
  if (typeof value === 'string' || typeof value === 'number') return escape(String(value));
  return value.map(printed).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Control characters, and those that turn the direction of writing: they would make a name look like another. */
const misleading = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]/g;

const escape = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replace(misleading, '\ufffd')
    .replace(/[\ud800-\udfff]/gu, '\ufffd')
    .replace(/[&<>"'`]/g, (character) => entities[character] ?? '');
