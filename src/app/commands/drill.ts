import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { destination, pino } from 'pino';
import type { BackupFiguresBody } from '../../api/backups-contract.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import type { BackupFigures, BackupFiguresQuestion } from '../../domain/backup-figures.ts';
import { TenantryError } from '../../domain/errors.ts';
import { isTenantId } from '../../domain/tenant-id.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/window.ts';
import { fetchFromServer } from '../api-client.ts';
import { type Drill, runDrill } from '../backup-drill.ts';
import { noteDrill, readBackupStatus } from '../backup-status.ts';
import { print, printProgress } from '../terminal.ts';

const FIGURES_TIMEOUT_MS = 20 * MINUTE_MS;
const SHOWN_DIFFERENCES = 50;

const NOTES = `
Restores the backup into a folder of its own, which is removed again, loads the telemetry that had not been loaded, and
compares every table and what the API answers for the tenant with the running server, as of the backup's moment. Rows of
PostgreSQL that have been changed since are counted and not compared. Needs room for a second copy (--scratch).
The result is shown by \`tenantry doctor\` and GET /v1/backups.

Exit codes:
  0  the restored tenant is the same
  1  it is not, or the backup could not be restored`;

const tenantId = (text: string) => {
  if (!isTenantId(text)) throw new InvalidArgumentError('That is no tenant id.');
  return text;
};

interface Options {
  readonly from?: string;
  readonly tenant?: ReturnType<typeof tenantId>;
  readonly scratch?: string;
}

export function drillCommand(): Command {
  return new Command('drill')
    .description('restore the newest backup into a folder of its own, and compare one tenant with what runs')
    .option('--tenant <id>', 'whom to compare; default: one by chance', tenantId)
    .option('--from <backup>', 'a backup or a folder of them; default: TENANTRY_BACKUP_DIR, or where the last one went')
    .option('--scratch <folder>', 'where the copy lies meanwhile; default: the folder for temporary files')
    .addHelpText('after', NOTES)
    .action(async ({ from, tenant, scratch }: Options) => {
      const config = loadConfig();
      const dataDir = resolve(config.TENANTRY_DATA_DIR);
      const drill = await runDrill({
        ...{ config, tenantId: tenant, from: await sourceOf(config, dataDir, from) },
        ...{ scratch: scratch === undefined ? undefined : resolve(scratch), onProgress: printProgress },
        askLive: (question) => askLive(config, question),
        log: pino({ level: 'warn', name: 'drill' }, destination({ fd: 2, sync: true })),
      });
      const now = Date.now();
      await noteDrill(dataDir, {
        ...doneOf(drill),
        finishedAt: now,
        backupAgeMs: now - Date.parse(drill.manifest.cutAt),
      });
      report(drill, now);
      if (drill.comparison.differences.length > 0) process.exitCode = 1;
    });
}

async function sourceOf(config: Config, dataDir: string, from: string | undefined): Promise<string> {
  const given = from ?? config.TENANTRY_BACKUP_DIR;
  if (given !== undefined) return resolve(given);
  const { lastBackup } = await readBackupStatus(dataDir);
  if (lastBackup !== undefined) return dirname(lastBackup.folder);
  throw new TenantryError('NOT_FOUND', 'No backup was ever made of this data directory.', {
    hint: 'Make one with `tenantry backup --to <folder>`, or name one with --from.',
  });
}

async function askLive(config: Config, question: BackupFiguresQuestion): Promise<BackupFigures> {
  const { tenantId: tenant_id, cutAt: cut_at, snapshot } = question;
  const response = await fetchFromServer(config, 'POST', '/v1/backups/figures', {
    ...{ body: JSON.stringify({ tenant_id, cut_at, snapshot }), contentType: 'application/json' },
    timeoutMs: FIGURES_TIMEOUT_MS,
  });
  const { bounds, clickhouse, postgres, readers } = (await response.json()) as BackupFiguresBody;
  return {
    bounds: { untouchedUntil: bounds.untouched_until, keptFrom: bounds.kept_from },
    ...{ clickhouse, readers },
    postgres: postgres.map(({ every_manieth: everyManieth, ...rest }) => ({ ...rest, everyManieth })),
  };
}

function doneOf({ manifest, tenantId: tenant, comparison, tookMs }: Drill) {
  const { compared: tables, rows, differences } = comparison;
  return {
    ...{ backup: manifest.name, tenantId: tenant, ok: differences.length === 0 },
    ...{ tables, rows, differences: differences.length, tookMs },
  };
}

function report({ manifest, tenantId: tenant, comparison, restoredMs, tookMs }: Drill, now: number): void {
  const { compared, rows, changedSince, differences } = comparison;
  const seconds = (ms: number) => `${(ms / SECOND_MS).toFixed(1)} s`;
  print(differences.length === 0 ? `The restored ${tenant} is the same.` : `The restored ${tenant} differs.`);
  print(`  backup      ${manifest.name}, as of ${manifest.cutAt}`);
  print(`  compared    ${compared} tables and answers, ${rows} rows`);
  if (changedSince > 0) print(`  not compared  ${changedSince} rows that have been changed or deleted since`);
  print(`  restoring   ${seconds(restoredMs)} until everything was loaded (what an outage would last at least)`);
  print(`  losing      ${seconds(Math.max(0, now - Date.parse(manifest.cutAt)))} of changes, were it needed now`);
  print(`  in all      ${seconds(tookMs)}`);
  for (const { where, what } of differences.slice(0, SHOWN_DIFFERENCES)) print(`  DIFFERENT   ${where}: ${what}`);
  if (differences.length > SHOWN_DIFFERENCES) print(`  … and ${differences.length - SHOWN_DIFFERENCES} more`);
}
