import type { SpendAlert } from '../../domain/spend.ts';
import { ALERTING } from './alert-rows.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';

/** The largest number of thresholds that are watched at a time. */
const MOST = 5_000;

/**
 * Thresholds that were reached in a period that still runs, under a cap that still has the amount they were reached
 * at: with a new period or a raised cap they are over.
 */
export async function standingSpendAlerts(postgres: Postgres): Promise<readonly SpendAlert[]> {
  return postgres.inStaffTransaction(ALERTING, (transaction) =>
    transaction.query<SpendAlert>(
      `select s.tenant_id as "tenantId", s.period, nullif(s.key, '') as key, nullif(s.model, '') as model,
              ${unixMs('s.period_start')} as "periodStart", s.percent, s.amount_micro::float8 as "amountMicro",
              s.used_micro::float8 as "usedMicro", s.step, s.reason, ${unixMs('s.at')} as at
       from tenantry.spend_alerts s
       join tenantry.spend_accounts a using (tenant_id, period, key, model, period_start)
       where a.period_end > clock_timestamp() and s.at > clock_timestamp() - interval '32 days'
         and (exists (select from tenantry.caps c
                      where c.tenant_id = s.tenant_id and c.period = s.period and c.key = s.key and c.model = s.model
                        and c.amount_micro = s.amount_micro)
           or exists (select from tenantry.plan_caps p join tenantry.tenants t on t.plan = p.plan
                      where t.tenant_id = s.tenant_id and p.period = s.period and p.key = s.key and p.model = s.model
                        and p.amount_micro = s.amount_micro))
       order by s.at desc limit $1`,
      [MOST],
    ),
  );
}
