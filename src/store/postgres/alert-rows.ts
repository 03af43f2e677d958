/** Columns and rows of alerts, as several stores read them. */
import type { StaffActor } from '../../domain/actor.ts';
import type { Alert } from '../../domain/alert.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';

/** Who writes alerts and the outbox. */
export const ALERTING: StaffActor = { kind: 'system', subject: 'alerts' };
export const OWN_RECORD = 'alerts and their notices are their own record; what people do about them is audited';

/** Columns of `tenantry.alerts a` in the shape of `Alert`. */
export const ALERT_COLUMNS = `a.id, a.tenant_id as "tenantId", a.plan, a.kind, a.key, a.severity, a.title, a.reason,
  a.link, ${unixMs('a.started_at')} as "startedAt", ${unixMs('a.ended_at')} as "endedAt",
  ${unixMs('a.acked_at')} as "ackedAt", a.acked_by as "ackedBy"`;

/** The alert, held until the transaction ends: whoever changes an alert or its notices takes it first. */
export async function lockAlert(transaction: Transaction, id: string): Promise<Alert | undefined> {
  const [alert] = await transaction.query<Alert>(
    `select ${ALERT_COLUMNS} from tenantry.alerts a where id = $1 for update`,
    [id],
  );
  return alert;
}

/** The database's clock, Unix ms: servers' own may differ. */
export async function databaseNow(transaction: Transaction): Promise<number> {
  const [row] = await transaction.query<{ now: number }>(`select ${unixMs('clock_timestamp()')} as now`);
  return row?.now ?? Number.NaN;
}
