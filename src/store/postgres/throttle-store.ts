import type { Actor, StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { EnforcementMode, ThrottleLimit, ThrottleScope } from '../../domain/flags.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import type { NewThrottle, ThrottleAck, ThrottleRecord } from '../../domain/throttle-record.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';
import { unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

/** Also a CHECK of the table: no flag may outlive a day. */
const LONGEST_SECONDS = 86_400;
const IN_FORCE = 'lifted_at is null and expires_at > clock_timestamp()';

/** Instances that said they obeyed the flag while it was in force, each with the first time that it did. */
const ACKS = `coalesce((
  select jsonb_agg(jsonb_build_object('instanceId', instance_id, 'service', service, 'ackedAt', acked_ms)
                   order by first_at, instance_id)
  from (select instance_id, service, min(acked_at) as first_at, ${unixMs('min(acked_at)')} as acked_ms
        from tenantry.flag_acks a
        where a.revision >= f.revision and (f.lifted_revision is null or a.revision < f.lifted_revision)
          and a.acked_at < f.expires_at and coalesce(f.scope ->> 'service', a.service) = a.service
        group by instance_id, service) first_acks), '[]')`;

interface ThrottleRow {
  readonly id: string;
  readonly tenant_id: TenantId;
  readonly scope: ThrottleScope;
  readonly value: ThrottleLimit;
  readonly mode: EnforcementMode;
  readonly reason: string;
  readonly created_by: string;
  readonly created_ms: number;
  readonly expires_ms: number;
  readonly lifted_ms: number | null;
  readonly lifted_by: string | null;
  readonly anomaly_id: string | null;
  readonly revision: string;
  readonly acks: readonly ThrottleAck[];
}

/**
 * Throttles: flags that slow one tenant down. Their times are the database's: expiry is counted from the moment of
 * writing on its clock, and a flag past its expiry is over whether or not anybody cleans up.
 */
export class ThrottleStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Puts a throttle in force. One that is in force for the same tenant and scope is lifted in the same transaction, so
   * that an app never has two limits for one request.
   * @throws TenantryError BAD_REQUEST for values outside the table's bounds or an anomaly that is not this tenant's,
   *   CONFLICT for an automatic one (with an anomaly) that a person has forbidden since it was decided
   */
  async create(actor: StaffActor, throttle: NewThrottle): Promise<ThrottleRecord> {
    refuseInvalid(throttle);
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [throttle.tenantId]);
      const revision = await nextRevision(transaction, 'flags');
      if (throttle.anomalyId !== undefined) await refuseAgainstPeople(transaction, actor, throttle.tenantId);
      const replaced = await liftSame(transaction, actor, throttle, revision);
      const record = await insertThrottle(transaction, actor, throttle, revision);
      await transaction.audit({
        action: 'throttle.create',
        resource: `throttle/${record.flag.id}`,
        tenantId: throttle.tenantId,
        after: { ...throttle, expiresAt: record.flag.expiresAt, revision, replaced },
      });
      return record;
    });
  }

  /** Newest first. Tenant actors get their own only, whatever they ask for, and no acks: instances are the operator's. */
  async list(
    actor: Actor,
    filter: { tenantId?: TenantId; activeOnly: boolean; limit: number },
  ): Promise<readonly ThrottleRecord[]> {
    const seesAll = actor.kind === 'staff' || actor.kind === 'system';
    const tenant = seesAll ? filter.tenantId : actor.tenantId;
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      readThrottles(transaction, {
        acks: seesAll ? ACKS : `'[]'::jsonb`,
        where: `($1::text is null or tenant_id = $1) and (not $2 or ${IN_FORCE})`,
        values: [tenant ?? null, filter.activeOnly, filter.limit],
      }),
    );
  }

  /** Those of the given throttles that there are, newest first, with their acks. */
  async byIds(actor: StaffActor, ids: readonly string[]): Promise<readonly ThrottleRecord[]> {
    if (ids.length === 0) return [];
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      readThrottles(transaction, {
        acks: ACKS,
        where: 'id = any($1::uuid[]) and $2',
        values: [ids, true, ids.length],
      }),
    );
  }

  /** Ends a throttle now. Undefined if there is none with this id or it has already ended. */
  async lift(actor: StaffActor, id: string): Promise<ThrottleRecord | undefined> {
    if (!isUuid(id)) return undefined;
    return this.#postgres
      .inStaffTransaction(actor, (transaction) => liftById(transaction, actor, id))
      .catch((error: unknown) => {
        if (error instanceof AlreadyEnded) return undefined;
        throw error;
      });
  }
}

