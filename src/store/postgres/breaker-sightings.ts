import type { Actor, StaffActor } from '../../domain/actor.ts';
import type { BreakerPhase, BreakerReport, BreakerSighting, WireBreaker } from '../../domain/breaker.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { SECOND_MS } from '../../domain/window.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';

const REPORTS: StaffActor = { kind: 'system', subject: 'breaker-reports' };
/** Open breakers are told every 30 s: an instance that missed three is gone, and its word with it. */
const OPEN_KEPT_SECONDS = 90;
/** Closed ones are told once, and are kept for as long as flapping looks back. */
const CLOSED_KEPT_SECONDS = 600;
const OPENINGS_KEPT = 50;
const OPENINGS_KEPT_SECONDS = 3_600;
const PRUNE_EVERY_MS = 30 * SECOND_MS;
/** More rows than people can look at; the figures of a page are made of these. */
const READ_MAX = 20_000;

interface SightingRow {
  readonly tenant_id: string;
  readonly integration: string;
  readonly service: string;
  readonly instance_id: string;
  readonly state: BreakerPhase;
  readonly since_ms: number;
  readonly calls: number;
  readonly failures: number;
  readonly last_error: string | null;
  readonly openings: readonly { readonly at: number }[];
  readonly reported_ms: number;
}

export interface SightingFilter {
  readonly tenantId: TenantId | undefined;
  readonly integration: string | undefined;
}

/** What app instances say of their breakers: the last word of each, until it expires. Times are the database's. */
export class BreakerSightings {
  readonly #postgres: Postgres;
  readonly #monotonicMs: () => number;
  #prunedAt = Number.NEGATIVE_INFINITY;

  constructor(postgres: Postgres, monotonicMs: () => number = () => performance.now()) {
    this.#postgres = postgres;
    this.#monotonicMs = monotonicMs;
  }

  /** Takes the breakers of one instance in. A breaker named twice: the later word stands. */
  async report(keyId: string, { instance_id, service, breakers }: Omit<BreakerReport, 'lost'>): Promise<void> {
    const last = new Map(breakers.map((breaker) => [`${breaker.tenant_id}\n${breaker.integration}`, breaker]));
    await this.#postgres.inStaffTransaction(REPORTS, async (transaction) => {
      transaction.unaudited('reports come from machines, many a minute, and say what is rather than what was changed');
      if (last.size > 0) await upsert(transaction, [keyId, service, instance_id], [...last.values()]);
      await this.#prune(transaction);
    });
  }

  /** What has not expired. Tenant actors get their own only, whatever they ask for. */
  async list(actor: Actor, { tenantId, integration }: SightingFilter): Promise<readonly BreakerSighting[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<SightingRow>(
        `select tenant_id, integration, service, instance_id, state, ${unixMs('since')} as since_ms,
                calls::float8 as calls, failures::float8 as failures, last_error, openings,
                ${unixMs('reported_at')} as reported_ms
         from tenantry.breaker_sightings
         where expires_at > clock_timestamp() and ($1::text is null or tenant_id = $1)
           and ($2::text is null or integration = $2)
         order by state = 'closed', reported_at desc limit $3`,
        [tenantId ?? null, integration ?? null, READ_MAX],
      ),
    );
    return rows.map(toSighting);
  }

  async #prune(transaction: Transaction): Promise<void> {
    const now = this.#monotonicMs();
    if (now - this.#prunedAt < PRUNE_EVERY_MS) return;
    this.#prunedAt = now;
    await transaction.query('delete from tenantry.breaker_sightings where expires_at <= clock_timestamp()');
  }
}

/**
 * Openings are numbered by the process that reports them, and told until a report of them was answered: the number
 * tells a repeat from a new one, so that a lost answer never makes a breaker look as if it flapped.
 */
async function upsert(
  transaction: Transaction,
  source: readonly [keyId: string, service: string, instanceId: string],
  breakers: readonly WireBreaker[],
): Promise<void> {
  const rows = breakers.map(({ openings, last_error, ...breaker }) => ({
    ...breaker,
    last_error: last_error ?? null,
    openings,
  }));
  await transaction.query(
    `with moment as materialized (select clock_timestamp() as at)
     insert into tenantry.breaker_sightings as s
       (key_id, service, instance_id, tenant_id, integration, state, since, calls, failures, last_error, openings,
        reported_at, expires_at)
     select $1, $2, $3, r.tenant_id, r.integration, r.state, at - make_interval(secs => r.since_ms / 1000), r.calls,
            r.failures, r.last_error,
            (select coalesce(jsonb_agg(jsonb_build_object(
               'number', o.number, 'at', ${unixMs('at')} - o.ms_ago) order by o.number), '[]')
             from jsonb_to_recordset(r.openings) as o (number bigint, ms_ago float8)),
            at, at + make_interval(secs => case r.state when 'closed' then ${CLOSED_KEPT_SECONDS} else ${OPEN_KEPT_SECONDS} end)
     from moment, jsonb_to_recordset($4::jsonb) as r
       (tenant_id text, integration text, state text, since_ms float8, calls bigint, failures bigint, last_error text,
        openings jsonb)
     on conflict (tenant_id, integration, service, instance_id) do update set
       key_id = excluded.key_id, state = excluded.state, since = excluded.since, calls = excluded.calls,
       failures = excluded.failures, last_error = coalesce(excluded.last_error, s.last_error),
       reported_at = excluded.reported_at, expires_at = excluded.expires_at,
       openings = (
         select coalesce(jsonb_agg(kept.opening order by kept.number), '[]')
         from (select distinct on (number) (o ->> 'number')::bigint as number, o as opening
               from jsonb_array_elements(s.openings || excluded.openings) o
               where (o ->> 'at')::float8 > ${unixMs('excluded.reported_at')} - ${OPENINGS_KEPT_SECONDS * SECOND_MS}
               order by number desc, (o ->> 'at')::float8 limit ${OPENINGS_KEPT}) kept)`,
    [...source, JSON.stringify(rows)],
  );
}

function toSighting(row: SightingRow): BreakerSighting {
  return {
    tenantId: row.tenant_id,
    integration: row.integration,
    service: row.service,
    instanceId: row.instance_id,
    state: row.state,
    since: row.since_ms,
    calls: row.calls,
    failures: row.failures,
    lastError: row.last_error,
    openings: row.openings.map(({ at }) => at),
    reportedAt: row.reported_ms,
  };
}
