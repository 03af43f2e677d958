import type { Actor, StaffActor } from '../../domain/actor.ts';
import { type BreakerOrder, INTEGRATION_PATTERN, type NewBreakerOrder } from '../../domain/breaker.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { BreakerState } from '../../domain/flags.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import type { SightingFilter } from './breaker-sightings.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';
import { unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

/** Also a CHECK of the table: no flag may outlive a day. */
const LONGEST_SECONDS = 86_400;
const IN_FORCE = 'lifted_at is null and expires_at > clock_timestamp()';
const READ_MAX = 20_000;

interface OrderRow {
  readonly id: string;
  readonly tenant_id: TenantId;
  readonly integration: string;
  readonly state: BreakerState;
  readonly reason: string;
  readonly revision: string;
  readonly created_by: string;
  readonly created_ms: number;
  readonly expires_ms: number;
  readonly lifted_ms: number | null;
}

/** Thrown to roll the transaction back: somebody else was faster, and no revision may remain of the attempt. */
class AlreadyEnded extends Error {}

/** Orders that force one tenant's breaker of one integration: flags of the kind `breaker`, which end by themselves. */
export class BreakerOrders {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Puts an order in force. One for the same tenant and integration is lifted in the same transaction: the newest word
   * stands alone.
   * @throws TenantryError BAD_REQUEST for values outside the table's bounds
   */
  async create(actor: StaffActor, order: NewBreakerOrder): Promise<BreakerOrder> {
    refuseInvalid(order);
    const { tenantId, integration, state, reason, expiresInSeconds } = order;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      const revision = await nextRevision(transaction, 'flags');
      const scope = JSON.stringify({ integration });
      const replaced = await transaction.query<{ id: string }>(
        `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = $3, lifted_revision = $4
         where tenant_id = $1 and kind = 'breaker' and scope = $2::jsonb and ${IN_FORCE} returning id`,
        [tenantId, scope, actor.subject, revision],
      );
      const [inserted] = await transaction.query<{ id: string }>(
        `with moment as materialized (select clock_timestamp() as at)
         insert into tenantry.flags
           (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
         select $1, 'breaker', $2::jsonb, $3::jsonb, 'enforce', $4, $5, at, at + make_interval(secs => $6), $7 from moment
         returning id`,
        [tenantId, scope, JSON.stringify({ state }), reason, actor.subject, expiresInSeconds, revision],
      );
      const made = await readOne(transaction, inserted?.id, 'true');
      if (made === undefined) throw new TenantryError('INTERNAL', 'The order just written cannot be read');
      await transaction.audit({
        action: 'breaker.order',
        resource: `breaker/${tenantId}/${integration}`,
        tenantId,
        after: { id: made.id, ...order, expiresAt: made.expiresAt, revision, replaced: replaced.map(({ id }) => id) },
      });
      return made;
    });
  }

  /** Orders in force, newest first. Tenant actors get their own only, whatever they ask for. */
  async inForce(actor: Actor, { tenantId, integration }: SightingFilter): Promise<readonly BreakerOrder[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      read(
        transaction,
        `${IN_FORCE} and ($1::text is null or tenant_id = $1) and ($2::text is null or scope ->> 'integration' = $2)`,
        [tenantId ?? null, integration ?? null],
      ),
    );
  }

  /** Ends an order now. Undefined if there is none with this id or it has already ended. */
  async lift(actor: StaffActor, id: string): Promise<BreakerOrder | undefined> {
    if (!isUuid(id)) return undefined;
    return this.#postgres
      .inStaffTransaction(actor, (transaction) => liftOne(transaction, actor, id))
      .catch((error: unknown) => {
        if (error instanceof AlreadyEnded) return undefined;
        throw error;
      });
  }
}

async function liftOne(
  transaction: StaffTransaction,
  actor: StaffActor,
  id: string,
): Promise<BreakerOrder | undefined> {
  // Looked up before the revision is taken: one that changes nothing would wake every app.
  const before = await readOne(transaction, id, IN_FORCE);
  if (before === undefined) return undefined;
  const revision = await nextRevision(transaction, 'flags');
  const rows = await transaction.query(
    `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = $2, lifted_revision = $3
     where id = $1 and kind = 'breaker' and ${IN_FORCE} returning id`,
    [id, actor.subject, revision],
  );
  if (rows.length === 0) throw new AlreadyEnded();
  const { tenantId, integration, state, expiresAt, reason } = before;
  await transaction.audit({
    action: 'breaker.lift',
    resource: `breaker/${tenantId}/${integration}`,
    tenantId,
    before: { id, state, expiresAt, reason },
    after: { revision },
  });
  return readOne(transaction, id, 'true');
}

function refuseInvalid({ tenantId, integration, expiresInSeconds, reason }: NewBreakerOrder): void {
  const problem =
    (!isTenantId(tenantId) && 'the tenant id is malformed') ||
    (!INTEGRATION_PATTERN.test(integration) && 'the name of the integration is malformed') ||
    (!(expiresInSeconds > 0 && expiresInSeconds <= LONGEST_SECONDS) &&
      `an order lasts more than 0 and at most ${LONGEST_SECONDS} seconds`) ||
    (!(reason.length >= 1 && reason.length <= 1_000) && 'a reason has 1 to 1000 characters');
  if (problem !== false) throw new TenantryError('BAD_REQUEST', `No order was made: ${problem}`);
}

async function readOne(transaction: Transaction, id: string | undefined, where: string) {
  const [order] = await read(transaction, `id = $1 and $2::text is null and ${where}`, [id ?? null, null]);
  return order;
}

/** `where` takes $1 and $2. */
async function read(
  transaction: Transaction,
  where: string,
  values: readonly [unknown, unknown],
): Promise<readonly BreakerOrder[]> {
  const rows = await transaction.query<OrderRow>(
    `select id, tenant_id, scope ->> 'integration' as integration, value ->> 'state' as state, reason, revision,
            created_by, ${unixMs('created_at')} as created_ms, ${unixMs('expires_at')} as expires_ms,
            ${unixMs('lifted_at')} as lifted_ms
     from tenantry.flags where kind = 'breaker' and ${where} order by created_at desc, revision desc limit $3`,
    [...values, READ_MAX],
  );
  return rows.map(({ id, tenant_id, integration, state, reason, revision, created_by, created_ms, ...times }) => ({
    ...{ id, tenantId: tenant_id, integration, state, reason, revision: Number(revision) },
    ...{ createdBy: created_by, createdAt: created_ms, expiresAt: times.expires_ms, liftedAt: times.lifted_ms },
  }));
}
