import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TenantRestore } from '../../src/domain/tenant-archive.ts';
import { POSTGRES_TERMS } from '../../src/domain/tenant-archive-columns.ts';
import { type OwnerClient, ownerOf } from '../support/archive-postgres.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const CHILD = fileURLToPath(new URL('../../dist/test/support/children/archive-restorer.js', import.meta.url));

/** In the middle: files before it are kept, others come after it. */
const DIES_AFTER = 5;
const ARCHIVED = Object.keys(POSTGRES_TERMS).filter(
  (table) => table !== 'tenants' && POSTGRES_TERMS[table]?.notArchived === undefined,
);

let db: TestPostgres;
let owner: OwnerClient;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-archive-kills-'));
  db = await startTestPostgres();
  owner = await ownerOf(db);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await owner.end();
  await db.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(dieAfter: number, task: 'prepare' | 'run'): ChildProcess {
  const child = fork(CHILD, [folder, db.appUrl, String(dieAfter), task], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  return child;
}

/** The word that a child sends; fails if it ends without one. */
async function word<T>(child: ChildProcess): Promise<T> {
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`the child ended with ${code ?? signal}`)));
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [T];
  // Its end is awaited by nobody any more.
  ended.catch(() => undefined);
  return message;
}

it('a restore that dies after an insert that nobody has kept goes on, and ends with every row once', async () => {
  await owner.fill('acme');
  await owner.fill('globex');
  const first = start(DIES_AFTER, 'prepare');
  const { before, exportId } = await word<{ before: Record<string, unknown>; exportId: string }>(first);
  await owner.query('set session_replication_role = replica');
  for (const table of ARCHIVED) await owner.query(`delete from tenantry.${table} where tenant_id = 'acme'`);
  await owner.query('set session_replication_role = default');
  await owner.query(
    `insert into tenantry.tenant_restores (tenant_id, question, asked_by, kept_by)
     select 'acme', $1::jsonb, 'test', kept_by from tenantry.tenant_exports`,
    [JSON.stringify({ source: { exportId }, dryRun: false, replace: false, deletedToo: false })],
  );
  const [, signal] = (await once(first, 'exit')) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  const [cut] = await owner.query<{ state: string; steps: string[] }>(
    'select state, steps from tenantry.tenant_restores',
  );
  expect(cut?.state).toBe('running');
  // All of PostgreSQL, and every file but the one that is in ClickHouse already.
  expect(cut?.steps).toEqual(['cleared', 'rows', ...Array.from({ length: DIES_AFTER - 1 }, (_, n) => `file ${n + 1}`)]);

  const { restore, after } = await word<{ restore: TenantRestore; after: unknown }>(start(0, 'run'));
  expect(restore).toMatchObject({ state: 'done', error: null });
  expect(restore.report?.tables.filter(({ matches }) => matches !== true)).toEqual([]);
  expect(after).toEqual(before);
  const members = await owner.query(`select from tenantry.members where tenant_id = 'acme'`);
  expect(members).toHaveLength(1_200);
});
