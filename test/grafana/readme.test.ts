import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../support/rules-cruise.ts';

const FOLDER = join(ROOT, 'dashboards/grafana');
const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');
const files = readdirSync(FOLDER).filter((name) => name !== 'README.md');

it('names every file beside it', () => {
  for (const file of files) expect(readme).toContain(`\`${file}\``);
});

it('grants what the dashboards read, and nothing more', () => {
  const read = files
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => readFileSync(join(FOLDER, name), 'utf8').match(/\btenantry\.[a-z_]+/g) ?? []);
  const granted = [...readme.matchAll(/GRANT SELECT ON (\S+) TO grafana;/g)].map(([, table]) => table);
  // A view asks for its table with the rights of whoever asks.
  expect(granted.toSorted()).toEqual([...new Set([...read, 'tenantry.spans'])].toSorted());
});
