import type { StaffActor } from '../../domain/actor.ts';
import type { PromotionEvidence, RuleStage, Stage, TenantStage } from '../../domain/automation.ts';
import { TenantryError } from '../../domain/errors.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction } from './transaction.ts';

const POLICY: StaffActor = { kind: 'system', subject: 'policy' };

/** One step of a rule as it was taken. Unix ms. */
export interface StageStep {
  readonly rule: string;
  readonly stage: Stage;
  readonly by: string;
  readonly at: number;
  readonly reason: string;
  readonly approvedBy: string | null;
  readonly backtestId: string | null;
  readonly unprovenBecause: string | null;
  readonly evidence: PromotionEvidence;
}

export interface KnownRule {
  readonly rule: string;
  readonly firstSeenAt: number;
}

const STEP = `rule, stage, by, ${unixMs('at')} as at, reason, approved_by as "approvedBy", backtest_id as "backtestId",
  unproven_because as "unprovenBecause", evidence`;
const TENANT = `tenant_id as "tenantId", stage, by, ${unixMs('at')} as at, reason`;

/** How far rules, and with which tenants automation, may go. Steps of rules are kept for ever. */
export class PromotionStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Notes rules that run here for the first time: their time in shadow counts from now. */
  async meet(rules: readonly string[]): Promise<void> {
    await this.#postgres.inStaffTransaction(POLICY, async (transaction) => {
      transaction.unaudited('rules are noted when they first run');
      await transaction.query(
        'insert into tenantry.rules (rule) select unnest($1::text[]) on conflict (rule) do nothing',
        [rules],
      );
    });
  }

  async rules(actor: StaffActor): Promise<readonly KnownRule[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<KnownRule>(
        `select rule, ${unixMs('first_seen_at')} as "firstSeenAt" from tenantry.rules order by rule`,
      ),
    );
  }

  /**
   * Where each rule stands; those that nobody has moved are absent. A proof is there only if it is of the rule as it is
   * now: `hashes` are those of today, by rule.
   */
  async current(actor: StaffActor, hashes: ReadonlyMap<string, string>): Promise<readonly RuleStage[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Omit<RuleStage, 'backtest'> & ProofRow>(
        `select distinct on (s.rule) s.rule, s.stage, s.by, ${unixMs('s.at')} as at, s.reason,
                s.approved_by as "approvedBy", s.unproven_because as "unprovenBecause", b.rule_hash as "ruleHash",
                ${unixMs('b.ended_at')} as "endedAt", b.result -> 'precision' as precision,
                b.result -> 'falsePerThousandTenantDays' as false_ones
         from tenantry.rule_stages s left join tenantry.backtests b on b.id = s.backtest_id and b.state = 'done'
         order by s.rule, s.at desc`,
      ),
    );
    return rows.map(({ ruleHash, endedAt, precision, false_ones: falseOnes, ...stage }) => {
      const isOfNow = ruleHash !== null && hashes.get(stage.rule) === ruleHash;
      const isProof = isOfNow && endedAt !== null && precision !== null && falseOnes !== null;
      return {
        ...stage,
        backtest: isProof ? { at: endedAt, precision, falsePerThousandTenantDays: falseOnes } : null,
      };
    });
  }

  /** Every step of a rule, newest first. */
  async steps(actor: StaffActor, rule: string, limit: number): Promise<readonly StageStep[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<StageStep>(
        `select ${STEP} from tenantry.rule_stages where rule = $1 order by rule_stages.at desc limit $2`,
        [rule, limit],
      ),
    );
  }

  /** Throttles of a rule's findings that were written since a time (Unix ms), by mode. */
  async throttlesSince(
    actor: StaffActor,
    rule: string,
    since: number,
  ): Promise<{ readonly shadow: number; readonly enforce: number }> {
    const [row] = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<{ shadow: number; enforce: number }>(
        `select (count(*) filter (where f.mode = 'shadow'))::int as shadow,
                (count(*) filter (where f.mode = 'enforce'))::int as enforce
         from tenantry.flags f join tenantry.anomalies a on a.id = f.anomaly_id and a.tenant_id = f.tenant_id
         where f.kind = 'throttle' and a.rule = $1 and f.created_at >= ${fromUnixMs('$2')}`,
        [rule, since],
      ),
    );
    return row ?? { shadow: 0, enforce: 0 };
  }

  /** Takes a step. Whether it may be taken is for the caller to know. */
  async step(actor: StaffActor, step: Omit<StageStep, 'by' | 'at'>): Promise<StageStep> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      insertStep(transaction, { ...step, by: actor.subject }),
    );
  }

  async tenantStages(actor: StaffActor): Promise<readonly TenantStage[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<TenantStage>(`select ${TENANT} from tenantry.tenant_stages order by tenant_id`),
    );
  }

  /** @throws TenantryError BAD_REQUEST for a malformed tenant id */
  async putTenantStage(actor: StaffActor, tenantId: TenantId, stage: Stage, reason: string): Promise<TenantStage> {
    if (!isTenantId(tenantId)) throw new TenantryError('BAD_REQUEST', 'The tenant id is malformed');
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      const [stored] = await transaction.query<TenantStage>(
        `insert into tenantry.tenant_stages (tenant_id, stage, by, reason) values ($1, $2, $3, $4)
         on conflict (tenant_id) do update set stage = excluded.stage, by = excluded.by, reason = excluded.reason,
           at = clock_timestamp()
         returning ${TENANT}`,
        [tenantId, stage, actor.subject, reason],
      );
      if (stored === undefined) throw new TenantryError('INTERNAL', 'The stage just written cannot be read');
      const resource = `tenant-stage/${tenantId}`;
      await transaction.audit({ action: 'tenant_stage.put', resource, tenantId, after: stored });
      return stored;
    });
  }

  /** False if the tenant had none of its own. */
  async removeTenantStage(actor: StaffActor, tenantId: TenantId): Promise<boolean> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [before] = await transaction.query<TenantStage>(
        `delete from tenantry.tenant_stages where tenant_id = $1 returning ${TENANT}`,
        [tenantId],
      );
      if (before === undefined) transaction.unaudited('there was nothing to remove');
      else {
        const resource = `tenant-stage/${tenantId}`;
        await transaction.audit({ action: 'tenant_stage.remove', resource, tenantId, before });
      }
      return before !== undefined;
    });
  }
}

