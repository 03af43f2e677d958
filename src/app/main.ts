#!/usr/bin/env node
import { Command } from 'commander';
import { toError } from '../domain/errors.ts';
import { alertCommand } from './commands/alert.ts';
import { auditCommand } from './commands/audit.ts';
import { backtestCommand } from './commands/backtest.ts';
import { billCommand } from './commands/bill.ts';
import { breakerCommand } from './commands/breaker.ts';
import { capCommand } from './commands/cap.ts';
import { controlCommand } from './commands/control.ts';
import { deployCommand } from './commands/deploy.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { keyCommand } from './commands/key.ts';
import { meterCommand } from './commands/meter.ts';
import { migrateCommand } from './commands/migrate.ts';
import { planCommand } from './commands/plan.ts';
import { pricesCommand } from './commands/prices.ts';
import { quarantineCommand } from './commands/quarantine.ts';
import { queryAuditCommand } from './commands/query-audit.ts';
import { revenueCommand } from './commands/revenue.ts';
import { demoCommand, ingestCommand, serveCommand } from './commands/run.ts';
import { storageCommand } from './commands/storage.ts';
import { tenantCommand } from './commands/tenant.ts';
import { throttleCommand } from './commands/throttle.ts';
import { explainError, explanationText, isForeseen } from './explain-error.ts';
import { VERSION } from './version.ts';

const program = new Command('tenantry')
  .description('Per-tenant observability and cost analytics: who is slow, who is noisy, what each tenant costs.')
  .version(VERSION)
  .showHelpAfterError('(add --help for what is allowed)')
  .addCommand(serveCommand())
  .addCommand(ingestCommand())
  .addCommand(demoCommand())
  .addCommand(migrateCommand())
  .addCommand(doctorCommand())
  .addCommand(keyCommand())
  .addCommand(tenantCommand())
  .addCommand(throttleCommand())
  .addCommand(controlCommand())
  .addCommand(deployCommand())
  .addCommand(backtestCommand())
  .addCommand(capCommand())
  .addCommand(planCommand())
  .addCommand(pricesCommand())
  .addCommand(billCommand())
  .addCommand(exportCommand())
  .addCommand(breakerCommand())
  .addCommand(storageCommand())
  .addCommand(meterCommand())
  .addCommand(revenueCommand())
  .addCommand(quarantineCommand())
  .addCommand(auditCommand())
  .addCommand(queryAuditCommand())
  .addCommand(alertCommand());

try {
  await program.parseAsync();
} catch (thrown) {
  process.stderr.write(`${explanationText(explainError(thrown))}\n`);
  if (!isForeseen(thrown)) process.stderr.write(`${toError(thrown).stack ?? ''}\n`);
  process.exitCode = 1;
}
