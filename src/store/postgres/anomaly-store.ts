import type { Actor, StaffActor } from '../../domain/actor.ts';
import type { Anomaly } from '../../domain/anomaly.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';

const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };
const OWN_RECORD = 'findings are their own record; what follows from them is audited';

export type ListedAnomaly = Anomaly & { readonly throttleId: string | null };

const COLUMNS = `a.id, a.tenant_id as "tenantId", a.metric, ${unixMs('a.started_at')} as "startedAt",
  ${unixMs('a.detected_at')} as "detectedAt", ${unixMs('a.ended_at')} as "endedAt",
  a.value, a.baseline, a.ratio, a.rule, a.reason`;

/** What the detector has found. One finding at most is open per tenant, metric and rule, whoever writes. */
export class AnomalyStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Stores a finding. If one is open already for its tenant, metric and rule (a detector that restarted finds it anew), that
   * one is brought up to date and returned: go on with the id that comes back.
   */
  async open(anomaly: Anomaly): Promise<Anomaly> {
    return this.#postgres.inStaffTransaction(DETECTOR, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      await enterTenants(transaction, [anomaly.tenantId]);
      const [stored] = await transaction.query<Anomaly>(
        `insert into tenantry.anomalies as a
           (id, tenant_id, metric, started_at, detected_at, ended_at, value, baseline, ratio, rule, reason)
         values ($1, $2, $3, ${fromUnixMs('$4')}, ${fromUnixMs('$5')}, ${fromUnixMs('$6')}, $7, $8, $9, $10, $11)
         on conflict (tenant_id, metric, rule) where ended_at is null
         do update set value = excluded.value, baseline = excluded.baseline, ratio = excluded.ratio,
                       reason = excluded.reason
         returning ${COLUMNS}`,
        [
          anomaly.id,
          anomaly.tenantId,
          anomaly.metric,
          anomaly.startedAt,
          anomaly.detectedAt,
          anomaly.endedAt,
          anomaly.value,
          anomaly.baseline,
          anomaly.ratio,
          anomaly.rule,
          anomaly.reason,
        ],
      );
      if (stored === undefined) throw new TenantryError('INTERNAL', 'The finding just written cannot be read');
      return stored;
    });
  }

  /** New figures of an open finding. False if it is not open (any more). */
  async update(anomaly: Anomaly): Promise<boolean> {
    return this.#change(anomaly, null);
  }

  /** Ends an open finding with its last figures; `endedAt` is Unix ms. False if it is not open (any more). */
  async close(anomaly: Anomaly, endedAt: number): Promise<boolean> {
    return this.#change(anomaly, endedAt);
  }

  /** Findings that are open now, as a detector needs them after a restart. */
  async openOnes(): Promise<readonly Anomaly[]> {
    return this.#postgres.inStaffTransaction(DETECTOR, (transaction) =>
      transaction.query<Anomaly>(
        `select ${COLUMNS} from tenantry.anomalies a where ended_at is null order by started_at, id`,
      ),
    );
  }

  /** Those of the given findings that the actor may see, in no order. */
  async byIds(actor: StaffActor, ids: readonly string[]): Promise<readonly Anomaly[]> {
    if (ids.length === 0) return [];
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Anomaly>(`select ${COLUMNS} from tenantry.anomalies a where id = any($1::uuid[])`, [ids]),
    );
  }

  /** Newest first; those that overlap the half-open window. Tenant actors get their own only. */
  async list(
    actor: Actor,
    filter: { window: Window; tenantId?: TenantId; limit: number },
  ): Promise<readonly ListedAnomaly[]> {
    const seesAll = actor.kind === 'staff' || actor.kind === 'system';
    const tenant = seesAll ? filter.tenantId : actor.tenantId;
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<ListedAnomaly>(
        `select ${COLUMNS}, (
           select f.id from tenantry.flags f
           where f.anomaly_id = a.id and f.tenant_id = a.tenant_id and f.kind = 'throttle'
           order by f.revision desc limit 1) as "throttleId"
         from tenantry.anomalies a
         where ($1::text is null or a.tenant_id = $1)
           and a.started_at < ${fromUnixMs('$3')} and (a.ended_at is null or a.ended_at > ${fromUnixMs('$2')})
         order by a.started_at desc, a.id limit $4`,
        [tenant ?? null, filter.window.from, filter.window.to, filter.limit],
      ),
    );
  }

  async #change(anomaly: Anomaly, endedAt: number | null): Promise<boolean> {
    return this.#postgres.inStaffTransaction(DETECTOR, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const rows = await transaction.query(
        `update tenantry.anomalies
         set value = $3, baseline = $4, ratio = $5, reason = $6,
             ended_at = case when $7::float8 is not null then greatest(started_at, ${fromUnixMs('$7')}) end
         where id = $1 and tenant_id = $2 and ended_at is null returning id`,
        [anomaly.id, anomaly.tenantId, anomaly.value, anomaly.baseline, anomaly.ratio, anomaly.reason, endedAt],
      );
      return rows.length > 0;
    });
  }
}
