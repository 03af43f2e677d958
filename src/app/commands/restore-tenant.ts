import { randomUUID } from 'node:crypto';
import { cp, mkdir, rm, stat } from 'node:fs/promises';
import { Command } from 'commander';
import type { NewTenantRestore, TenantRestoreItem } from '../../api/tenant-archives-contract.ts';
import { loadConfig } from '../../config/config.ts';
import { TenantryError } from '../../domain/errors.ts';
import { askServer } from '../api-client.ts';
import { ArchiveFolders } from '../tenant-archive-folders.ts';
import { unpackTar } from '../tenant-archive-tar.ts';
import { print, printProgress, printTable } from '../terminal.ts';

const POLL_MS = 500;

interface Flags {
  readonly as?: string;
  readonly dryRun?: true;
  readonly replace?: true;
  readonly deletedToo?: true;
}

/** Lays the archive where the server looks for it: over HTTP it would be the largest upload there is. */
async function layDown(archive: string, folder: string): Promise<void> {
  const found = await stat(archive).catch((cause: unknown) => {
    throw new TenantryError('NOT_FOUND', `There is no ${archive}.`, { cause });
  });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (found.isDirectory()) await cp(archive, folder, { recursive: true });
  else await unpackTar(archive, folder);
}

async function restoreTenant(archive: string, { as, dryRun, replace, deletedToo }: Flags): Promise<void> {
  const config = loadConfig();
  const folders = new ArchiveFolders(config.TENANTRY_DATA_DIR);
  const id = randomUUID();
  const body: NewTenantRestore = {
    ...{ archive: id, dry_run: dryRun === true, replace: replace === true, deleted_too: deletedToo === true },
    ...(as === undefined ? {} : { as }),
  };
  try {
    await layDown(archive, folders.ofRestore(id));
    const asked = await askServer<TenantRestoreItem>(config, 'POST', '/v1/tenant-restores', body);
    const ended = await untilEnded(asked, (path) => askServer<TenantRestoreItem>(config, 'GET', path));
    report(ended);
  } finally {
    await rm(folders.ofRestore(id), { recursive: true, force: true });
  }
}

async function untilEnded(
  asked: TenantRestoreItem,
  ask: (path: string) => Promise<TenantRestoreItem>,
): Promise<TenantRestoreItem> {
  for (let job = asked; ; job = await ask(`/v1/tenant-restores/${asked.id}`)) {
    if (job.state !== 'waiting' && job.state !== 'running') return job;
    const { tables_done: done, tables, rows } = job.progress;
    printProgress(`${done} of ${tables} files, ${rows} rows`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function report({ tenant_id: tenant, state, error, report: made, dry_run: isTrial }: TenantRestoreItem): void {
  if (made === null) throw new TenantryError('CONFLICT', error ?? `The restore was ${state}.`);
  const verdict = (matches: boolean | null) => (matches === null ? '-' : matches ? 'as archived' : 'DIFFERS');
  const rows = made.tables.filter(({ archived, restored }) => archived > 0 || restored > 0);
  printTable([
    ['TABLE', 'ARCHIVED', 'RESTORED', 'LEFT OUT', ''],
    ...rows.map((row) => [
      ...[row.table, String(row.archived), String(row.restored), String(row.left_out)],
      verdict(row.matches),
    ]),
  ]);
  for (const note of made.notes) print(note);
  if (isTrial)
    print(`The archive of ${made.archived_at} is whole and can be restored as ${tenant}. Nothing was written.`);
  else print(`${tenant} is restored as of ${made.archived_at}.`);
  if (made.tables.some(({ matches, left_out: leftOut }) => matches === false && leftOut === 0)) process.exitCode = 1;
}

export function restoreTenantCommand(): Command {
  return new Command('restore-tenant')
    .description('bring one tenant back out of an archive into a running Tenantry, beside everybody else')
    .argument('<archive>', 'a .tar of export-tenant, or the folder that it was unpacked into')
    .option('--as <id>', 'under another id, beside the original')
    .option('--dry-run', 'check everything and write nothing')
    .option('--replace', 'delete first what there is of the tenant')
    .option('--deleted-too', 'bring back a tenant that was deleted on request')
    .action(restoreTenant);
}
