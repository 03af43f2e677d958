/** A promise names the test that shows it: the file is there, and the test in it, under that name. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tableBetween } from '../support/rules-markdown.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROWS = tableBetween(readFileSync(join(ROOT, 'README.md'), 'utf8'), 'ingest promises').map(
  ([fault = '', promise = '', file = '', name = '']) => ({ fault, promise, file, name }),
);
/** Faults without which the table would say too little. */
const WANTED = [/kill -9/, /power loss/, /torn tail/, /disk full/, /read-only/, /slow disk/, /ClickHouse away/].concat([
  /lost/,
  /refuses/,
  /floods/,
  /bombs/,
  /again/,
  /restart/,
  /transports/,
]);

/** Whether a test, or a group of them, is called so in a source. */
function isNamed(source: string, name: string): boolean {
  const text = name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`\\b(?:it|test|describe)\\b[^;]*?['"\`]${text}`, 's').test(source);
}

describe('README.md', () => {
  it.each(ROWS.map((row) => [row.fault, row] as const))('names a test for: %s', (_fault, { promise, file, name }) => {
    expect(promise).not.toBe('');
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    expect(isNamed(readFileSync(join(ROOT, file), 'utf8'), name), `"${name}" in ${file}`).toBe(true);
  });

  it('promises something under every fault that ingest is built for', () => {
    expect(WANTED.filter((fault) => !ROWS.some((row) => fault.test(row.fault)))).toEqual([]);
  });
});

describe('the check', () => {
  it('tells the name of a test from a text that stands somewhere', () => {
    expect(isNamed("it('holds', () => {})", 'holds')).toBe(true);
    expect(isNamed("it.each([1])(\n  'holds %i',\n  () => {},\n)", 'holds %i')).toBe(true);
    expect(isNamed("const text = 'holds';", 'holds')).toBe(false);
    expect(isNamed("it('does not hold', () => {})", 'holds')).toBe(false);
  });
});
