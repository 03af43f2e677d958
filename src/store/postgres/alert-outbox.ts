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
 * told again, once for each such death; receivers see the same message under the same key every time. A lease is fenced
 * by its token.
 */
import { randomUUID } from 'node:crypto';
import type { Alert, AlertEvent, AlertNotice } from '../../domain/alert.ts';
import { ALERT_COLUMNS, ALERTING, databaseNow, OWN_RECORD } from './alert-rows.ts';
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
  | { readonly kind: 'sent'; readonly repeatAt: number | null; readonly shortfall?: string }
  | { readonly kind: 'again'; readonly dueAt: number; readonly error: string }
  | { readonly kind: 'dead'; readonly error: string };

/** A receiver that hangs must not keep the others waiting. */
const MOST_PER_ROUTE = 100;
const MOST_AT_ONCE = 400;

/** Messages that routes may be told now: as many as `byRoute` says, else as many as `byChannel` does. */
export interface ClaimAllowance {
  readonly byRoute: Readonly<Record<string, number>>;
  readonly byChannel: Readonly<Record<string, number>>;
}

/** What waits to be told. */
export interface OutboxDepth {
  /** Notices that may be told, those that failed and will be tried again among them. */
  readonly waiting: number;
  /** How long the oldest of them has been due, in seconds; 0 when none is. */
  readonly oldestSeconds: number;
}

interface ClaimedRow extends Alert {
  readonly noticeId: string;
  readonly routeId: string;
  readonly groupKey: string;
  readonly event: AlertEvent;
  readonly attempts: number;
  readonly firstDueAt: number;
  readonly messageKey: string;
  readonly firstMessageKey: string | null;
}

/** Of `tenantry.alert_notices n`: nobody wants to hear of it now. */
const MUTED = `(n.event = 'trigger' and exists (
  select from tenantry.alert_mutes m join tenantry.alerts a on a.id = n.alert_id
  where m.tenant_id = n.tenant_id and m.expires_at > clock_timestamp() and (m.kind is null or m.kind = a.kind)))`;

/**
 * Each group of a route is a message while the route may be told as many; the other groups share one, so that a storm
 * is told whole with the messages that are left. A channel of one alert a message is given as many as it may have.
 */
const CLAIM = `
  with due as (
    select id, 'msg_' || md5($3::uuid || route_id::text || event || case
        when takes_one then id::text when message_place <= allowed then group_key else '' end) as fresh_key
    from (
      select n.*, r.channel = 'pagerduty' as takes_one,
             coalesce(($5::jsonb ->> n.route_id::text)::int, ($6::jsonb ->> r.channel)::int) as allowed,
             row_number() over (partition by n.route_id order by n.message_key is null, n.due_at, n.id) as place,
             dense_rank() over (partition by n.route_id
               order by n.message_key is null, n.message_key, n.event, n.group_key) as message_place
      from tenantry.alert_notices n join tenantry.alert_routes r on r.id = n.route_id
      where n.state = 'waiting' and n.due_at <= clock_timestamp()
        and (n.leased_until is null or n.leased_until < clock_timestamp())
        -- Never "resolved" before "triggered".
        and not exists (
          select from tenantry.alert_notices e
          where e.alert_id = n.alert_id and e.route_id = n.route_id and e.state = 'waiting'
            and array_position(array['trigger', 'acknowledge', 'resolve'], e.event)
              < array_position(array['trigger', 'acknowledge', 'resolve'], n.event))
        and not ${MUTED}
    ) ranked
    where allowed > 0 and place <= case when takes_one then least($1, allowed) else $1 end
      -- A message that was tried before stays the message that it was, and waits until there is room for it.
      and (takes_one or message_key is null or message_place <= allowed)
  ), held as (
    select id from tenantry.alert_notices
    where id in (select id from due) and state = 'waiting' and due_at <= clock_timestamp()
      and (leased_until is null or leased_until < clock_timestamp())
    order by message_key is null, due_at, id limit $2 for update skip locked
  ), claimed as (
    update tenantry.alert_notices n
    set lease_token = $3, leased_until = clock_timestamp() + make_interval(secs => $4), attempts = attempts + 1,
        message_key = coalesce(n.message_key, due.fresh_key)
    from held join due using (id) where n.id = held.id
    returning n.*
  )
  select c.id as "noticeId", c.route_id as "routeId", c.group_key as "groupKey", c.event, c.attempts,
         ${unixMs('c.first_due_at')} as "firstDueAt", c.message_key as "messageKey",
         (select t.first_message_key from tenantry.alert_notices t
          where t.alert_id = c.alert_id and t.route_id = c.route_id and t.event = 'trigger') as "firstMessageKey",
         ${ALERT_COLUMNS}
  from claimed c join tenantry.alerts a on a.id = c.alert_id order by c.first_due_at, c.id`;

