// The template that escapes: no text of a stranger becomes markup, an attribute, an address or another reading direction.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { html, textOf } from '../../../src/web/html.ts';
import { linkTo, placeWithin } from '../../../src/web/link.ts';

describe('a template', () => {
  test('escapes text, in content and in attributes', () => {
    const hostile = `<script>alert('1')</script>"onload=\`x\`&amp;`;
    expect(textOf(html`<p title="${hostile}">${hostile}</p>`)).not.toMatch(/<script|"onload|'1'|`x`/);
    expect(textOf(html`${'<&>"\'`'}`)).toBe('&lt;&amp;&gt;&quot;&#39;&#96;');
  });

  test('takes markup of its own as it is, also in lists, and prints nothing for nothing', () => {
    const items = ['<a>', '<b>'].map((one) => html`<li>${one}</li>`);
    expect(textOf(html`<ul>${items}</ul>${null}${undefined}${false}${0}`)).toBe(
      '<ul><li>&lt;a&gt;</li><li>&lt;b&gt;</li></ul>0',
    );
  });

  test('takes nothing for markup that only looks like it', () => {
    const forged = JSON.parse('{"text":"<script>","html":"<script>"}') as unknown as string;
    expect(() => html`${forged}`).toThrow();
  });

  test('shows what would turn the direction of writing, or is no character', () => {
    expect(textOf(html`${'gnp.\u202efdp\u0000\u0085\ud800'}`)).toBe('gnp.\ufffdfdp\ufffd\ufffd\ufffd');
    expect(textOf(html`${'🔑\n'}`)).toBe('🔑\n');
  });
});

describe('the templates of the page', () => {
  const directory = join(import.meta.dirname, '../../../src/web');
  const sources = readdirSync(directory)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }));

  test('quote every attribute that has a value from outside', () => {
    const unquoted = sources.filter(({ text }) => /\s[a-z-]+=\$\{/.test(text)).map(({ name }) => name);
    expect(unquoted).toEqual([]);
  });

  test('have no script, no style and no event in them', () => {
    const found = sources.filter(({ text }) => /<script|<style|\sstyle="|\son[a-z]+="|javascript:/.test(text));
    expect(found.map(({ name }) => name)).toEqual([]);
  });
});

describe('an address', () => {
  test('is filled in with encoded parts and stays below its own path', () => {
    expect(linkTo('/devices/{id}', { id: 'a/../"<b>' }, { q: '&x=1', none: null })).toBe(
      '/devices/a%2F..%2F%22%3Cb%3E?q=%26x%3D1',
    );
    expect(() => linkTo('/devices/{id}', { id: '..' })).toThrow();
  });

  test.each([
    ['/warnings?state=open', '/warnings?state=open'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/login?next=/', '/'],
    ['/a\r\nSet-Cookie: x', '/'],
    ['', '/'],
  ])('after signing in leads from %j to %s', (asked, place) => {
    expect(placeWithin(asked)).toBe(place);
  });
});
