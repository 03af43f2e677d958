/**
 * Empty, migrated stores that tests copy instead of making: initdb and the migrations cost 2 to 3 s of CPU a test file,
 * a copy a tenth of that. The test command makes them once for the code that they depend on
 * (children/make-store-templates.ts); where they are missing, tests make their stores themselves.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type StoreName = 'postgres' | 'clickhouse';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/dist\/$/, '');
/** Not in the project's folder: the embedded PostgreSQL runs as a user who may not be able to read that. */
export const TEMPLATES = join(
  process.env['TEST_TEMPLATES_FOLDER'] ?? tmpdir(),
  `tenantry-templates-${process.getuid?.() ?? 'user'}`,
);
/** The stores are migrated after copying all the same, so this is about speed only. */
const MADE_BY: Readonly<Record<StoreName, readonly string[]>> = {
  postgres: ['src/store/postgres'],
  clickhouse: ['src/store/clickhouse', 'src/aggregate'],
};

export function storeTemplate(name: StoreName): string {
  return join(TEMPLATES, `${name}-${fingerprint(MADE_BY[name])}`);
}

/** Fills `into`, which is made if need be, with an empty migrated store, if there is a template of it. */
export function copyStoreTemplate(name: StoreName, into: string): void {
  const template = storeTemplate(name);
  if (!existsSync(template)) return;
  mkdirSync(into, { recursive: true });
  // cp keeps owners, which PostgreSQL insists on, and links; node's own copy does not keep owners.
  execFileSync('cp', ['-a', `${template}/.`, into]);
}

function fingerprint(folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((file) => join(file.parentPath, file.name));
    for (const path of files.toSorted()) hash.update(path.slice(ROOT.length)).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}
