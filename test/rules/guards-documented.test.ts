import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { GUARDS } from '../../src/control/guards.ts';
import { tableBetween } from '../support/rules-markdown.ts';

const README = readFileSync(new URL('../../src/control/README.md', import.meta.url), 'utf8');

it('names every guard with its row, and no other, in the order in which they are asked', () => {
  const rows = tableBetween(README, 'guards').map(([name, row]) => [name, row]);
  expect(rows).toEqual(GUARDS.map(({ name, row }) => [name, row]));
});

it('names tests that exist', () => {
  const named = tableBetween(README, 'guards').flatMap((cells) =>
    (cells.at(-1) ?? '').split(',').map((one) => one.trim()),
  );
  expect(named.length).toBeGreaterThanOrEqual(GUARDS.length);
  for (const name of named) {
    const path = new URL(`../${name.replaceAll('`', '')}.test.ts`, import.meta.url);
    expect(existsSync(path), name).toBe(true);
  }
});
