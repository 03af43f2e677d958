import type { Logger } from 'pino';
import type { Reports } from '../api/reports-ports.ts';
import type { Config } from '../config/config.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { ReportScheduleStore } from '../store/postgres/report-schedule-store.ts';
import { addressGuard } from './alert-senders/address-guard.ts';
import { safePost } from './alert-senders/safe-post.ts';
import { alertVault } from './alert-vault.ts';
import { nextReportAt, ReportDeliveries } from './report-delivery.ts';
import { reportFile } from './report-format.ts';
import { type ReportSources, reportTable } from './report-tables.ts';
import { reportVault } from './report-vault.ts';
import { runEvery } from './schedule.ts';
import { secretsKeys } from './secrets-keys.ts';
import { zoneOrUtc } from './spend-standing.ts';
import { STATEMENT_POLICY, statementPage } from './statement-page.ts';
import { type StatementSources, Statements } from './statements.ts';

const DELIVER_EVERY_MS = 10 * SECOND_MS;

export interface ReportsOptions {
  readonly postgres: Postgres;
  readonly config: Config;
  readonly sources: ReportSources & StatementSources;
  /** Where the API listens, for links when no other address is set. */
  readonly ownUrl: () => string;
  readonly log: Logger;
}

export interface ReportParts {
  readonly reports: Reports;
  /** No further run is begun; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

/** Everything that leaves the house as a file: exports, statements, and reports by webhook. */
export function startReports({ postgres, config, sources, ownUrl, log }: ReportsOptions): ReportParts {
  const schedules = new ReportScheduleStore(postgres, reportVault(alertVault(secretsKeys(config))));
  const statements = new Statements(sources, zoneOrUtc(config.TENANTRY_SPEND_TIME_ZONE));
  const guard = addressGuard(config.TENANTRY_ALERT_ALLOW_RANGES);
  const deliveries = new ReportDeliveries({
    ...{ schedules, sources, log, zone: zoneOrUtc },
    post: (message) => safePost(message, { guard, timeoutMs: 60 * SECOND_MS }),
    publicUrl: () => config.TENANTRY_PUBLIC_URL?.replace(/\/+$/, '') ?? ownUrl(),
  });
  const schedule = runEvery(DELIVER_EVERY_MS, 'reports', log, () => deliveries.tick(Date.now()));
  return {
    reports: {
      file: async (actor, question, format) => reportFile(await reportTable(sources, actor, question), format),
      statement: async (actor, question) => ({
        html: statementPage(await statements.statement(actor, question)),
        contentSecurityPolicy: STATEMENT_POLICY,
      }),
      schedules: (actor) => schedules.list(actor),
      createSchedule: (actor, terms, now) =>
        schedules.create(actor, terms, nextReportAt(terms.period, now, zoneOrUtc(terms.timeZone))),
      removeSchedule: (actor, id) => schedules.remove(actor, id),
    },
    stop: () => schedule.stop(),
  };
}
