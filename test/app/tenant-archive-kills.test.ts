import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TenantRestore } from '../../src/domain/tenant-archive.ts';
import { type OwnerClient, ownerOf } from '../support/archive-postgres.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const CHILD = fileURLToPath(new URL('../../dist/test/support/children/archive-restorer.js', import.meta.url));

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
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the child ended with ${code}`)));
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [T];
  ended.catch(() => undefined);
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  return message;
}

it('a restore that is killed again and again, after inserts that nobody has kept, ends with every row once', async () => {
  await owner.fill('acme');
  await owner.fill('globex');
  const { before, exportId } = await word<{ before: Record<string, unknown>; exportId: string }>(start(0, 'prepare'));
  await owner.query('set session_replication_role = replica');
  for (const table of [
    'members',
    'burst_entries',
    'burst_lots',
    'burst_accounts',
    'caps',
    'flags',
    'decisions',
    'anomalies',
  ]) {
    await owner.query(`delete from tenantry.${table} where tenant_id = 'acme'`);
  }
  for (const table of [
    'tenant_plan_history',
    'tenant_profiles',
    'price_overrides',
    'revenue_customers',
    'alert_mutes',
  ]) {
    await owner.query(`delete from tenantry.${table} where tenant_id = 'acme'`);
  }
  await owner.query('set session_replication_role = default');
  await owner.query(
    `insert into tenantry.tenant_restores (tenant_id, question, asked_by, kept_by)
     select 'acme', $1::jsonb, 'test', kept_by from tenantry.tenant_exports`,
    [JSON.stringify({ source: { exportId }, dryRun: false, replace: false, deletedToo: false })],
  );
  for (const inserts of [1, 4, 9]) {
    const [, signal] = await once(start(inserts, 'run'), 'exit');
    expect(signal).toBe('SIGKILL');
  }
  const [cut] = await owner.query<{ state: string; steps: string[] }>(
    'select state, steps from tenantry.tenant_restores',
  );
  expect(cut?.state).toBe('running');
  expect(cut?.steps).toContain('rows');
  const { restore, after } = await word<{ restore: TenantRestore; after: unknown }>(start(0, 'run'));
  expect(restore).toMatchObject({ state: 'done', error: null });
  expect(restore.report?.tables.filter(({ matches }) => matches !== true)).toEqual([]);
  expect(after).toEqual(before);
  const members = await owner.query(`select from tenantry.members where tenant_id = 'acme'`);
  expect(members).toHaveLength(1_200);
});