/** Thrown to roll the transaction back: somebody else was faster, and no revision may remain of the attempt. */
class AlreadyEnded extends Error {}

async function liftById(
  transaction: StaffTransaction,
  actor: StaffActor,
  id: string,
): Promise<ThrottleRecord | undefined> {
  // Looked up before the revision is taken: one that changes nothing would wake every app.
  const before = await inForce(transaction, id);
  if (before === undefined) return undefined;
  const revision = await nextRevision(transaction, 'flags');
  const rows = await transaction.query(
    `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = $2, lifted_revision = $3
     where id = $1 and ${IN_FORCE} returning id`,
    [id, actor.subject, revision],
  );
  if (rows.length === 0) throw new AlreadyEnded();
  await transaction.audit({
    action: 'throttle.lift',
    resource: `throttle/${id}`,
    tenantId: before.flag.tenantId,
    before: { expiresAt: before.flag.expiresAt, reason: before.flag.reason },
    after: { revision },
  });
  const [lifted] = await readThrottles(transaction, { acks: ACKS, where: 'id = $1 and $2', values: [id, true, 1] });
  return lifted;
}

function refuseInvalid({ tenantId, limit, expiresInSeconds, reason }: NewThrottle): void {
  const problem =
    (!isTenantId(tenantId) && 'the tenant id is malformed') ||
    (!(Number.isFinite(limit.requestsPerSecond) && limit.requestsPerSecond >= 0) &&
      'requests per second must be a number of at least 0') ||
    (!(Number.isFinite(limit.burst) && limit.burst >= 1) && 'burst must be a number of at least 1') ||
    (!(limit.maxConcurrent === undefined || (Number.isInteger(limit.maxConcurrent) && limit.maxConcurrent >= 1)) &&
      'the number of concurrent requests must be a whole number of at least 1') ||
    (!(expiresInSeconds > 0 && expiresInSeconds <= LONGEST_SECONDS) &&
      `a throttle lasts more than 0 and at most ${LONGEST_SECONDS} seconds`) ||
    (!(reason.length >= 1 && reason.length <= 1_000) && 'a reason has 1 to 1000 characters');
  if (problem !== false) throw new TenantryError('BAD_REQUEST', `No throttle was made: ${problem}`);
}

/** Only the keys that are set, so that equal scopes are equal as jsonb. */
function scopeJson({ service, route, costClass }: ThrottleScope): string {
  return JSON.stringify({ service, route, costClass });
}

function limitJson({ requestsPerSecond, burst, maxConcurrent }: ThrottleLimit): string {
  return JSON.stringify({ requestsPerSecond, burst, maxConcurrent });
}

/** No decision of the machine is carried out later than this after what it was made from was read. */
const DECISION_SECONDS = 60;

/**
 * A decision is made from what was read before; people may have said otherwise meanwhile. The revision's lock is held, so
 * what is seen here is what holds when the throttle is written.
 */
