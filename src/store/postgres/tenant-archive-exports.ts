import type { Actor, StaffActor, TenantActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import {
  EXPORT_LIFE_MS,
  type ExportQuestion,
  type JobProgress,
  NO_PROGRESS,
  type TenantExport,
} from '../../domain/tenant-archive.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { TenantDirectory } from './tenant-directory.ts';
import { isUuid } from './uuid.ts';

const RUNNER: StaffActor = { kind: 'system', subject: 'tenant-exports' };
/** Starts of one export, kills of the server included, after which a person has to look. */
const MOST_ATTEMPTS = 3;
const ERROR_MAX = 500;

interface Row extends Omit<TenantExport, 'question' | 'progress'>, Omit<ExportQuestion, 'window'> {
  readonly windowFrom: number | null;
  readonly windowTo: number | null;
  readonly progress: Partial<JobProgress>;
}

const COLUMNS = `export_id as id, tenant_id as "tenantId", format, audience, sections, ${unixMs('window_from')} as "windowFrom",
  ${unixMs('window_to')} as "windowTo", state, progress, error, asked_by as "askedBy",
  asked_by_operator as "askedByOperator", ${unixMs('asked_at')} as "askedAt", ${unixMs('ended_at')} as "endedAt",
  ${unixMs('expires_at')} as "expiresAt"`;

/** Exports that were asked for, and how far each is. The files are on the server that made them. */
export class ExportStore {
  readonly #postgres: Postgres;
  readonly #directory: Pick<TenantDirectory, 'remember'>;
  readonly #server: string;

  /** @param server of this process, the same after a restart */
  constructor(postgres: Postgres, directory: Pick<TenantDirectory, 'remember'>, server: string) {
    this.#postgres = postgres;
    this.#directory = directory;
    this.#server = server;
  }

  /** @throws TenantryError NOT_FOUND for a tenant that nobody has entered, CONFLICT while one is under way */
  async ask(actor: StaffActor | TenantActor, question: ExportQuestion): Promise<TenantExport> {
    const { tenantId, format, audience, sections, window } = question;
    if (actor.kind === 'tenant') await this.#directory.remember([tenantId]);
    return this.#postgres.inChangeTransaction(actor, async (transaction) => {
      const known = await transaction.query('select 1 from tenantry.tenants where tenant_id = $1', [tenantId]);
      if (known.length === 0) {
        throw new TenantryError('NOT_FOUND', 'There is no such tenant, or it is not yours to see.', {
          hint: 'GET /v1/tenant-directory lists all there are.',
        });
      }
      const [row] = await transaction.query<Row>(
        `insert into tenantry.tenant_exports
           (tenant_id, format, audience, sections, window_from, window_to, asked_by, asked_by_operator)
         values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000), to_timestamp($6::float8 / 1000), $7, $8)
         on conflict (tenant_id) where state in ('waiting', 'running') do nothing returning ${COLUMNS}`,
        [
          ...[tenantId, format, audience, sections, window?.from ?? null, window?.to ?? null],
          ...[actor.subject, actor.kind !== 'tenant'],
        ],
      );
      if (row === undefined) {
        throw new TenantryError('CONFLICT', 'An export of this tenant is under way already.', {
          hint: 'GET /v1/tenant-exports shows how far it is; it can be cancelled.',
        });
      }
      await transaction.audit({
        ...{ action: 'tenant-export.ask', resource: `tenant-export/${row.id}`, tenantId },
        after: { format, audience, sections, from: window?.from ?? null, to: window?.to ?? null },
      });
      return exportOf(row);
    });
  }

  /** Newest first. Tenant actors get their own only, whatever they ask for. */
  async list(
    actor: Actor,
    { tenantId, limit }: { readonly tenantId: TenantId | undefined; readonly limit: number },
  ): Promise<readonly TenantExport[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Row>(
        `select ${COLUMNS} from tenantry.tenant_exports where $1::text is null or tenant_id = $1
         order by asked_at desc, export_id limit $2`,
        [tenantId ?? null, limit],
      ),
    );
    return rows.map(exportOf);
  }

  /** Undefined also for one of a tenant that the actor may not see. */
  async get(actor: Actor, id: string): Promise<TenantExport | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Row>(`select ${COLUMNS} from tenantry.tenant_exports where export_id = $1`, [id]),
    );
    return row === undefined ? undefined : exportOf(row);
  }

  /** Ends one that waits or runs, or lets a finished one's files go. Undefined if there is nothing to end. */
  async cancel(actor: StaffActor | TenantActor, id: string): Promise<TenantExport | undefined> {
    if (!isUuid(id)) return undefined;
    return this.#postgres.inChangeTransaction(actor, async (transaction) => {
      const [row] = await transaction.query<Row>(
        `update tenantry.tenant_exports set state = case when state = 'done' then 'expired' else 'cancelled' end,
           ended_at = coalesce(ended_at, clock_timestamp()), expires_at = null
         where export_id = $1 and state in ('waiting', 'running', 'done') returning ${COLUMNS}`,
        [id],
      );
      if (row === undefined) return undefined;
      await transaction.audit({
        ...{ action: 'tenant-export.cancel', resource: `tenant-export/${id}`, tenantId: row.tenantId },
        after: { state: row.state },
      });
      return exportOf(row);
    });
  }

  /** Leaves a record that somebody has fetched it. */
  async fetched(actor: StaffActor | TenantActor, { id, question }: TenantExport): Promise<void> {
    const entry = {
      ...{ action: 'tenant-export.download', resource: `tenant-export/${id}`, tenantId: question.tenantId },
    };
    await this.#postgres.inChangeTransaction(actor, (transaction) => transaction.audit(entry));
  }

  /** Whether the files are on this server. */
  async isHere(id: string): Promise<boolean> {
    const rows = await this.#asRunner('who keeps what is no change', (transaction) =>
      transaction.query('select 1 from tenantry.tenant_exports where export_id = $1 and kept_by = $2', [
        id,
        this.#server,
      ]),
    );
    return rows.length > 0;
  }

  /**
   * Takes the oldest that waits, or one that this server was at when it ended; undefined: there is none. One that was
   * begun too often has failed.
   */
  async take(): Promise<TenantExport | undefined> {
    return this.#asRunner('who asked is audited; who makes it is a matter of chance', async (transaction) => {
      await transaction.query(
        `update tenantry.tenant_exports set state = 'failed', ended_at = clock_timestamp(),
           error = 'The server ended ' || attempts || ' times while it was made. Its log says why.'
         where state = 'running' and kept_by = $1 and attempts >= $2`,
        [this.#server, MOST_ATTEMPTS],
      );
      const [row] = await transaction.query<Row>(
        `update tenantry.tenant_exports set state = 'running', kept_by = $1, attempts = attempts + 1, progress = '{}'
         where export_id = (select export_id from tenantry.tenant_exports
                            where state = 'waiting' or (state = 'running' and kept_by = $1)
                            order by asked_at limit 1 for update skip locked)
         returning ${COLUMNS}`,
        [this.#server],
      );
      return row === undefined ? undefined : exportOf(row);
    });
  }

  /** Says how far it is. False: it was cancelled or is gone, and is not to go on. */
  async beat(id: string, progress: JobProgress): Promise<boolean> {
    const rows = await this.#asRunner('progress', (transaction) =>
      transaction.query(
        `update tenantry.tenant_exports set progress = $2::jsonb where export_id = $1 and state = 'running' returning 1`,
        [id, JSON.stringify(progress)],
      ),
    );
    return rows.length > 0;
  }

  /** False: it was cancelled meanwhile. */
  async end(id: string, outcome: { readonly progress: JobProgress } | { readonly error: string }): Promise<boolean> {
    const isDone = 'progress' in outcome;
    return this.#postgres.inStaffTransaction(RUNNER, async (transaction) => {
      const [row] = await transaction.query<Row>(
        `update tenantry.tenant_exports set state = $2, error = $3, progress = coalesce($4::jsonb, progress),
           ended_at = clock_timestamp(),
           expires_at = case when $2 = 'done' then clock_timestamp() + $5 * interval '1 millisecond' end
         where export_id = $1 and state = 'running' returning ${COLUMNS}`,
        [
          ...[id, isDone ? 'done' : 'failed', isDone ? null : outcome.error.slice(0, ERROR_MAX)],
          ...[isDone ? JSON.stringify(outcome.progress) : null, EXPORT_LIFE_MS],
        ],
      );
      if (row === undefined) transaction.unaudited('it was cancelled meanwhile');
      else {
        const { rows, bytes } = { ...NO_PROGRESS, ...row.progress };
        await transaction.audit({
          ...{ action: 'tenant-export.end', resource: `tenant-export/${id}`, tenantId: row.tenantId },
          after: { state: row.state, rows, bytes, error: row.error },
        });
      }
      return row !== undefined;
    });
  }

  /** Marks those whose time is over, and says of which this server may keep the files. */
  async sweep(): Promise<ReadonlySet<string>> {
    return this.#asRunner('the time was set when it was finished', async (transaction) => {
      await transaction.query(
        `update tenantry.tenant_exports set state = 'expired', expires_at = null
         where state = 'done' and expires_at <= clock_timestamp()`,
      );
      const kept = await transaction.query<{ id: string }>(
        `select export_id as id from tenantry.tenant_exports where kept_by = $1 and state in ('running', 'done')`,
        [this.#server],
      );
      return new Set(kept.map(({ id }) => id));
    });
  }

  #asRunner<T>(why: string, work: Parameters<typeof Postgres.prototype.inStaffTransaction<T>>[1]): Promise<T> {
    return this.#postgres.inStaffTransaction(RUNNER, (transaction) => {
      transaction.unaudited(why);
      return work(transaction);
    });
  }
}

function exportOf(row: Row): TenantExport {
  const { tenantId, format, audience, sections, windowFrom, windowTo, progress, ...rest } = row;
  const window = windowFrom === null || windowTo === null ? undefined : { from: windowFrom, to: windowTo };
  return {
    ...rest,
    question: { tenantId, format, audience, sections, window },
    progress: { ...NO_PROGRESS, ...progress },
  };
}
