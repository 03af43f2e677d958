import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import type { SqlDesk } from '../api/sql-ports.ts';
import type { Config } from '../config/config.ts';
import { guarded } from '../cost/focus-guard.ts';
import type { StaffActor, TenantActor } from '../domain/actor.ts';
import { TenantryError, toError } from '../domain/errors.ts';
import type { SqlAnswer, SqlEngine, SqlRun } from '../domain/sql.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { TenantAccess } from '../store/clickhouse/access.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { EmbeddedSql } from '../store/clickhouse/sql-embedded.ts';
import { staffOnServer } from '../store/clickhouse/sql-server.ts';
import { TenantSql } from '../store/clickhouse/sql-tenant.ts';
import type { AuditEntry } from '../store/postgres/audit-entry.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { secretsKeys } from './secrets-keys.ts';
import { SqlSlots } from './sql-slots.ts';

/** How much of a statement the audit log keeps; its hash is of the whole. */
const KEPT_TEXT = 2_000;

export interface SqlDeskOptions {
  readonly staff: SqlEngine;
  /** Undefined: tenants cannot be kept apart by the database here. */
  readonly tenants: ((tenantId: TenantId) => SqlEngine) | undefined;
  /** Statements at once. */
  readonly slots: number;
  readonly record: (actor: StaffActor | TenantActor, entry: AuditEntry) => Promise<void>;
}

/** Runs what people write, each for whom they are, and writes down that it did. */
export class SqlRunner implements SqlDesk {
  readonly #options: SqlDeskOptions;
  readonly #slots: SqlSlots;

  constructor(options: SqlDeskOptions) {
    this.#options = options;
    this.#slots = new SqlSlots(options.slots);
  }

  async run(actor: StaffActor | TenantActor, run: SqlRun): Promise<SqlAnswer> {
    const engine = this.#engineOf(actor);
    const caller = actor.kind === 'tenant' ? `tenant ${actor.tenantId}` : `${actor.kind} ${actor.subject}`;
    return this.#slots.hold(caller, async () => {
      const began = performance.now();
      const outcome = await engine.run(run).then(
        (answer) => ({ answer }),
        (thrown: unknown) => ({ failure: failureOf(thrown, run) }),
      );
      const milliseconds = Math.round(performance.now() - began);
      // Before anything is answered: what is not written down was not told.
      await this.#options.record(actor, entryOf(run, outcome, milliseconds));
      if ('failure' in outcome) throw outcome.failure;
      return outcome.answer;
    });
  }

  async tables(actor: StaffActor | TenantActor) {
    return this.#engineOf(actor).tables();
  }

  csv({ columns, rows }: SqlAnswer): string {
    const cells = rows.map((row) => row.map((value, index) => csvCell(value, columns[index]?.type ?? '')));
    return stringify([columns.map(({ name }) => guarded(name)), ...cells], { record_delimiter: '\r\n' });
  }

  #engineOf(actor: StaffActor | TenantActor): SqlEngine {
    if (actor.kind !== 'tenant') return this.#options.staff;
    if (this.#options.tenants === undefined) throw notForTenants();
    return this.#options.tenants(actor.tenantId);
  }
}

function notForTenants(): TenantryError {
  return new TenantryError('NOT_SUPPORTED_HERE', 'SQL of your own is not offered on this installation.', {
    hint: 'GET /v1/usage, GET /v1/tenants/{id}/metrics and the exports have your figures. Operators can offer SQL to tenants with a ClickHouse server (CLICKHOUSE_URL): in the embedded one the database cannot keep tenants apart.',
  });
}

/** A caller who has left is a matter of course and no fault of the program. */
function failureOf(thrown: unknown, { signal }: SqlRun): Error {
  if (thrown instanceof TenantryError || !signal.aborted) return toError(thrown);
  return new TenantryError('QUERY_TIMEOUT', 'The statement was stopped: nobody waited for its answer any more.', {
    cause: thrown,
  });
}

function entryOf(
  { sql, params, maxRows }: SqlRun,
  outcome: { readonly answer: SqlAnswer } | { readonly failure: Error },
  milliseconds: number,
): AuditEntry {
  const sha256 = createHash('sha256').update(sql).digest('hex');
  // Names of parameters alone: their values may be of people.
  const asked = { sql: sql.slice(0, KEPT_TEXT), sha256, params: Object.keys(params), max_rows: maxRows, milliseconds };
  if ('failure' in outcome) {
    const { failure } = outcome;
    const code = failure instanceof TenantryError ? failure.code : 'INTERNAL';
    return { action: 'sql.run', resource: `sql/${sha256.slice(0, 16)}`, after: { ...asked, outcome: code } };
  }
  const { rows, truncated, rowsRead, bytesRead } = outcome.answer;
  const told = { outcome: 'answered', rows: rows.length, truncated, rows_read: rowsRead, bytes_read: bytesRead };
  return { action: 'sql.run', resource: `sql/${sha256.slice(0, 16)}`, after: { ...asked, ...told } };
}

const NUMBER_TYPE = /^(?:Nullable\()?(?:U?Int|Float|Decimal|BFloat)/;

/** A negative number stays one; a formula in any text, also in one that stands in a list, begins with an apostrophe. */
function csvCell(value: unknown, type: string): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return NUMBER_TYPE.test(type) && Number.isFinite(Number(text)) ? text : guarded(text);
}

export interface SqlOptions {
  readonly config: Config;
  readonly clickhouse: ClickHouse;
  readonly postgres: Postgres;
  /** Folder of the embedded engine where it is not the one of a server's data directory. */
  readonly path?: string;
}

/** In the engine of this process two statements are all it can bear beside pages and loader; a server bears more. */
const EMBEDDED_SLOTS = 2;
const SERVER_SLOTS = 8;

/** Statements of people, where the configuration says that the store is. `stop` ends those that run. */
export function startSql(options: SqlOptions): { readonly sql: SqlDesk; stop(): Promise<void> } {
  const { config, postgres } = options;
  const { CLICKHOUSE_URL: url } = config;
  const engines = url === undefined ? embeddedEngines(options) : serverEngines(options, url);
  const sql = new SqlRunner({
    ...engines,
    record: (actor, entry) => postgres.inChangeTransaction(actor, (transaction) => transaction.audit(entry)),
  });
  return { sql, stop: () => engines.staff.close() };
}

type Engines = Pick<SqlDeskOptions, 'staff' | 'tenants' | 'slots'>;

function embeddedEngines({ config, clickhouse, path }: SqlOptions): Engines {
  const staff = new EmbeddedSql({ path: path ?? join(config.TENANTRY_DATA_DIR, 'clickhouse'), clickhouse });
  return { staff, tenants: undefined, slots: EMBEDDED_SLOTS };
}

function serverEngines({ config, clickhouse }: SqlOptions, url: string): Engines {
  // The id is ours, of letters, digits and dashes.
  const kill = (queryId: string) => clickhouse.command(`KILL QUERY WHERE query_id = '${queryId}' SYNC`);
  const tenants = new TenantSql({ url, kill, clickhouse, access: tenantAccess(config, clickhouse) });
  const staff = staffOnServer({ url, kill, clickhouse });
  return { staff, tenants: (tenantId) => tenants.engineOf(tenantId), slots: SERVER_SLOTS };
}

/** What lets tenants ask a server for themselves. */
export function tenantAccess(config: Config, clickhouse: ClickHouse): TenantAccess {
  const secret = secretsKeys(config).current.key;
  return new TenantAccess({ clickhouse, cluster: config.CLICKHOUSE_CLUSTER, secret });
}
