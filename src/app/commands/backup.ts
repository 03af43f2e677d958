import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { destination, pino } from 'pino';
import type { BackupList, BackupRunItem } from '../../api/backups-contract.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import { TenantryError } from '../../domain/errors.ts';
import { askServer } from '../api-client.ts';
import { backupFaults, findBackups, readManifest, resolveBackup } from '../backup-folder.ts';
import { leaveOrder } from '../backup-order-file.ts';
import { backupSources } from '../backup-sources.ts';
import { noteBackup } from '../backup-status.ts';
import { type BackupOrder, type BackupTaken, takeBackup } from '../backup-take.ts';
import { openStores } from '../stores.ts';
import { print, printProgress, printTable } from '../terminal.ts';

const POLL_MS = 300;

const EXIT_CODES = `
A backup is made of what runs: the server makes it, and goes on taking and loading telemetry. Where none runs, the command
opens the stores itself. It holds every tenant's data: keep it where few may read it.
Without --with-secrets it does not hold the keys with which alert targets are sealed, nor the admin token: keep a copy of
the files secrets*.json of the data directory elsewhere.

Exit codes:
  0  the backup is whole (--verify: and unchanged)
  1  it failed, and nothing is left of it (--verify: it is not whole)`;

interface Options {
  readonly to?: string;
  readonly withSecrets?: true;
  readonly keep?: number;
  readonly full?: true;
  readonly verify?: string;
  readonly list?: true;
}

const several = (text: string) => {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('Give a number from 1 on.');
  return Number(text);
};

export function backupCommand(): Command {
  return new Command('backup')
    .description('copy both stores and the spool as they are at one moment, while they run; check and list copies')
    .option('--to <folder>', 'folder of backups; default: TENANTRY_BACKUP_DIR')
    .option('--keep <n>', 'how many backups stay in the folder; default with --to: all', several)
    .option('--with-secrets', 'the admin token and the keys that secrets are sealed with as well')
    .option('--full', 'share no file with older backups in the folder')
    .addOption(new Option('--list', 'what backups there are in the folder').conflicts(['verify', 'full']))
    .addOption(new Option('--verify <backup>', 'read every byte of a backup, or of the newest in a folder'))
    .addHelpText('after', EXIT_CODES)
    .action(async (options: Options) => {
      if (options.verify !== undefined) return verify(resolve(options.verify));
      const config = loadConfig();
      const to = options.to ?? config.TENANTRY_BACKUP_DIR;
      if (to === undefined) {
        throw new TenantryError('BAD_REQUEST', 'No folder for the backup was given.', {
          hint: 'Give one with --to, or set TENANTRY_BACKUP_DIR.',
        });
      }
      if (options.list === true) return list(resolve(to));
      const keep = options.keep ?? (options.to === undefined ? config.TENANTRY_BACKUP_KEEP : undefined);
      const { withSecrets = false, full = false } = options;
      await make(config, { to: resolve(to), keep, withSecrets, full });
    });
}

async function make(config: Config, order: BackupOrder): Promise<void> {
  const dataDir = resolve(config.TENANTRY_DATA_DIR);
  const begun = await orderFromServer(config, dataDir, order);
  if (begun === undefined) tell(await makeHere(config, dataDir, order));
  else await follow(config, begun, order);
  if (!order.withSecrets)
    print('The secrets are not in it (--with-secrets): keep secrets*.json of the data directory elsewhere.');
}

/** undefined: no server runs. */
async function orderFromServer(
  config: Config,
  dataDir: string,
  order: BackupOrder,
): Promise<BackupRunItem | undefined> {
  const isUp = await fetch(`http://127.0.0.1:${config.TENANTRY_API_PORT}/healthz`, {
    signal: AbortSignal.timeout(2_000),
  })
    .then(({ ok }) => ok)
    .catch(() => false);
  if (!isUp) return undefined;
  return askServer<BackupRunItem>(config, 'POST', '/v1/backups', { order: await leaveOrder(dataDir, order) });
}

