/** The list of defences follows the code: what it takes out is there, and so are the tests that have to notice. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DEFENCES, without } from '../defences/list.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

describe('the list of defences', () => {
  it.each(DEFENCES.map((defence) => [defence.name, defence] as const))('%s: can be taken out', (_name, defence) => {
    const source = read(defence.file);
    expect(without(defence, source)).not.toBe(source);
    expect(defence.tests.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    const { only } = defence;
    if (only !== undefined) expect(defence.tests.filter((file) => read(file).includes(only))).not.toEqual([]);
  });

  it('has every name once', () => {
    const names = DEFENCES.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('notices a text that is gone, or stands there twice', () => {
    const [defence] = DEFENCES;
    if (defence === undefined) throw new Error('there are no defences');
    expect(() => without(defence, 'nothing of it')).toThrow(/stands 0 times/);
    expect(() => without(defence, defence.from + defence.from)).toThrow(/stands 2 times/);
  });
});
