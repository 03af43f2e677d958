import { Command } from 'commander';
import { loadConfig } from '../../config/config.ts';
import { TenantryError } from '../../domain/errors.ts';
import { tenantAccess } from '../sql.ts';
import { openClickHouse } from '../stores.ts';
import { print } from '../terminal.ts';

async function access(): Promise<void> {
  const config = loadConfig();
  if (config.CLICKHOUSE_URL === undefined) {
    throw new TenantryError('NOT_SUPPORTED_HERE', 'The embedded ClickHouse knows no users and no row policies.', {
      hint: 'Set CLICKHOUSE_URL to a ClickHouse server; SQL for tenants is offered there alone.',
    });
  }
  const clickhouse = await openClickHouse(config);
  try {
    const { tables, views } = await tenantAccess(config, clickhouse).apply();
    print(
      `${tables} tables are held to the tenant who asks, ${views} views are offered. Tenants can use POST /v1/sql.`,
    );
  } finally {
    await clickhouse.close();
  }
}

export function clickhouseCommand(): Command {
  const command = new Command('clickhouse').description('what a ClickHouse server of your own needs');
  command
    .command('access')
    .description(
      'let tenants ask with SQL: role, row policies, views and limits; may be repeated, and is after an upgrade',
    )
    .action(access);
  return command;
}
