import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import {
  type JobProgress,
  NO_PROGRESS,
  type RestoreQuestion,
  type RestoreReport,
  type TenantRestore,
} from '../../domain/tenant-archive.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { StaffTransaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

const RUNNER: StaffActor = { kind: 'system', subject: 'tenant-restores' };
/** A restore goes on where it was; one that never gets on has to be looked at. */
const MOST_ATTEMPTS = 10;
const ERROR_MAX = 500;

interface Row extends Omit<TenantRestore, 'progress'> {
  readonly progress: Partial<JobProgress>;
}

const COLUMNS = `restore_id as id, tenant_id as "tenantId", question, state, progress, report, error,
  asked_by as "askedBy", ${unixMs('asked_at')} as "askedAt", ${unixMs('ended_at')} as "endedAt"`;

/** Restores that were asked for, how far each is, and which steps of it are behind it for good. */
export class RestoreStore {
  readonly #postgres: Postgres;
  readonly #server: string;

  /** @param server of this process, the same after a restart: the archive is in its data directory */
  constructor(postgres: Postgres, server: string) {
    this.#postgres = postgres;
    this.#server = server;
  }

  /** @throws TenantryError CONFLICT while one of the same tenant is under way */
  async ask(actor: StaffActor, tenantId: TenantId, question: RestoreQuestion): Promise<TenantRestore> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [row] = await transaction.query<Row>(
        `insert into tenantry.tenant_restores (tenant_id, question, asked_by, kept_by) values ($1, $2::jsonb, $3, $4)
         on conflict (tenant_id) where state in ('waiting', 'running') do nothing returning ${COLUMNS}`,
        [tenantId, JSON.stringify(question), actor.subject, this.#server],
      );
      if (row === undefined) {
        throw new TenantryError('CONFLICT', 'A restore of this tenant is under way already.', {
          hint: 'GET /v1/tenant-restores shows how far it is.',
        });
      }
      await transaction.audit({
        ...{ action: 'tenant-restore.ask', resource: `tenant-restore/${row.id}`, tenantId },
        after: question,
      });
      return restoreOf(row);
    });
  }

  /** Newest first. */
  async list(actor: StaffActor, limit: number): Promise<readonly TenantRestore[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Row>(
        `select ${COLUMNS} from tenantry.tenant_restores order by asked_at desc, restore_id limit $1`,
        [limit],
      ),
    );
    return rows.map(restoreOf);
  }

  async get(actor: StaffActor, id: string): Promise<TenantRestore | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Row>(`select ${COLUMNS} from tenantry.tenant_restores where restore_id = $1`, [id]),
    );
    return row === undefined ? undefined : restoreOf(row);
  }

  /** Takes the oldest of this server that waits, or that it was at when it ended; undefined: there is none. */
  async take(): Promise<(TenantRestore & { readonly steps: readonly string[] }) | undefined> {
    return this.#asRunner('who asked is audited; when it is begun is a matter of chance', async (transaction) => {
      await transaction.query(
        `update tenantry.tenant_restores set state = 'failed', ended_at = clock_timestamp(),
           error = 'The server ended ' || attempts || ' times while it ran. Its log says why.'
         where state = 'running' and kept_by = $1 and attempts >= $2`,
        [this.#server, MOST_ATTEMPTS],
      );
      const [row] = await transaction.query<Row & { steps: string[] }>(
        `update tenantry.tenant_restores set state = 'running', attempts = attempts + 1
         where restore_id = (select restore_id from tenantry.tenant_restores
                             where kept_by = $1 and state in ('waiting', 'running')
                             order by asked_at limit 1 for update skip locked)
         returning ${COLUMNS}, steps`,
        [this.#server],
      );
      return row === undefined ? undefined : { ...restoreOf(row), steps: row.steps };
    });
  }

  /** Keeps that a step is behind it. False: it is gone, and is not to go on. */
  async stepped(id: string, step: string, progress: JobProgress): Promise<boolean> {
    return this.#asRunner('progress', (transaction) => steppedIn(transaction, id, step, progress));
  }

  async end(id: string, outcome: { readonly report: RestoreReport } | { readonly error: string }): Promise<void> {
    const isDone = 'report' in outcome;
    await this.#postgres.inStaffTransaction(RUNNER, async (transaction) => {
      const [row] = await transaction.query<Row>(
        `update tenantry.tenant_restores set state = $2, error = $3, report = $4::jsonb, ended_at = clock_timestamp()
         where restore_id = $1 and state = 'running' returning ${COLUMNS}`,
        [
          ...[id, isDone ? 'done' : 'failed', isDone ? null : outcome.error.slice(0, ERROR_MAX)],
          isDone ? JSON.stringify(outcome.report) : null,
        ],
      );
      if (row === undefined) transaction.unaudited('it was ended meanwhile');
      else {
        await transaction.audit({
          ...{ action: 'tenant-restore.end', resource: `tenant-restore/${id}`, tenantId: row.tenantId },
          after: { state: row.state, error: row.error },
        });
      }
    });
  }

  /** Whose archives in this server's data directory are still needed. */
  async foldersInUse(): Promise<ReadonlySet<string>> {
    const rows = await this.#asRunner('nothing is changed', (transaction) =>
      transaction.query<{ folder: string }>(
        `select question -> 'source' ->> 'folder' as folder from tenantry.tenant_restores
         where kept_by = $1 and state in ('waiting', 'running') and question -> 'source' ? 'folder'`,
        [this.#server],
      ),
    );
    return new Set(rows.map(({ folder }) => folder));
  }

  #asRunner<T>(why: string, work: (transaction: StaffTransaction) => Promise<T>): Promise<T> {
    return this.#postgres.inStaffTransaction(RUNNER, (transaction) => {
      transaction.unaudited(why);
      return work(transaction);
    });
  }
}

/** The same within a transaction that does the step itself: either both are there or neither. */
export async function steppedIn(
  transaction: Pick<StaffTransaction, 'query'>,
  id: string,
  step: string,
  progress: JobProgress,
): Promise<boolean> {
  const rows = await transaction.query(
    `update tenantry.tenant_restores set steps = steps || $2::text, progress = $3::jsonb
     where restore_id = $1 and state = 'running' returning 1`,
    [id, step, JSON.stringify(progress)],
  );
  return rows.length > 0;
}

function restoreOf({ progress, ...row }: Row): TenantRestore {
  return { ...row, progress: { ...NO_PROGRESS, ...progress } };
}
