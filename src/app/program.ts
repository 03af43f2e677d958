import { Command } from 'commander';
import { VERSION } from './version.ts';

/**
 * In the order of the help. Each is loaded when it is asked for: all together take three times as long to load as most
 * commands take to run.
 */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./commands/run.ts')).serveCommand(),
  ingest: async () => (await import('./commands/run.ts')).ingestCommand(),
  demo: async () => (await import('./commands/run.ts')).demoCommand(),
  migrate: async () => (await import('./commands/migrate.ts')).migrateCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  key: async () => (await import('./commands/key.ts')).keyCommand(),
  tenant: async () => (await import('./commands/tenant.ts')).tenantCommand(),
  throttle: async () => (await import('./commands/throttle.ts')).throttleCommand(),
  control: async () => (await import('./commands/control.ts')).controlCommand(),
  deploy: async () => (await import('./commands/deploy.ts')).deployCommand(),
  backtest: async () => (await import('./commands/backtest.ts')).backtestCommand(),
  cap: async () => (await import('./commands/cap.ts')).capCommand(),
  plan: async () => (await import('./commands/plan.ts')).planCommand(),
  prices: async () => (await import('./commands/prices.ts')).pricesCommand(),
  bill: async () => (await import('./commands/bill.ts')).billCommand(),
  export: async () => (await import('./commands/export.ts')).exportCommand(),
  breaker: async () => (await import('./commands/breaker.ts')).breakerCommand(),
  degrade: async () => (await import('./commands/degrade.ts')).degradeCommand(),
  storage: async () => (await import('./commands/storage.ts')).storageCommand(),
  meter: async () => (await import('./commands/meter.ts')).meterCommand(),
  revenue: async () => (await import('./commands/revenue.ts')).revenueCommand(),
  quarantine: async () => (await import('./commands/quarantine.ts')).quarantineCommand(),
  backup: async () => (await import('./commands/backup.ts')).backupCommand(),
  restore: async () => (await import('./commands/restore.ts')).restoreCommand(),
  drill: async () => (await import('./commands/drill.ts')).drillCommand(),
  'export-tenant': async () => (await import('./commands/export-tenant.ts')).exportTenantCommand(),
  'restore-tenant': async () => (await import('./commands/restore-tenant.ts')).restoreTenantCommand(),
  clickhouse: async () => (await import('./commands/clickhouse.ts')).clickhouseCommand(),
  deletion: async () => (await import('./commands/deletion.ts')).deletionCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  'query-audit': async () => (await import('./commands/query-audit.ts')).queryAuditCommand(),
  alert: async () => (await import('./commands/alert.ts')).alertCommand(),
};

/** The program with the command of this name alone, or, when there is none of it, with every one. */
export async function createProgram(name: string): Promise<Command> {
  const program = new Command('tenantry')
    .description('Per-tenant observability and cost analytics: who is slow, who is noisy, what each tenant costs.')
    .version(VERSION)
    .showHelpAfterError('(add --help for what is allowed)');
  const asked = Object.hasOwn(COMMANDS, name) ? [name] : Object.keys(COMMANDS);
  for (const load of asked.map((known) => COMMANDS[known])) if (load !== undefined) program.addCommand(await load());
  return program;
}
