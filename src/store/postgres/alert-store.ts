import type { Actor, StaffActor } from '../../domain/actor.ts';
import type { Alert, AlertCondition, AlertKind, AlertRoute } from '../../domain/alert.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import { readRoutes } from './alert-route-store.ts';
import { ALERT_COLUMNS, ALERTING, databaseNow, lockAlert, OWN_RECORD } from './alert-rows.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

/** When a route's group was told last, and when it will be next. Unix ms. */
interface GroupState {
  readonly waitingDueAt: number | null;
  readonly lastSentAt: number | null;
}

/** Decides who hears of a new alert; pure, called inside the transaction that writes it. */
export type NoticePlan = (
  alert: Alert,
  routes: readonly AlertRoute[],
  context: { readonly groupState: (routeId: string, groupKey: string) => GroupState; readonly now: number },
) => readonly { readonly routeId: string; readonly groupKey: string; readonly dueAt: number }[];

type AlertStatus = 'open' | 'acknowledged' | 'ended';

export interface AlertFilter {
  readonly window: Window;
  readonly tenantId?: TenantId;
  readonly kind?: AlertKind;
  readonly status?: AlertStatus;
  readonly limit: number;
}

/** A notice as people see it: to which route, and what became of it. */
export interface NoticeState {
  readonly alertId: string;
  readonly routeId: string;
  readonly event: 'trigger' | 'acknowledge' | 'resolve';
  readonly state: 'waiting' | 'sent' | 'dead' | 'cancelled';
  readonly attempts: number;
  readonly dueAt: number;
  readonly toldAt: number | null;
  readonly error: string | null;
}

const KEPT_DAYS = 30;
/** What of a route's triggers it may have heard of: an attempt that failed can have arrived all the same. */
const MAY_BE_TOLD = `event = 'trigger' and (told_at is not null or (attempts > 0 and state <> 'dead'))`;
const NOT_ON_ITS_WAY = `state = 'waiting' and (leased_until is null or leased_until < clock_timestamp())`;

/** Alerts, and the notices that follow from their changes: each change and its notices are one transaction. */
export class AlertStore {
  readonly #postgres: Postgres;
  readonly #plan: NoticePlan;

  constructor(postgres: Postgres, plan: NoticePlan) {
    this.#postgres = postgres;
    this.#plan = plan;
  }

