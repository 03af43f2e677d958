import { resolve } from 'node:path';
import { Command } from 'commander';
import { destination, pino } from 'pino';
import { loadConfig } from '../../config/config.ts';
import { restoreOnServer } from '../../store/clickhouse/backup-server.ts';
import { restoreBackup } from '../backup-restore.ts';
import { openClickHouse } from '../stores.ts';
import { print, printProgress } from '../terminal.ts';

const NEXT = `
Checks every byte first, then makes the data directory beside its place and moves it there when all of it is: a restore that
ends early leaves nothing. With DATABASE_URL or CLICKHOUSE_URL it fills those, which must be empty; a backup of an embedded
store goes into an embedded one.

Exit codes:
  0  restored
  1  not restored; the target is as it was`;

export function restoreCommand(): Command {
  return new Command('restore')
    .description('make a data directory of a backup')
    .requiredOption('--from <backup>', 'a backup, or a folder of them: the newest')
    .requiredOption('--data-dir <folder>', 'where the data directory is to be; must not exist, or be empty')
    .addHelpText('after', NEXT)
    .action(async ({ from, dataDir }: { from: string; dataDir: string }) => {
      const config = loadConfig();
      const target = resolve(dataDir);
      const { manifest, path, tookMs } = await restoreBackup({
        ...{ from: resolve(from), dataDir: target, databaseUrl: config.DATABASE_URL },
        restoreServer:
          config.CLICKHOUSE_URL === undefined
            ? undefined
            : async ({ clickhouse, name }) => {
                const server = await openClickHouse(config);
                await restoreOnServer(server, clickhouse, name).finally(() => server.close());
              },
        log: pino({ level: 'warn', name: 'restore' }, destination({ fd: 2, sync: true })),
        onProgress: printProgress,
      });
      print(`Restored ${path} into ${target} in ${(tookMs / 1_000).toFixed(1)} s.`);
      print(
        `It holds everything that was acknowledged until ${manifest.cutAt}; telemetry that was not loaded then is loaded at the start.`,
      );
      print('');
      print('Next:');
      if (!manifest.withSecrets) {
        print(
          `  1. Copy secrets.json, secrets-keys.json and issuer/ of the old data directory into ${target}, if you have them.`,
        );
        print('     Without them a new admin token and ingest key are made, and alert routes have to be set up anew.');
      } else print('  1. The secrets were in the backup: admin token, ingest key and sealed targets are as they were.');
      print(`  2. TENANTRY_DATA_DIR=${target} npx tenantry serve   (brings the schemas up to date)`);
      print('  3. npx tenantry audit verify; npx tenantry doctor');
      print(
        `  4. Whoever was deleted after ${manifest.cutAt} is in it again: delete them again by their certificates.`,
      );
    });
}
