import { Command } from 'commander';
import type { TenantFigures, TenantList, TenantPlan } from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

/** The most that one page of the API holds. */
const PAGE = 1_000;

function milliseconds(value: number | null): string {
  return value === null ? '-' : `${Math.round(value)} ms`;
}

async function list(): Promise<void> {
  const config = loadConfig();
  const items: TenantFigures[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor === null ? {} : { cursor }) });
    const page: TenantList = await askServer<TenantList>(config, 'GET', `/v1/tenants?${query}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  if (items.length === 0) {
    print('No tenant has sent anything in the last hour.');
    return;
  }
  printTable([
    ['TENANT', 'PLAN', 'REQUESTS', 'ERRORS', 'P95'],
    ...items.map((item) => [
      item.tenant_id,
      item.plan ?? '-',
      String(item.requests),
      String(item.errors),
      milliseconds(item.p95_ms),
    ]),
  ]);
}

export function tenantCommand(): Command {
  const command = new Command('tenant').description('tenants of a running Tenantry');
  command.command('list').description('tenants of the last hour, busiest first').action(list);
  command
    .command('plan <tenant> [plan]')
    .description('put a tenant on a plan; without one, take it off')
    .action(async (tenant: string, plan: string | undefined) => {
      const path = `/v1/tenants/${encodeURIComponent(tenant)}/plan`;
      const set = await askServer<TenantPlan>(loadConfig(), 'PUT', path, { plan: plan ?? null });
      print(set.plan === null ? `${set.tenant_id} is on no plan.` : `${set.tenant_id} is on the plan ${set.plan}.`);
    });
  return command;
}
