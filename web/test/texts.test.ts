import { describe, expect, test } from 'vitest';

/** Everything of the page that could say something, but for the file that may. */
const sources = import.meta.glob(['../src/**/*.{ts,tsx}', '!../src/texts.ts', '!../src/generated/**'], {
  query: '?raw',
  import: 'default',
  eager: true,
});

const QUOTED = /(['"`])((?:\\.|(?!\1).)*)\1/g;
/** Two words side by side are a sentence. */
const SENTENCE = /[A-Za-z]{3,} [a-z]{2,}/;
const SPOKEN_ATTRIBUTE = /\b(?:aria-label|title|placeholder|alt|aria-description|aria-roledescription)="[^"]+"/g;
/** Classes are for the style sheet, an `Error` of ours is for programmers, and a behaviour's name (RFC 4787) is a name. */
const NO_TEXT = /\bclass=|throw new (Type)?Error\(|querySelector|'ADM or APDM'/;

function spokenIn(source: string): string[] {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .filter((line) => !/^\s*\/\//.test(line) && !NO_TEXT.test(line))
    .flatMap((line) => {
      const quoted = [...line.replace(/\$\{[^}]*\}/g, '').matchAll(QUOTED)].map(([, , words = '']) => words);
      return [...quoted.filter((words) => SENTENCE.test(words)), ...(line.match(SPOKEN_ATTRIBUTE) ?? [])];
    });
}

describe('the page’s words', () => {
  test('are looked for in every source', () => {
    expect(Object.keys(sources)).toContain('../src/view/header.tsx');
    expect(spokenIn("const a = 'No path was found';")).toEqual(['No path was found']);
    expect(spokenIn('<a aria-label="Close">')).toEqual(['aria-label="Close"']);
    expect(spokenIn('// a comment with words')).toEqual([]);
  });

  test.each(Object.entries(sources))('%s says nothing that is not in texts.ts', (_, source) => {
    expect(spokenIn(String(source))).toEqual([]);
  });
});
