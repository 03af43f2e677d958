import type { StaffActor } from '../../domain/actor.ts';
import type { Backtest, BacktestQuestion, BacktestResult } from '../../domain/backtest.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import { isUuid } from './uuid.ts';

const RUNNER: StaffActor = { kind: 'system', subject: 'backtests' };
/** A server that says nothing for so long while it runs one has died. */
const SILENT = `interval '2 minutes'`;
const ERROR_MAX = 300;
/** Waiting and running ones; more are refused rather than queued for hours. */
const MOST_OPEN = 5;

const COLUMNS = `id, rule, rule_hash as "ruleHash", source, state, question, progress, result, error,
  asked_by as "askedBy", ${unixMs('asked_at')} as "askedAt", ${unixMs('ended_at')} as "endedAt"`;

/** Replays of history: what was asked, how far each has come, what came of it. */
export class BacktestStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Asks for one; some server runs it.
   * @throws TenantryError RATE_LIMITED while too many wait
   */
  async ask(actor: StaffActor, rule: string, ruleHash: string, question: BacktestQuestion): Promise<Backtest> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [open] = await transaction.query<{ n: number }>(
        `select count(*)::int as n from tenantry.backtests where state in ('waiting', 'running')`,
      );
      if ((open?.n ?? 0) >= MOST_OPEN) {
        throw new TenantryError('RATE_LIMITED', `${MOST_OPEN} backtests wait already.`, {
          hint: 'Wait until one has ended; GET /v1/backtests shows how far they are.',
        });
      }
      const [stored] = await transaction.query<Backtest>(
        `insert into tenantry.backtests (rule, rule_hash, source, state, question, asked_by)
         values ($1, $2, 'api', 'waiting', $3::jsonb, $4) returning ${COLUMNS}`,
        [rule, ruleHash, JSON.stringify(question), actor.subject],
      );
      if (stored === undefined) throw new TenantryError('INTERNAL', 'The backtest just written cannot be read');
      await transaction.audit({ action: 'backtest.ask', resource: `backtest/${stored.id}`, after: stored });
      return stored;
    });
  }

  /** Writes down one that ran elsewhere. */
  async record(
    actor: StaffActor,
    one: Pick<Backtest, 'rule' | 'ruleHash' | 'question'> & { readonly result: BacktestResult },
  ): Promise<Backtest> {
    const { rule, ruleHash, question, result } = one;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [stored] = await transaction.query<Backtest>(
        `insert into tenantry.backtests (rule, rule_hash, source, state, question, progress, result, asked_by, ended_at)
         values ($1, $2, 'command', 'done', $3::jsonb, 1, $4::jsonb, $5, clock_timestamp()) returning ${COLUMNS}`,
        [rule, ruleHash, JSON.stringify(question), JSON.stringify(result), actor.subject],
      );
      if (stored === undefined) throw new TenantryError('INTERNAL', 'The backtest just written cannot be read');
      await transaction.audit({ action: 'backtest.record', resource: `backtest/${stored.id}`, after: stored });
      return stored;
    });
  }

  /** Newest first. */
  async list(
    actor: StaffActor,
    { rule, limit }: { readonly rule?: string; readonly limit: number },
  ): Promise<readonly Backtest[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Backtest>(
        `select ${COLUMNS} from tenantry.backtests where $1::text is null or rule = $1
         order by asked_at desc, id limit $2`,
        [rule ?? null, limit],
      ),
    );
  }

  async get(actor: StaffActor, id: string): Promise<Backtest | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Backtest>(`select ${COLUMNS} from tenantry.backtests where id = $1`, [id]),
    );
    return row;
  }

  /** The newest finished one of a rule as it is now; undefined: there is none. */
  async newest(actor: StaffActor, rule: string, ruleHash: string): Promise<Backtest | undefined> {
    const [row] = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Backtest>(
        `select ${COLUMNS} from tenantry.backtests
         where state = 'done' and rule = $1 and rule_hash = $2 order by ended_at desc limit 1`,
        [rule, ruleHash],
      ),
    );
    return row;
  }

  /** False if it is over already or there is none. */
  async cancel(actor: StaffActor, id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const rows = await transaction.query(
        `update tenantry.backtests set state = 'cancelled', ended_at = clock_timestamp()
         where id = $1 and state in ('waiting', 'running') returning id`,
        [id],
      );
      if (rows.length === 0) transaction.unaudited('there was nothing to cancel');
      else await transaction.audit({ action: 'backtest.cancel', resource: `backtest/${id}` });
      return rows.length > 0;
    });
  }

  /** Takes the oldest that waits, or one whose server has died; undefined: none does. Two servers never take the same. */
  async take(): Promise<Backtest | undefined> {
    const [row] = await this.#postgres.inStaffTransaction(RUNNER, (transaction) => {
      transaction.unaudited('who asked is audited; who runs it is a matter of chance');
      return transaction.query<Backtest>(
        `update tenantry.backtests set state = 'running', progress = 0, beat_at = clock_timestamp()
         where id = (select id from tenantry.backtests
                     where state = 'waiting' or (state = 'running' and beat_at < clock_timestamp() - ${SILENT})
                     order by asked_at limit 1 for update skip locked)
         returning ${COLUMNS}`,
      );
    });
    return row;
  }

  /** Says how far it is, 0 to 1. False: it was cancelled, and is not to go on. */
  async beat(id: string, progress: number): Promise<boolean> {
    const rows = await this.#postgres.inStaffTransaction(RUNNER, (transaction) => {
      transaction.unaudited('progress');
      return transaction.query(
        `update tenantry.backtests set progress = $2, beat_at = clock_timestamp()
         where id = $1 and state = 'running' returning id`,
        [id, Math.min(1, Math.max(0, progress))],
      );
    });
    return rows.length > 0;
  }

  async end(id: string, outcome: { readonly result: BacktestResult } | { readonly error: string }): Promise<void> {
    const isDone = 'result' in outcome;
    await this.#postgres.inStaffTransaction(RUNNER, async (transaction) => {
      const rows = await transaction.query(
        `update tenantry.backtests set state = $2, result = $3::jsonb, error = $4, ended_at = clock_timestamp(),
           progress = case when $2 = 'done' then 1 else progress end
         where id = $1 and state = 'running' returning id`,
        [
          id,
          isDone ? 'done' : 'failed',
          isDone ? JSON.stringify(outcome.result) : null,
          isDone ? null : outcome.error.slice(0, ERROR_MAX),
        ],
      );
      if (rows.length === 0) transaction.unaudited('it was cancelled meanwhile');
      else await transaction.audit({ action: 'backtest.end', resource: `backtest/${id}`, after: outcome });
    });
  }
}