  /** Alerts that are not over, oldest first. */
  async open(): Promise<readonly Alert[]> {
    return this.#postgres.inStaffTransaction(ALERTING, (transaction) =>
      transaction.query<Alert>(
        `select ${ALERT_COLUMNS} from tenantry.alerts a where ended_at is null order by raised_at, id`,
      ),
    );
  }

  /**
   * Raises an alert; one that is open for the same thing takes over the condition's words and severity instead and is
   * told again. Safe to repeat, and from several servers at once.
   */
  async raise(condition: AlertCondition): Promise<Alert> {
    return this.#postgres.inStaffTransaction(ALERTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const { tenantId, kind, key, severity, title, reason, link, startedAt } = condition;
      const [row] = await transaction.query<{ id: string }>(
        `insert into tenantry.alerts as a (tenant_id, plan, kind, key, severity, title, reason, link, started_at)
         values ($1, (select plan from tenantry.tenants where tenant_id = $1), $2, $3, $4, $5, $6, $7, ${fromUnixMs('$8')})
         on conflict (tenant_id, kind, key) where ended_at is null
         do update set severity = excluded.severity, title = excluded.title, reason = excluded.reason,
                       link = excluded.link
         where a.severity <> excluded.severity
         returning id`,
        [tenantId, kind, key, severity, title.slice(0, 200), reason.slice(0, 1_000), link, startedAt],
      );
      // Nothing written: another server has raised the very same.
      const alert = row === undefined ? await openAlert(transaction, condition) : await lockAlert(transaction, row.id);
      if (alert === undefined) throw new TenantryError('CONFLICT', 'The alert ended while it was being raised');
      if (row !== undefined) await this.#notify(transaction, alert);
      return alert;
    });
  }

  /** Ends an alert. Routes that may have heard of it hear that it is over; for the others it never was. */
  async resolve(id: string): Promise<boolean> {
    return this.#postgres.inStaffTransaction(ALERTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const alert = await lockAlert(transaction, id);
      if (alert === undefined || alert.endedAt !== null) return false;
      await transaction.query('update tenantry.alerts set ended_at = clock_timestamp() where id = $1', [id]);
      await addFollowUp(transaction, id, 'resolve', 'true');
      await transaction.query(
        `update tenantry.alert_notices set state = 'cancelled'
         where alert_id = $1 and event <> 'resolve' and ${NOT_ON_ITS_WAY}`,
        [id],
      );
      return true;
    });
  }

  /**
   * Somebody has taken it on: no escalation and no repetition any more. Undefined if there is no open alert with this
   * id; one that was acknowledged before stays with whom it was.
   */
  async acknowledge(actor: StaffActor, id: string): Promise<Alert | undefined> {
    if (!isUuid(id)) return undefined;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const alert = await lockAlert(transaction, id);
      if (alert === undefined || alert.endedAt !== null || alert.ackedAt !== null) {
        transaction.unaudited('it was only looked at, under a lock');
        return alert?.endedAt === null ? alert : undefined;
      }
      await transaction.query('update tenantry.alerts set acked_at = clock_timestamp(), acked_by = $2 where id = $1', [
        id,
        actor.subject,
      ]);
      await addFollowUp(transaction, id, 'acknowledge', `channel <> 'alertmanager'`);
      await transaction.query(
        `update tenantry.alert_notices n set state = 'cancelled' from tenantry.alert_routes r
         where n.alert_id = $1 and n.event = 'trigger' and r.id = n.route_id and r.channel <> 'alertmanager'
           and ${NOT_ON_ITS_WAY}`,
        [id],
      );
      await transaction.audit({
        action: 'alert.acknowledge',
        resource: `alert/${id}`,
        ...(alert.tenantId.startsWith('(') ? {} : { tenantId: alert.tenantId as TenantId }),
        after: { kind: alert.kind, title: alert.title },
      });
      return lockAlert(transaction, id);
    });
  }

  /** Newest first; those that overlap the half-open window. */
  async list(actor: StaffActor, filter: AlertFilter): Promise<readonly Alert[]> {
    const { window, tenantId, kind, status, limit } = filter;
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<Alert>(
        `select ${ALERT_COLUMNS} from tenantry.alerts a
         where a.started_at < ${fromUnixMs('$2')} and (a.ended_at is null or a.ended_at > ${fromUnixMs('$1')})
           and ($3::text is null or a.tenant_id = $3) and ($4::text is null or a.kind = $4)
           and ($5::text is null or $5 = case when a.ended_at is not null then 'ended'
                                              when a.acked_at is not null then 'acknowledged' else 'open' end)
         order by a.raised_at desc, a.id limit $6`,
        [window.from, window.to, tenantId ?? null, kind ?? null, status ?? null, limit],
      ),
    );
  }

  /** What became of the notices of these alerts. */
  async notices(actor: Actor & StaffActor, alertIds: readonly string[]): Promise<readonly NoticeState[]> {
    if (alertIds.length === 0) return [];
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<NoticeState>(
        `select alert_id as "alertId", route_id as "routeId", event, state, attempts, ${unixMs('due_at')} as "dueAt",
                ${unixMs('told_at')} as "toldAt", error
         from tenantry.alert_notices where alert_id = any($1::uuid[]) order by first_due_at, id`,
        [alertIds],
      ),
    );
  }

  /** Forgets what has long been over. @returns how many alerts */
  async prune(): Promise<number> {
    return this.#postgres.inStaffTransaction(ALERTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const rows = await transaction.query(
        `delete from tenantry.alerts where ended_at < clock_timestamp() - make_interval(days => $1) returning id`,
        [KEPT_DAYS],
      );
      await transaction.query(
        `delete from tenantry.alert_mutes where expires_at < clock_timestamp() - make_interval(days => $1)`,
        [KEPT_DAYS],
      );
      return rows.length;
    });
  }

  async #notify(transaction: StaffTransaction, alert: Alert): Promise<void> {
    const routes = (await readRoutes(transaction)).map((route) =>
      // Somebody has it in hand already: it grew graver, which is told, but there is nobody left to wake.
      alert.ackedAt === null ? route : { ...route, escalation: null },
    );
    const states = await transaction.query<GroupState & { routeId: string; groupKey: string }>(
      `select route_id as "routeId", group_key as "groupKey",
              ${unixMs(`min(due_at) filter (where state = 'waiting' and attempts = 0 and told_at is null and event = 'trigger')`)}
                as "waitingDueAt",
              ${unixMs('max(told_at)')} as "lastSentAt"
       from tenantry.alert_notices
       where state = 'waiting' or told_at > clock_timestamp() - interval '1 day' group by 1, 2`,
    );
    const known = new Map(states.map((state) => [JSON.stringify([state.routeId, state.groupKey]), state]));
    const planned = this.#plan(alert, routes, {
      groupState: (routeId, groupKey) =>
        known.get(JSON.stringify([routeId, groupKey])) ?? { waitingDueAt: null, lastSentAt: null },
      now: await databaseNow(transaction),
    });
    for (const { routeId, groupKey, dueAt } of planned) {
      // A route deleted meanwhile inserts nothing: the share lock makes the deletion wait for this transaction.
      await transaction.query(
        `insert into tenantry.alert_notices as n (tenant_id, alert_id, route_id, group_key, event, due_at, first_due_at)
         select $1, $2, id, $4, 'trigger', ${fromUnixMs('$5')}, ${fromUnixMs('$5')}
         from tenantry.alert_routes where id = $3
         on conflict (alert_id, route_id, event) do update
         set state = 'waiting', group_key = excluded.group_key, due_at = excluded.due_at,
             first_due_at = excluded.first_due_at,
             -- One that is on its way tells of what was less grave: its word counts no more, but it may arrive.
             lease_token = null, leased_until = null, attempts = least(n.attempts, 1),
             first_message_key = coalesce(n.first_message_key, n.message_key), message_key = null`,
        [alert.tenantId, alert.id, routeId, groupKey, dueAt],
      );
    }
  }
}

async function openAlert(
  transaction: Transaction,
  { tenantId, kind, key }: AlertCondition,
): Promise<Alert | undefined> {
  const [alert] = await transaction.query<Alert>(
    `select ${ALERT_COLUMNS} from tenantry.alerts a where tenant_id = $1 and kind = $2 and key = $3 and ended_at is null`,
    [tenantId, kind, key],
  );
  return alert;
}

/** A further event for every route that may have heard of the trigger. `where` is constant SQL about the route. */
async function addFollowUp(
  transaction: Transaction,
  alertId: string,
  event: 'acknowledge' | 'resolve',
  where: string,
): Promise<void> {
  await transaction.query(
    `insert into tenantry.alert_notices (tenant_id, alert_id, route_id, group_key, event, due_at, first_due_at)
     select n.tenant_id, n.alert_id, n.route_id, n.group_key, $2, clock_timestamp(), clock_timestamp()
     from tenantry.alert_notices n join tenantry.alert_routes r on r.id = n.route_id
     where n.alert_id = $1 and ${MAY_BE_TOLD} and ${where}
     on conflict do nothing`,
    [alertId, event],
  );
}