const FINISH = `
  update tenantry.alert_notices n
  set lease_token = null, leased_until = null,
      -- A trigger that was on its way when its alert ended, or was taken on, is not tried or repeated again.
      state = case when f.kind = 'dead' then 'dead'
                   when f.kind = 'sent' and (f.repeat_at is null or a.ended_at is not null) then 'sent'
                   when f.kind = 'again' and n.event = 'trigger' and a.ended_at is not null then 'cancelled'
                   else 'waiting' end,
      told_at = case when f.kind = 'sent' then clock_timestamp() else n.told_at end,
      attempts = case when f.kind = 'sent' and f.repeat_at is not null then 0 else n.attempts end,
      -- A repetition is another message.
      message_key = case when f.kind = 'sent' and f.repeat_at is not null then null else n.message_key end,
      first_message_key = case when f.kind = 'sent' then coalesce(n.first_message_key, n.message_key)
                               else n.first_message_key end,
      due_at = coalesce(${fromUnixMs('coalesce(f.again_at, f.repeat_at)')}, n.due_at),
      first_due_at = coalesce(${fromUnixMs('f.repeat_at')}, n.first_due_at),
      failed_at = case when f.error is null then n.failed_at else clock_timestamp() end,
      error = coalesce(f.error, n.error)
  from tenantry.alerts a,
       unnest($2::uuid[], $3::text[], $4::float8[], $5::float8[], $6::text[]) f (id, kind, again_at, repeat_at, error)
  where n.id = f.id and n.lease_token = $1 and a.id = n.alert_id returning n.id`;

export class AlertOutbox {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Takes what is due and what `allowance` has room for; nobody else gets it for `leaseSeconds`. */
  async claim(leaseSeconds: number, { byRoute, byChannel }: ClaimAllowance): Promise<Claim> {
    const token = randomUUID();
    return this.#postgres.inStaffTransaction(ALERTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const limits = [JSON.stringify(byRoute), JSON.stringify(byChannel)];
      const rows = await transaction.query<ClaimedRow>(CLAIM, [
        ...[MOST_PER_ROUTE, MOST_AT_ONCE, token, leaseSeconds],
        ...limits,
      ]);
      const notices = rows.map(
        ({ noticeId, routeId, groupKey, event, attempts, firstDueAt, messageKey, firstMessageKey, ...alert }) => ({
          ...{ id: noticeId, routeId, groupKey, event, attempts, firstDueAt, messageKey, firstMessageKey, alert },
        }),
      );
      return { token, now: await databaseNow(transaction), notices };
    });
  }

  /** What waits to be told by all routes together. */
  async depth(): Promise<OutboxDepth> {
    const [row] = await this.#postgres.inStaffTransaction(ALERTING, (transaction) =>
      transaction.query<OutboxDepth>(
        `select count(*)::int as waiting,
                coalesce(extract(epoch from clock_timestamp() - min(n.first_due_at)), 0)::float8 as "oldestSeconds"
         from tenantry.alert_notices n
         where n.state = 'waiting' and n.first_due_at <= clock_timestamp() and not ${MUTED}`,
      ),
    );
    return row ?? { waiting: 0, oldestSeconds: 0 };
  }

  /**
   * Says what came of a claimed notice, and gives it back.
   * @returns false when the lease was lost to somebody else, whose word counts then
   */
  async finish(token: string, noticeId: string, result: NoticeResult): Promise<boolean> {
    return (await this.finishAll(token, [{ noticeId, result }])) === 1;
  }

  /** The same for all notices of a message at once. @returns for how many of them the lease still held */
  async finishAll(
    token: string,
    finished: readonly { readonly noticeId: string; readonly result: NoticeResult }[],
  ): Promise<number> {
    const column = <T>(of: (result: NoticeResult) => T) => finished.map(({ result }) => of(result));
    return this.#postgres.inStaffTransaction(ALERTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const rows = await transaction.query(FINISH, [
        token,
        finished.map(({ noticeId }) => noticeId),
        column(({ kind }) => kind),
        column((result) => (result.kind === 'again' ? result.dueAt : null)),
        column((result) => (result.kind === 'sent' ? result.repeatAt : null)),
        column((result) => (result.kind === 'sent' ? result.shortfall : result.error)?.slice(0, 300) ?? null),
      ]);
      return rows.length;
    });
  }
}
