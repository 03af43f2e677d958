import type { StaffActor } from '../../domain/actor.ts';
import type {
  QueryAuditReport,
  QueryAuditState,
  StatementCounts,
  StatementSnapshot,
} from '../../domain/query-audit.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';

const AUDITOR: StaffActor = { kind: 'system', subject: 'query-audit' };
const OWN_MEMORY = 'what a look at a database found decides nothing by itself';

/** Counters alone: statements come again with every look, and their texts may hold values. */
export type CounterSnapshot = Omit<StatementSnapshot, 'statements'> & {
  readonly statements: readonly Pick<StatementCounts, 'key' | 'calls' | 'totalMs' | 'rows'>[];
};

/** What was found in the operator's databases, by target. */
export class QueryAuditStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async list(actor: StaffActor): Promise<readonly QueryAuditState[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<QueryAuditState>(
        `select target, ${unixMs('checked_at')} as "checkedAt", problem, report from tenantry.query_audits order by target`,
      ),
    );
  }

  async snapshot(target: string): Promise<CounterSnapshot | undefined> {
    const [row] = await this.#postgres.inStaffTransaction(AUDITOR, (transaction) =>
      transaction.query<{ snapshot: CounterSnapshot | null }>(
        'select snapshot from tenantry.query_audits where target = $1',
        [target],
      ),
    );
    return row?.snapshot ?? undefined;
  }

  async save(target: string, at: number, snapshot: CounterSnapshot, report: QueryAuditReport): Promise<void> {
    await this.#write(
      `insert into tenantry.query_audits as a (target, checked_at, problem, snapshot, report)
       values ($1, to_timestamp($2::float8 / 1000), null, $3, $4)
       on conflict (target) do update set checked_at = excluded.checked_at, problem = null,
         snapshot = excluded.snapshot, report = excluded.report`,
      [target, at, JSON.stringify(snapshot), JSON.stringify(report)],
    );
  }

  /** The last report stays. */
  async fail(target: string, at: number, problem: string): Promise<void> {
    await this.#write(
      `insert into tenantry.query_audits as a (target, checked_at, problem)
       values ($1, to_timestamp($2::float8 / 1000), left($3, 2000))
       on conflict (target) do update set checked_at = excluded.checked_at, problem = excluded.problem`,
      [target, at, problem],
    );
  }

  /** Forgets databases that nobody asks for any more. */
  async keepOnly(targets: readonly string[]): Promise<void> {
    await this.#write('delete from tenantry.query_audits where target <> all($1::text[])', [[...targets]]);
  }

  async #write(text: string, values: readonly unknown[]): Promise<void> {
    await this.#postgres.inStaffTransaction(AUDITOR, async (transaction) => {
      transaction.unaudited(OWN_MEMORY);
      await transaction.query(text, values);
    });
  }
}
