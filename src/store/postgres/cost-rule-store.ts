import type { StaffActor } from '../../domain/actor.ts';
import type { AllocationRule, AllocationRules } from '../../domain/cost-rule.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';

const COLUMNS = `version, rules, comment, created_by as "createdBy", ${unixMs('created_at')} as "createdAt"`;
/** Any constant: versions are numbered one after the other. */
const RULES_LOCK = 7_070_015;
const MOST_VERSIONS = 200;

/** Before anybody wrote rules: everything is unallocated, which is true. */
const NO_RULES: AllocationRules = { version: 0, rules: [], comment: null, createdBy: 'system', createdAt: 0 };

/** The rules by which bills are shared out, every version of them. */
export class CostRuleStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** The newest version, or the one asked for; undefined if there is no such version. */
  async rules(actor: StaffActor, version?: number): Promise<AllocationRules | undefined> {
    if (version === 0) return NO_RULES;
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) => read(transaction, version));
    return rows[0] ?? (version === undefined ? NO_RULES : undefined);
  }

  /** Newest first. */
  async versions(actor: StaffActor): Promise<readonly Omit<AllocationRules, 'rules'>[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<Omit<AllocationRules, 'rules'>>(
        `select version, comment, created_by as "createdBy", ${unixMs('created_at')} as "createdAt"
         from tenantry.allocation_rules order by version desc limit $1`,
        [MOST_VERSIONS],
      ),
    );
  }

  /**
   * Makes the next version. Bills keep the shares they have until they are allocated again.
   * @throws TenantryError CONFLICT when `basedOn` is not the newest version: somebody else changed the rules meanwhile
   */
  async change(
    actor: StaffActor,
    change: { readonly basedOn: number; readonly rules: readonly AllocationRule[]; readonly comment: string | null },
  ): Promise<AllocationRules> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await transaction.query('select pg_advisory_xact_lock($1)', [RULES_LOCK]);
      const [newest = NO_RULES] = await read(transaction, undefined);
      if (newest.version !== change.basedOn) {
        throw new TenantryError('CONFLICT', `The rules are at version ${newest.version} now, not ${change.basedOn}.`, {
          hint: 'GET /v1/allocation-rules, put your change into what it answers, and send that.',
        });
      }
      const [made] = await transaction.query<AllocationRules>(
        `insert into tenantry.allocation_rules (version, rules, comment, created_by)
         values ($1, $2::jsonb, $3, $4) returning ${COLUMNS}`,
        [newest.version + 1, JSON.stringify(change.rules), change.comment, actor.subject],
      );
      if (made === undefined) throw new TenantryError('INTERNAL', 'The rules just written cannot be read');
      await transaction.audit({
        action: 'allocation-rules.change',
        resource: `allocation-rules/${made.version}`,
        before: { version: newest.version, rules: newest.rules },
        after: { version: made.version, rules: made.rules, comment: made.comment },
      });
      return made;
    });
  }
}

function read(transaction: Transaction, version: number | undefined): Promise<readonly AllocationRules[]> {
  return transaction.query<AllocationRules>(
    `select ${COLUMNS} from tenantry.allocation_rules where $1::int is null or version = $1 order by version desc limit 1`,
    [version ?? null],
  );
}
