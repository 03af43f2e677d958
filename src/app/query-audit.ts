import type { Logger } from 'pino';
import { auditInterval, intervalBetween } from '../aggregate/query-audit-report.ts';
import type { QueryAudits } from '../api/queries-ports.ts';
import type { Config } from '../config/config.ts';
import { TenantryError, toError } from '../domain/errors.ts';
import type { QueryAuditReport, StatementSnapshot } from '../domain/query-audit.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { type QueryAuditDatabaseOptions, readQueryAuditSource } from '../store/postgres/query-audit-database.ts';
import { type CounterSnapshot, QueryAuditStore } from '../store/postgres/query-audit-store.ts';
import type { Leadership } from './detector-loop.ts';
import { PostgresLeadership } from './leadership.ts';
import { runEvery } from './schedule.ts';

export interface QueryAuditOptions {
  readonly config: Pick<
    Config,
    'TENANTRY_QUERY_AUDIT_URL' | 'TENANTRY_QUERY_AUDIT_SECONDS' | 'TENANTRY_TENANT_COLUMNS'
  >;
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly log: Logger;
}

/** Host, port and database: what may be shown of an address. */
export function targetOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port === '' ? '5432' : port}${pathname}`;
}

/** What a database did since the earlier look; without one, since its counters began. */
export async function lookAt(
  options: QueryAuditDatabaseOptions,
  before: CounterSnapshot | undefined,
): Promise<{ readonly report: QueryAuditReport; readonly snapshot: StatementSnapshot }> {
  const { snapshot, tables } = await readQueryAuditSource(options);
  return { snapshot, report: await auditInterval(intervalBetween(before, snapshot), tables, snapshot) };
}

/** Looks at every database in turn; one that cannot be asked does not keep the others from it. */
export class QueryAuditor {
  readonly #targets: readonly QueryAuditDatabaseOptions[];
  readonly #store: QueryAuditStore;
  readonly #leadership: Leadership;
  readonly #log: Logger;

  constructor(options: {
    readonly targets: readonly QueryAuditDatabaseOptions[];
    readonly store: QueryAuditStore;
    readonly leadership: Leadership;
    readonly log: Logger;
  }) {
    this.#targets = options.targets;
    this.#store = options.store;
    this.#leadership = options.leadership;
    this.#log = options.log;
  }

  /** @param now Unix ms */
  async tick(now: number): Promise<void> {
    if (!(await this.#leadership.isLeader())) return;
    await this.#store.keepOnly(this.#targets.map(({ url }) => targetOf(url)));
    for (const target of this.#targets) await this.#look(target, now);
  }

  async #look(options: QueryAuditDatabaseOptions, now: number): Promise<void> {
    const target = targetOf(options.url);
    const before = await this.#store.snapshot(target);
    try {
      const { report, snapshot } = await lookAt(options, before);
      await this.#store.save(target, now, countersOf(snapshot), report);
    } catch (thrown) {
      this.#log.warn({ err: toError(thrown), target }, 'the statements of a database were not audited');
      await this.#store.fail(target, now, problemOf(thrown));
    }
  }
}

/** Only what was meant to be read: other errors may quote statements or addresses. */
function problemOf(thrown: unknown): string {
  if (!(thrown instanceof TenantryError)) return 'The look at the database failed; the log says why.';
  return [thrown.message, thrown.hint].filter((text) => text !== undefined).join(' ');
}

function countersOf({ statements, ...rest }: StatementSnapshot): CounterSnapshot {
  return { ...rest, statements: statements.map(({ key, calls, totalMs, rows }) => ({ key, calls, totalMs, rows })) };
}

/** Audits the operator's own databases as often as the configuration says; without any, only tells what is kept. */
export function startQueryAudit({ config, postgres, postgresUrl, log }: QueryAuditOptions): {
  readonly audits: QueryAudits;
  stop(): Promise<void>;
} {
  const store = new QueryAuditStore(postgres);
  const audits: QueryAudits = { list: (actor) => store.list(actor) };
  const targets = config.TENANTRY_QUERY_AUDIT_URL.map((url) => ({
    url,
    tenantColumns: config.TENANTRY_TENANT_COLUMNS,
  }));
  if (targets.length === 0) return { audits, stop: async () => {} };
  const leadership = new PostgresLeadership(postgresUrl, 'query-audit');
  const auditor = new QueryAuditor({ targets, store, leadership, log });
  const everyMs = config.TENANTRY_QUERY_AUDIT_SECONDS * SECOND_MS;
  const schedule = runEvery(everyMs, 'query-audit', log, () => auditor.tick(Date.now()));
  return {
    audits,
    stop: async () => {
      await schedule.stop();
      await leadership.release();
    },
  };
}
