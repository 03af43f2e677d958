import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '../../src/config/config.ts';
import { AGREED, differences, tableBetween } from '../support/rules-markdown.ts';

const README = new URL('../../README.md', import.meta.url);

/** A row is name, default in the author's words, meaning: the one that the setting itself carries. */
const rowsOf = (markdown: string) =>
  tableBetween(markdown, 'settings').map(([name = '', , meaning = '']) => `${name}: ${meaning}`);
const real = Object.entries(SETTINGS).map(([name, setting]) => `${name}: ${setting.description}`);

function defaultOf(setting: (typeof SETTINGS)[keyof typeof SETTINGS]): string {
  const parsed = setting.safeParse(undefined);
  const value = parsed.success ? parsed.data : undefined;
  return value === undefined ? 'unset' : `\`${Array.isArray(value) ? value.join(',') : String(value)}\``;
}

/** The table as it should be, ready to be pasted. */
const asItShouldBe = [
  '| setting | default | meaning |',
  '|---|---|---|',
  ...Object.entries(SETTINGS).map(
    ([name, setting]) => `| \`${name}\` | ${defaultOf(setting)} | ${setting.description} |`,
  ),
].join('\n');

describe('README.md', () => {
  it('lists every setting with its meaning, and no other', () => {
    const written = rowsOf(readFileSync(README, 'utf8'));
    expect(differences(written, real), `between <!-- settings --> and <!-- /settings -->:\n${asItShouldBe}`).toEqual(
      AGREED,
    );
  });
});

describe('every setting', () => {
  it.each(Object.entries(SETTINGS))('%s says what it means', (_name, setting) => {
    expect(setting.description).toMatch(/\w/);
  });
});

describe('the check', () => {
  const readme = (rows: string) => `<!-- settings -->\n\n${rows}\n\n<!-- settings -->\n`;

  it('accepts the table as it should be', () => {
    expect(differences(rowsOf(readme(asItShouldBe)), real)).toEqual(AGREED);
  });

  it('notices a setting that is missing, invented, or means something else', () => {
    const missing = asItShouldBe.replace(/\n\| `DATABASE_URL`.*/, '');
    expect(differences(rowsOf(readme(missing)), real).undocumented).toEqual([expect.stringMatching(/^DATABASE_URL: /)]);
    const invented = `${asItShouldBe}\n| \`TENANTRY_MAGIC\` | on | magic |`;
    expect(differences(rowsOf(readme(invented)), real).invented).toEqual(['TENANTRY_MAGIC: magic']);
    const changed = asItShouldBe.replace('raw spans', 'cooked spans');
    expect(differences(rowsOf(readme(changed)), real).invented).toEqual(['TENANTRY_RETAIN_SPANS_DAYS: cooked spans']);
  });
});