interface ProofRow {
  readonly ruleHash: string | null;
  readonly endedAt: number | null;
  readonly precision: number | null;
  readonly false_ones: number | null;
}

/** Writes one step into a transaction of the caller's, with its audit record. */
export async function insertStep(transaction: StaffTransaction, step: Omit<StageStep, 'at'>): Promise<StageStep> {
  const { rule, stage, by, reason, approvedBy, backtestId, unprovenBecause, evidence } = step;
  const [before] = await transaction.query<{ stage: Stage }>(
    'select stage from tenantry.rule_stages where rule = $1 order by at desc limit 1',
    [rule],
  );
  await transaction.query('insert into tenantry.rules (rule) values ($1) on conflict (rule) do nothing', [rule]);
  const [stored] = await transaction.query<StageStep>(
    `insert into tenantry.rule_stages (rule, stage, by, reason, approved_by, backtest_id, unproven_because, evidence)
     values ($1, $2, $3, $4, $5, $6::uuid, $7, $8::jsonb) returning ${STEP}`,
    [rule, stage, by, reason, approvedBy, backtestId, unprovenBecause, JSON.stringify(evidence)],
  );
  if (stored === undefined) throw new TenantryError('INTERNAL', 'The step just written cannot be read');
  const resource = `rule/${rule}`;
  await transaction.audit({ action: 'rule_stage.step', resource, before: before ?? { stage: null }, after: stored });
  return stored;
}
