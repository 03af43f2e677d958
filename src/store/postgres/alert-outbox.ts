/**
 * The outbox of alerts. A notice:
 *
 *   waiting -> claimed (lease) -> sent                        told
 *                              -> waiting, later              failed, or to be repeated
 *                              -> dead                        given up; people see the error
 *                              -> claimed by another          the lease ran out: its holder died
 *           -> cancelled                                      over or acknowledged before it was told
 *
 * Told at least once: a worker that dies after the receiver took a notice and before it said so here leaves it to be
 * told again; receivers have the same idempotency key both times. A lease is fenced by its token.
 */
import { randomUUID } from 'node:crypto';
import type { Alert, AlertEvent, AlertNotice } from '../../domain/alert.ts';
import { ALERT_COLUMNS, ALERTING, OWN_RECORD } from './alert-rows.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';

export interface Claim {
  readonly token: string;
  /** Unix ms on the database's clock. */
  readonly now: number;
  readonly notices: readonly AlertNotice[];
}

export type NoticeResult =
  /** `repeatAt`: tell it again then (Unix ms); null: it is done. */
  | { readonly kind: 'sent'; readonly repeatAt: number | null }
  | { readonly kind: 'again'; readonly dueAt: number; readonly error: string }
  | { readonly kind: 'dead'; readonly error: string };

/** A receiver that hangs must not keep the others waiting. */
const MOST_PER_ROUTE = 25;
const MOST_AT_ONCE = 100;

interface ClaimedRow extends Alert {
  readonly noticeId: string;
  readonly routeId: string;
  readonly groupKey: string;
  readonly event: AlertEvent;
  readonly attempts: number;
  readonly firstDueAt: number;
}

const CLAIM = `
  with due as (
    select id from (
      select n.id, row_number() over (partition by n.route_id order by n.due_at, n.id) as place
      from tenantry.alert_notices n
      where n.state = 'waiting' and n.due_at <= clock_timestamp()
        and (n.leased_until is null or n.leased_until < clock_timestamp())
        -- Never "resolved" before "triggered".
        and not exists (
          select from tenantry.alert_notices e
          where e.alert_id = n.alert_id and e.route_id = n.route_id and e.state = 'waiting'
            and array_position(array['trigger', 'acknowledge', 'resolve'], e.event)
              < array_position(array['trigger', 'acknowledge', 'resolve'], n.event))
        and not (n.event = 'trigger' and exists (
          select from tenantry.alert_mutes m
          join tenantry.alerts a on a.id = n.alert_id
          where m.tenant_id = n.tenant_id and m.expires_at > clock_timestamp() and (m.kind is null or m.kind = a.kind)))
    ) ranked where place <= $1
  ), held as (
    select id from tenantry.alert_notices
    where id in (select id from due) and state = 'waiting' and due_at <= clock_timestamp()
      and (leased_until is null or leased_until < clock_timestamp())
    order by due_at, id limit $2 for update skip locked
  ), claimed as (
    update tenantry.alert_notices n
    set lease_token = $3, leased_until = clock_timestamp() + make_interval(secs => $4), attempts = attempts + 1
    from held where n.id = held.id
    returning n.*
  )
  select c.id as "noticeId", c.route_id as "routeId", c.group_key as "groupKey", c.event, c.attempts,
         ${unixMs('c.first_due_at')} as "firstDueAt", ${ALERT_COLUMNS}
  from claimed c join tenantry.alerts a on a.id = c.alert_id order by c.first_due_at, c.id`;

export class AlertOutbox {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Takes what is due; nobody else gets it for `leaseSeconds`. */
  async claim(leaseSeconds: number): Promise<Claim> {
    const token = randomUUID();
    return this.#postgres.inStaffTransaction(ALERTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const rows = await transaction.query<ClaimedRow>(CLAIM, [MOST_PER_ROUTE, MOST_AT_ONCE, token, leaseSeconds]);
      const [clock] = await transaction.query<{ now: number }>(`select ${unixMs('clock_timestamp()')} as now`);
      const notices = rows.map(({ noticeId, routeId, groupKey, event, attempts, firstDueAt, ...alert }) => ({
        ...{ id: noticeId, routeId, groupKey, event, attempts, firstDueAt, alert },
      }));
      return { token, now: clock?.now ?? Number.NaN, notices };
    });
  }

  /**
   * Says what came of a claimed notice, and gives it back.
   * @returns false when the lease was lost to somebody else, whose word counts then
   */
  async finish(token: string, noticeId: string, result: NoticeResult): Promise<boolean> {
    return this.#postgres.inStaffTransaction(ALERTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const again = result.kind === 'again' ? result.dueAt : null;
      const repeat = result.kind === 'sent' ? result.repeatAt : null;
      const rows = await transaction.query(
        `update tenantry.alert_notices n
         set lease_token = null, leased_until = null,
             -- A trigger that was on its way when its alert ended, or was taken on, is not tried or repeated again.
             state = case when $3 = 'dead' then 'dead'
                          when $3 = 'sent' and ($5::float8 is null or a.ended_at is not null) then 'sent'
                          when $3 = 'again' and n.event = 'trigger' and a.ended_at is not null then 'cancelled'
                          else 'waiting' end,
             told_at = case when $3 = 'sent' then clock_timestamp() else n.told_at end,
             attempts = case when $3 = 'sent' and $5::float8 is not null then 0 else n.attempts end,
             due_at = coalesce(${fromUnixMs('coalesce($4::float8, $5::float8)')}, n.due_at),
             first_due_at = coalesce(${fromUnixMs('$5')}, n.first_due_at),
             failed_at = case when $3 = 'sent' then n.failed_at else clock_timestamp() end,
             error = case when $3 = 'sent' then n.error else $6 end
         from tenantry.alerts a
         where n.id = $1 and n.lease_token = $2 and a.id = n.alert_id returning n.id`,
        [noticeId, token, result.kind, again, repeat, result.kind === 'sent' ? null : result.error.slice(0, 300)],
      );
      return rows.length > 0;
    });
  }
}
