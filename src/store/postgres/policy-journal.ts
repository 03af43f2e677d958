import { randomUUID } from 'node:crypto';
import type { StaffActor } from '../../domain/actor.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';

const POLICY: StaffActor = { kind: 'system', subject: 'policy' };
const OWN_RECORD = 'decisions are their own record; what they do to tenants is audited where it is done';
/** Long enough to look into a complaint of last month. */
const KEEP_DAYS = 90;

/** What was decided about one tenant. Times are Unix ms, P95s ms. */
export interface StoredDecision {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly at: number;
  readonly kind: 'throttle' | 'alert' | 'lift' | 'ask';
  readonly heldBackBy: readonly string[];
  readonly explanation: string;
  readonly anomalyId: string | null;
  readonly flagId: string | null;
  readonly victimsP95Before: number | null;
  readonly victimsP95After: number | null;
}

/** The situation and decision of one tick, as JSON; `policy`: which version decided. */
export interface DecisionInput {
  readonly id: string;
  readonly at: number;
  readonly policy: string;
  readonly situation: unknown;
  readonly decision: unknown;
}

/** Every decision with what it was made from, and what came of it. */
export class PolicyJournal {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Stores one tick's situation, and drops what is older than is kept. @returns its id */
  async addInput({ at, policy, situation, decision }: Omit<DecisionInput, 'id'>): Promise<string> {
    const id = randomUUID();
    await this.#postgres.inStaffTransaction(POLICY, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      await transaction.query(
        `delete from tenantry.decision_inputs where at < clock_timestamp() - make_interval(days => $1)`,
        [KEEP_DAYS],
      );
      await transaction.query(
        `insert into tenantry.decision_inputs (id, at, policy, situation, decision)
         values ($1, ${fromUnixMs('$2')}, $3, $4::jsonb, $5::jsonb)`,
        [id, at, policy, JSON.stringify(situation), JSON.stringify(decision)],
      );
    });
    return id;
  }

  async add(inputId: string, decision: Omit<StoredDecision, 'id' | 'victimsP95After'>): Promise<void> {
    const { tenantId, at, kind, heldBackBy, explanation, anomalyId, flagId, victimsP95Before } = decision;
    await this.#postgres.inStaffTransaction(POLICY, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      await transaction.query(
        `insert into tenantry.decisions
           (tenant_id, at, kind, held_back_by, explanation, anomaly_id, flag_id, input_id, victims_p95_before)
         values ($1, ${fromUnixMs('$2')}, $3, $4, $5, $6, $7, $8, $9)`,
        [tenantId, at, kind, heldBackBy, explanation, anomalyId, flagId, inputId, victimsP95Before],
      );
    });
  }

  /** How the victims fared when each of these throttles was set; those without measured victims are absent. */
  async victimsBefore(flagIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (flagIds.length === 0) return new Map();
    const rows = await this.#postgres.inReadTransaction(POLICY, (transaction) =>
      transaction.query<{ flag_id: string; before: number }>(
        `select flag_id, victims_p95_before as before from tenantry.decisions
         where flag_id = any($1::uuid[]) and kind = 'throttle' and victims_p95_before is not null`,
        [flagIds],
      ),
    );
    return new Map(rows.map((row) => [row.flag_id, row.before]));
  }

  /** How the victims of a throttle fare now; the last word before it ends stays. */
  async noteEffect(flagId: string, p95Ms: number): Promise<void> {
    await this.#postgres.inStaffTransaction(POLICY, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      await transaction.query(
        `update tenantry.decisions set victims_p95_after = $2 where flag_id = $1 and kind = 'throttle'`,
        [flagId, p95Ms],
      );
    });
  }

  /** Newest first. */
  async list(
    actor: StaffActor,
    { tenantId, limit }: { readonly tenantId?: TenantId; readonly limit: number },
  ): Promise<readonly StoredDecision[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<StoredDecision>(
        `select id, tenant_id as "tenantId", ${unixMs('at')} as at, kind, held_back_by as "heldBackBy", explanation,
                anomaly_id as "anomalyId", flag_id as "flagId", victims_p95_before as "victimsP95Before",
                victims_p95_after as "victimsP95After"
         from tenantry.decisions where ($1::text is null or tenant_id = $1) order by at desc, id limit $2`,
        [tenantId ?? null, limit],
      ),
    );
  }

  /** What the decision with this id was made from. */
  async input(actor: StaffActor, decisionId: string): Promise<DecisionInput | undefined> {
    const [row] = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<DecisionInput>(
        `select i.id, ${unixMs('i.at')} as at, i.policy, i.situation, i.decision
         from tenantry.decision_inputs i join tenantry.decisions d on d.input_id = i.id where d.id = $1::uuid`,
        [decisionId],
      ),
    );
    return row;
  }
}