async function refuseAgainstPeople(
  transaction: StaffTransaction,
  actor: StaffActor,
  tenantId: TenantId,
): Promise<void> {
  const [said] = await transaction.query<{ what: string }>(
    `select 'set a throttle for this tenant' as what from tenantry.flags
       where tenant_id = $1 and kind = 'throttle' and anomaly_id is null and ${IN_FORCE}
     union all
     select 'lifted one a moment ago' from tenantry.flags
       where tenant_id = $1 and kind = 'throttle' and anomaly_id is not null and lifted_by <> $2
         and lifted_at > clock_timestamp() - make_interval(secs => $3)
     union all
     select 'put the tenant on the allow-list' from tenantry.allow_list
       where tenant_id = $1 and expires_at > clock_timestamp()
     union all
     select 'suspended or closed the tenant' from tenantry.tenant_states
       where tenant_id = $1 and status <> 'active' and (until is null or until > clock_timestamp())
     union all
     select 'switched automation off' from tenantry.kill_switch where is_on
     limit 1`,
    [tenantId, actor.subject, DECISION_SECONDS],
  );
  if (said !== undefined) {
    throw new TenantryError('CONFLICT', `No throttle was made: a person has ${said.what} since it was decided.`);
  }
}

async function liftSame(
  transaction: StaffTransaction,
  actor: StaffActor,
  { tenantId, scope }: NewThrottle,
  revision: number,
): Promise<readonly string[]> {
  const rows = await transaction.query<{ id: string }>(
    `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = $3, lifted_revision = $4
     where tenant_id = $1 and kind = 'throttle' and scope = $2::jsonb and ${IN_FORCE} returning id`,
    [tenantId, scopeJson(scope), actor.subject, revision],
  );
  return rows.map((row) => row.id);
}

async function insertThrottle(
  transaction: StaffTransaction,
  actor: StaffActor,
  throttle: NewThrottle,
  revision: number,
): Promise<ThrottleRecord> {
  const [inserted] = await transaction.query<{ id: string }>(
    `with moment as materialized (select clock_timestamp() as at)
     insert into tenantry.flags
       (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, anomaly_id, revision)
     select $1, 'throttle', $2::jsonb, $3::jsonb, $4, $5, $6, at, at + make_interval(secs => $7), $8, $9 from moment
     returning id`,
    [
      throttle.tenantId,
      scopeJson(throttle.scope),
      limitJson(throttle.limit),
      throttle.mode,
      throttle.reason,
      actor.subject,
      throttle.expiresInSeconds,
      throttle.anomalyId ?? null,
      revision,
    ],
  );
  const [record] = await readThrottles(transaction, {
    acks: `'[]'::jsonb`,
    where: 'id = $1 and $2',
    values: [inserted?.id, true, 1],
  });
  if (record === undefined) throw new TenantryError('INTERNAL', 'The throttle just written cannot be read');
  return record;
}

async function inForce(transaction: Transaction, id: string): Promise<ThrottleRecord | undefined> {
  const [record] = await readThrottles(transaction, {
    acks: `'[]'::jsonb`,
    where: `id = $1 and $2 and ${IN_FORCE}`,
    values: [id, true, 1],
  });
  return record;
}

/** `where` takes $1 and $2; $3 is the limit. */
async function readThrottles(
  transaction: Transaction,
  { acks, where, values }: { acks: string; where: string; values: readonly [unknown, unknown, number] },
): Promise<readonly ThrottleRecord[]> {
  const rows = await transaction.query<ThrottleRow>(
    `select id, tenant_id, scope, value, mode, reason, created_by, ${unixMs('created_at')} as created_ms,
            ${unixMs('expires_at')} as expires_ms, ${unixMs('lifted_at')} as lifted_ms, lifted_by, anomaly_id, revision,
            ${acks} as acks
     from tenantry.flags f where kind = 'throttle' and ${where}
     order by created_at desc, revision desc limit $3`,
    values,
  );
  return rows.map(toRecord);
}

function toRecord(row: ThrottleRow): ThrottleRecord {
  return {
    flag: {
      kind: 'throttle',
      id: row.id,
      tenantId: row.tenant_id,
      scope: row.scope,
      limit: row.value,
      mode: row.mode,
      reason: row.reason,
      expiresAt: row.expires_ms,
      revision: Number(row.revision),
    },
    createdBy: row.created_by,
    createdAt: row.created_ms,
    liftedAt: row.lifted_ms,
    liftedBy: row.lifted_by,
    anomalyId: row.anomaly_id,
    acks: row.acks,
  };
}
