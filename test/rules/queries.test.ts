import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/rules-cruise.ts';

const QUERIES = join(ROOT, 'src/aggregate/queries');

/** What is wrong with one query file: its path below queries/ and its text. */
function problemsOf(file: string, text: string): string[] {
  const builders = [...text.matchAll(/^export (?:async function|function|const|class) (\w+)/gm)].map(
    ([, name]) => name,
  );
  const problems =
    builders.length === 1 ? [] : [`${file} exports ${builders.length} things beside types, not one query builder`];
  const acrossTenants = file.startsWith('across-tenants/');
  if (!acrossTenants && !text.includes('{tenant:String}')) {
    problems.push(`${file} does not ask for {tenant:String}; a question about all tenants belongs in across-tenants/`);
  }
  if (!acrossTenants && text.includes("'across-tenants'")) {
    problems.push(`${file} has the scope of all tenants and does not live in across-tenants/`);
  }
  return problems;
}

describe('aggregate/queries', () => {
  const files = readdirSync(QUERIES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

  it('has questions about one tenant and about all', () => {
    expect(files.some((file) => file.startsWith('across-tenants/'))).toBe(true);
    expect(files.some((file) => !file.includes('/'))).toBe(true);
  });

  it.each(files)('%s is one question with its tenant as a parameter, or lives in across-tenants/', (file) => {
    expect(problemsOf(file, readFileSync(join(QUERIES, file), 'utf8'))).toEqual([]);
  });
});

describe('the check', () => {
  const good =
    "export function tenantRequests() {\n  return { sql: 'SELECT 1 FROM t WHERE TenantId = {tenant:String}' };\n}\n";

  it('accepts a question about one tenant, and one about all in its own folder', () => {
    expect(problemsOf('tenant-requests.ts', good)).toEqual([]);
    expect(problemsOf('across-tenants/list.ts', good.replace(' WHERE TenantId = {tenant:String}', ''))).toEqual([]);
  });

  it.each([
    ['a missing tenant', 'a.ts', good.replace('{tenant:String}', "'acme'"), 'does not ask for {tenant:String}'],
    ['two builders', 'a.ts', `${good}export function another() {}\n`, 'exports 2 things'],
    ['no builder', 'a.ts', good.replace('export ', ''), 'exports 0 things'],
    [
      'the scope of all tenants',
      'a.ts',
      `${good}const scope = 'across-tenants';\n`,
      'does not live in across-tenants/',
    ],
  ])('notices %s', (_what, file, text, problem) => {
    expect(problemsOf(file, text).join()).toContain(problem);
  });
});
