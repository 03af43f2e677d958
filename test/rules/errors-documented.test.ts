import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/domain/errors.ts';
import { AGREED, differences, tableBetween } from '../support/rules-markdown.ts';

const README = new URL('../../README.md', import.meta.url);

/** A row is code, HTTP status, and whatever helps the reader. */
const rowsOf = (markdown: string) =>
  tableBetween(markdown, 'errors').map(([code = '', status = '']) => `${code} ${status}`);
const real = Object.entries(ERRORS).map(([code, { status }]) => `${code} ${status}`);

/** The table as it should be, ready to be pasted. */
const asItShouldBe = [
  '| code | status | meaning |',
  '|---|---|---|',
  ...Object.entries(ERRORS).map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`),
].join('\n');

describe('README.md', () => {
  it('lists every error code with its status, and no other', () => {
    const written = rowsOf(readFileSync(README, 'utf8'));
    expect(differences(written, real), `between <!-- errors --> and <!-- /errors -->:\n${asItShouldBe}`).toEqual(
      AGREED,
    );
  });
});

describe('the check', () => {
  const readme = (rows: string) => `text\n<!-- errors -->\n${rows}\n<!-- /errors -->\nmore\n| \`OTHER\` | 400 |\n`;

  it('accepts the table as it should be', () => {
    expect(differences(rowsOf(readme(asItShouldBe)), real)).toEqual(AGREED);
  });

  it('notices a code that is missing, invented, listed twice or has another status', () => {
    const missing = asItShouldBe.replace(/\n\| `NOT_FOUND`.*/, '');
    expect(differences(rowsOf(readme(missing)), real)).toMatchObject({ undocumented: ['NOT_FOUND 404'] });
    const invented = `${asItShouldBe}\n| \`TEAPOT\` | 418 | |`;
    expect(differences(rowsOf(readme(invented)), real)).toMatchObject({ invented: ['TEAPOT 418'] });
    const twice = `${asItShouldBe}\n| \`NOT_FOUND\` | 404 | |`;
    expect(differences(rowsOf(readme(twice)), real)).toMatchObject({ twice: ['NOT_FOUND 404'] });
    const status = asItShouldBe.replace('| 404 |', '| 410 |');
    expect(differences(rowsOf(readme(status)), real)).toMatchObject({
      undocumented: ['NOT_FOUND 404'],
      invented: ['NOT_FOUND 410'],
    });
  });

  it('does not take a README without the table for a good one', () => {
    expect(() => rowsOf('no table')).toThrow('<!-- errors -->');
  });
});
