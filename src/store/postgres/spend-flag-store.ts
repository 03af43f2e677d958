import type { StaffActor } from '../../domain/actor.ts';
import type { DegradeStep } from '../../domain/flags.ts';
import { SPEND_LADDER, type SpendAlert } from '../../domain/spend.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction } from './transaction.ts';

/** Flags of anybody else are people's, and are left alone. */
const LADDER: StaffActor = { kind: 'system', subject: SPEND_LADDER };
const IN_FORCE = 'lifted_at is null and expires_at > clock_timestamp()';
/** The longest period: what a person lifted before it does not count any more. */
const REMEMBERED = '32 days';

export interface DegradeFlagState {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly feature: string;
  readonly step: DegradeStep;
  readonly ours: boolean;
  /** Unix ms. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly liftedByPerson: boolean;
}

export type DegradeChange =
  | {
      readonly kind: 'set';
      readonly feature: string;
      readonly step: DegradeStep;
      readonly reason: string;
      readonly expiresAt: number;
      readonly replaces: string | undefined;
    }
  | { readonly kind: 'renew'; readonly id: string; readonly expiresAt: number }
  | { readonly kind: 'lift'; readonly id: string; readonly why: string };

/** Degrade flags that follow from spend, and the alerts that go with them. */
export class SpendFlagStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Degrade flags in force for AI of these tenants, and those of ours that a person lifted lately. */
  async flagsOf(tenants: readonly TenantId[]): Promise<readonly DegradeFlagState[]> {
    const rows = await this.#postgres.inStaffTransaction(LADDER, (transaction) =>
      transaction.query<DegradeFlagState>(
        `select id, tenant_id as "tenantId", scope ->> 'feature' as feature, value ->> 'step' as step,
                created_by = $2 as ours, ${unixMs('created_at')} as "createdAt", ${unixMs('expires_at')} as "expiresAt",
                lifted_at is not null as "liftedByPerson"
         from tenantry.flags
         where tenant_id = any($1) and kind = 'degrade' and (scope ->> 'feature' = 'ai' or scope ->> 'feature' like 'ai.%')
           and (${IN_FORCE} or (created_by = $2 and lifted_by <> $2 and created_at > clock_timestamp() - $3::interval))`,
        [tenants, LADDER.subject, REMEMBERED],
      ),
    );
    return rows;
  }

  /** Tenants for which a flag of ours is in force. */
  async degradedTenants(): Promise<readonly TenantId[]> {
    const rows = await this.#postgres.inStaffTransaction(LADDER, (transaction) =>
      transaction.query<{ tenant_id: TenantId }>(
        `select distinct tenant_id from tenantry.flags where kind = 'degrade' and created_by = $1 and ${IN_FORCE}`,
        [LADDER.subject],
      ),
    );
    return rows.map((row) => row.tenant_id);
  }

  /**
   * Carries changes out in one revision. What a person did meanwhile wins: a flag that was lifted is not renewed, and
   * none is set beside a person's.
   */
  async change(tenantId: TenantId, changes: readonly DegradeChange[]): Promise<void> {
    if (changes.length === 0) return;
    await this.#postgres.inStaffTransaction(LADDER, async (transaction) => {
      const revision = await nextRevision(transaction, 'flags');
      transaction.unaudited('renewals change nothing that people decide on; what is set or lifted is audited below');
      for (const change of changes) await carryOut(transaction, tenantId, change, revision);
    });
  }

  /** Notes alerts. @returns those that nobody had noted before */
  async addAlerts(alerts: readonly SpendAlert[]): Promise<readonly SpendAlert[]> {
    if (alerts.length === 0) return [];
    return this.#postgres.inStaffTransaction(LADDER, async (transaction) => {
      transaction.unaudited('alerts are a record of their own');
      const fresh: SpendAlert[] = [];
      for (const alert of alerts) {
        const rows = await transaction.query(
          `insert into tenantry.spend_alerts
             (tenant_id, period, key, model, period_start, percent, amount_micro, used_micro, step, reason, at)
           values ($1, $2, $3, $4, ${fromUnixMs('$5')}, $6, $7, $8, $9, $10, clock_timestamp())
           on conflict do nothing returning 1 as noted`,
          [
            alert.tenantId,
            alert.period,
            alert.key ?? '',
            alert.model ?? '',
            alert.periodStart,
            alert.percent,
            alert.amountMicro,
            alert.usedMicro,
            alert.step,
            alert.reason,
          ],
        );
        if (rows.length > 0) fresh.push(alert);
      }
      return fresh;
    });
  }
}

async function carryOut(
  transaction: StaffTransaction,
  tenantId: TenantId,
  change: DegradeChange,
  revision: number,
): Promise<void> {
  switch (change.kind) {
    case 'renew':
      await transaction.query(
        `update tenantry.flags set expires_at = ${fromUnixMs('$3')}, revision = $4
         where tenant_id = $1 and id = $2 and ${IN_FORCE} and ${fromUnixMs('$3')} > expires_at`,
        [tenantId, change.id, change.expiresAt, revision],
      );
      return;
    case 'lift':
      await lift(transaction, tenantId, change.id, revision);
      await transaction.audit({
        action: 'degrade.lift',
        resource: `degrade/${change.id}`,
        tenantId,
        after: { revision, why: change.why },
      });
      return;
    case 'set':
      await set(transaction, tenantId, change, revision);
      return;
  }
}

async function lift(transaction: StaffTransaction, tenantId: TenantId, id: string, revision: number): Promise<void> {
  await transaction.query(
    `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = $3, lifted_revision = $4
     where tenant_id = $1 and id = $2 and ${IN_FORCE}`,
    [tenantId, id, LADDER.subject, revision],
  );
}

async function set(
  transaction: StaffTransaction,
  tenantId: TenantId,
  { feature, step, reason, expiresAt, replaces }: Extract<DegradeChange, { kind: 'set' }>,
  revision: number,
): Promise<void> {
  if (replaces !== undefined) await lift(transaction, tenantId, replaces, revision);
  const [flag] = await transaction.query<{ id: string }>(
    `with moment as materialized (select clock_timestamp() as at)
     insert into tenantry.flags (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
     select $1, 'degrade', jsonb_build_object('feature', $2::text), jsonb_build_object('step', $3::text), 'enforce', $4, $5,
            at, ${fromUnixMs('$6')}, $7 from moment
     where ${fromUnixMs('$6')} > at and not exists (
       select from tenantry.flags
       where tenant_id = $1 and kind = 'degrade' and scope ->> 'feature' = $2 and created_by <> $5 and ${IN_FORCE})
     returning id`,
    [tenantId, feature, step, reason.slice(0, 1_000), LADDER.subject, expiresAt, revision],
  );
  if (flag === undefined) return;
  await transaction.audit({
    action: 'degrade.set',
    resource: `degrade/${flag.id}`,
    tenantId,
    after: { feature, step, reason, expiresAt, revision, replaces },
  });
}