async function follow(config: Config, begun: BackupRunItem, { to }: BackupOrder): Promise<void> {
  for (;;) {
    const { run } = await askServer<BackupList>(config, 'GET', '/v1/backups');
    if (run === null || run.id !== begun.id) {
      throw new TenantryError('CONFLICT', 'The server does not know of the backup any more.', {
        hint: 'It was restarted meanwhile. What it left is removed by the next backup: begin it again.',
      });
    }
    if (run.state === 'failed') {
      throw new TenantryError(
        'STORE_UNAVAILABLE',
        run.detail ?? 'The backup failed.',
        run.hint === null ? {} : { hint: run.hint },
      );
    }
    if (run.state === 'done') {
      const { manifest } = { manifest: await readManifest(resolve(to, run.name ?? '')) };
      tell({ manifest, path: resolve(to, run.name ?? ''), removed: run.removed });
      return;
    }
    printProgress(`${run.step}: ${run.done} of ${run.total} files, ${inMegabytes(run.bytes)}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

async function makeHere(config: Config, dataDir: string, order: BackupOrder): Promise<BackupTaken> {
  const log = pino({ level: 'warn', name: 'backup' }, destination({ fd: 2, sync: true }));
  const stores = await openStores(config, log);
  try {
    const { clickhouse, postgresOwnerUrl, postgresUrl } = stores;
    const disk = config.TENANTRY_BACKUP_CLICKHOUSE_DISK;
    const sources = backupSources({ dataDir, clickhouse, disk, postgresUrl: postgresOwnerUrl ?? postgresUrl });
    const onProgress = ({ step, done, total }: { step: string; done: number; total: number }) =>
      printProgress(`${step}: ${done} of ${total} files`);
    const taken = await takeBackup(sources, { ...order, onProgress });
    await noteBackup(dataDir, taken);
    return taken;
  } finally {
    await stores.close();
  }
}

function tell({ manifest, path, removed }: BackupTaken): void {
  const { bytes, sharedBytes, heldMs, tookMs, cutAt, spool } = manifest;
  print(`Backup ${path}`);
  print(`  as of ${cutAt}; ${inMegabytes(bytes)}, of which ${inMegabytes(sharedBytes)} are shared with the one before`);
  print(`  took ${tookMs} ms; nothing was loaded for ${heldMs} ms of it, while ingest went on`);
  print(`  with ${spool.sealedSegments + spool.openSegments} segments of telemetry that were not loaded yet`);
  for (const name of removed) print(`  removed: ${name}`);
}

async function verify(from: string): Promise<void> {
  const { path } = await resolveBackup(from);
  const manifest = await readManifest(path);
  const faults = await backupFaults(path, manifest, (done) => {
    if (done % 100 === 0) printProgress(`${done} of ${manifest.files.length} files read`);
  });
  for (const { path: file, fault } of faults) print(`${fault}: ${file}`);
  if (faults.length === 0) print(`${path} is whole: ${manifest.files.length} files, ${inMegabytes(manifest.bytes)}.`);
  else {
    print(`${path} is not whole: ${faults.length} files differ.`);
    process.exitCode = 1;
  }
}

async function list(folder: string): Promise<void> {
  const found = await findBackups(folder);
  if (found.length === 0) {
    print(`There is no backup in ${folder}.`);
    return;
  }
  const rows = await Promise.all(
    found.map(async ({ name, path }) => {
      const manifest = await readManifest(path).catch(() => undefined);
      if (manifest === undefined) return [name, '-', '-', 'not readable'];
      return [name, manifest.cutAt, inMegabytes(manifest.bytes), `Tenantry ${manifest.version}`];
    }),
  );
  printTable([['BACKUP', 'AS OF', 'SIZE', 'MADE BY'], ...rows]);
  print(
    `The oldest holds data until it is removed: what was deleted since ${rows.at(-1)?.[1] ?? '-'} is still in one of them.`,
  );
}

export function inMegabytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
