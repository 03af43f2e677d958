import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importTable, ROOT } from '../support/rules-cruise.ts';

const TABLE = await importTable();
const PURE = Object.keys(TABLE).filter((folder) => folder.startsWith('src/') && TABLE[folder]?.node === false);

/** Globals through which time, chance and the world get in; the import table keeps Node's modules out. */
const IMPURE =
  /\b(?:Date\.now|Math\.random|performance\.|process\.|console\.|globalThis|fetch\(|setTimeout|setInterval|setImmediate|queueMicrotask|crypto\.|toLocale\w+|Intl\.)|new Date\(\)/;

function impureLines(text: string): string[] {
  return text.split('\n').filter((line) => IMPURE.test(line) && !/^\s*(?:\*|\/\/|\/\*)/.test(line));
}

describe('pure folders', () => {
  const files = PURE.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );

  it('are there', () => {
    expect(PURE).toEqual(expect.arrayContaining(['src/domain', 'src/cost', 'src/detect', 'src/control']));
    expect(files.length).toBeGreaterThan(PURE.length);
  });

  it.each(files)('%s takes time and chance as arguments', (file) => {
    expect(impureLines(readFileSync(join(ROOT, file), 'utf8'))).toEqual([]);
  });
});

describe('the check', () => {
  it.each([
    'const now = Date.now();',
    'const at = new Date();',
    'return Math.random();',
    'console.log(1);',
    'n.toLocaleString()',
  ])('notices %s', (line) => {
    expect(impureLines(`const a = 1;\n${line}\n`)).toEqual([line]);
  });

  it('lets dates through that are made of what was passed in, and comments', () => {
    expect(impureLines('const at = new Date(now);\n// unlike Date.now()\n * process.env\n')).toEqual([]);
  });
});
