import { Command } from 'commander';
import { destination, pino } from 'pino';
import { loadConfig } from '../../config/config.ts';
import { openStores } from '../stores.ts';
import { print } from '../terminal.ts';

export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring both databases to this version (every start does the same); refuses newer databases')
    .action(async () => {
      const config = loadConfig();
      const log = pino({ level: 'warn', name: 'migrate' }, destination({ fd: 2, sync: true }));
      const stores = await openStores(config, log);
      const { clickhouse, postgres } = stores.migrations;
      await stores.close();
      const changes = [...clickhouse.migrations, ...clickhouse.views.map((view) => `view ${view}`)];
      print(`ClickHouse: ${changes.length === 0 ? 'up to date' : changes.join(', ')}`);
      print(`PostgreSQL: ${postgres.length === 0 ? 'up to date' : postgres.join(', ')}`);
    });
}
