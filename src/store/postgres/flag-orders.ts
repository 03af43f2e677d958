import type { Actor, StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { Flag } from '../../domain/flags.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
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

type Words = Readonly<Record<string, string>>;

/** What is ordered for one tenant. Of each scope one order is in force. */
export interface NewFlagOrder {
  readonly tenantId: TenantId;
  readonly scope: Words;
  readonly value: Words;
  readonly expiresInSeconds: number;
  readonly reason: string;
}

/** Times are Unix ms. */
export interface FlagOrder {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly scope: Words;
  readonly value: Words;
  readonly reason: string;
  readonly revision: number;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly liftedAt: number | null;
}

/** How orders of one kind are written down. */
export interface OrderKind {
  readonly kind: Flag['kind'];
  /** Actions of the audit log. */
  readonly made: string;
  readonly lifted: string;
  readonly resourceOf: (order: FlagOrder) => string;
  /**
   * Subject that writes flags of this kind by itself. Those that make room for an order end in its own name: it remembers
   * what people lifted and does not set it again, while what an order only covers is its own again once the order is over.
   */
  readonly automation?: string;
}

type OrderRow = Omit<FlagOrder, 'revision'> & { readonly revision: string };

/** Thrown to roll the transaction back: somebody else was faster, and no revision may remain of the attempt. */
class AlreadyEnded extends Error {}

/** Flags that somebody orders for one tenant, which end by themselves: set and lifted in one revision, with a record. */
export class FlagOrders {
  readonly #postgres: Postgres;
  readonly #kind: OrderKind;

  constructor(postgres: Postgres, kind: OrderKind) {
    this.#postgres = postgres;
    this.#kind = kind;
  }

  /**
   * Puts an order in force. What holds for the same tenant and scope is lifted in the same transaction: the newest word
   * stands alone.
   * @param problem what is wrong with the scope or the value; false: nothing
   * @throws TenantryError BAD_REQUEST for values outside the table's bounds
   */
  async create(actor: StaffActor, order: NewFlagOrder, problem: string | false): Promise<FlagOrder> {
    refuseInvalid(order, problem);
    const { tenantId, scope, value, reason, expiresInSeconds } = order;
    const { kind, made: action, resourceOf, automation = null } = this.#kind;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      const revision = await nextRevision(transaction, 'flags');
      const about = JSON.stringify(scope);
      const replaced = await transaction.query<{ id: string }>(
        `update tenantry.flags set lifted_at = clock_timestamp(), lifted_revision = $5,
                lifted_by = case when created_by = $6 then created_by else $4 end
         where tenant_id = $1 and kind = $2 and scope = $3::jsonb and ${IN_FORCE} returning id`,
        [tenantId, kind, about, actor.subject, revision, automation],
      );
      const [inserted] = await transaction.query<{ id: string }>(
        `with moment as materialized (select clock_timestamp() as at)
         insert into tenantry.flags
           (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
         select $1, $2, $3::jsonb, $4::jsonb, 'enforce', $5, $6, at, at + make_interval(secs => $7), $8 from moment
         returning id`,
        [tenantId, kind, about, JSON.stringify(value), reason, actor.subject, expiresInSeconds, revision],
      );
      const made = await this.#readOne(transaction, inserted?.id, 'true');
      if (made === undefined) throw new TenantryError('INTERNAL', 'The order just written cannot be read');
      const { id, expiresAt } = made;
      const told = { id, tenantId, ...scope, ...value, reason, expiresInSeconds, expiresAt, revision };
      await transaction.audit({
        ...{ action, resource: resourceOf(made), tenantId },
        after: { ...told, replaced: replaced.map((one) => one.id) },
      });
      return made;
    });
  }

  /** Orders in force, newest first. Tenant actors get their own only, whatever they ask for. */
  async inForce(actor: Actor, filter: { tenantId?: TenantId; scope?: Words }): Promise<readonly FlagOrder[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      this.#read(
        transaction,
        `${IN_FORCE} and ($1::text is null or tenant_id = $1) and ($2::jsonb is null or scope = $2::jsonb)`,
        [filter.tenantId ?? null, filter.scope === undefined ? null : JSON.stringify(filter.scope)],
      ),
    );
  }

  /** Ends an order now. Undefined if there is none with this id or it has already ended. */
  async lift(actor: StaffActor, id: string): Promise<FlagOrder | undefined> {
    if (!isUuid(id)) return undefined;
    return this.#postgres
      .inStaffTransaction(actor, (transaction) => this.#liftOne(transaction, actor, id))
      .catch((error: unknown) => {
        if (error instanceof AlreadyEnded) return undefined;
        throw error;
      });
  }

  async #liftOne(transaction: StaffTransaction, actor: StaffActor, id: string): Promise<FlagOrder | undefined> {
    // Looked up before the revision is taken: one that changes nothing would wake every app.
    const before = await this.#readOne(transaction, id, IN_FORCE);
    if (before === undefined) return undefined;
    const revision = await nextRevision(transaction, 'flags');
    const rows = await transaction.query(
      `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = $2, lifted_revision = $3
       where id = $1 and kind = $4 and ${IN_FORCE} returning id`,
      [id, actor.subject, revision, this.#kind.kind],
    );
    if (rows.length === 0) throw new AlreadyEnded();
    const { tenantId, value, expiresAt, reason } = before;
    await transaction.audit({
      ...{ action: this.#kind.lifted, resource: this.#kind.resourceOf(before), tenantId },
      before: { id, ...value, expiresAt, reason },
      after: { revision },
    });
    return this.#readOne(transaction, id, 'true');
  }

  async #readOne(transaction: Transaction, id: string | undefined, where: string): Promise<FlagOrder | undefined> {
    const [order] = await this.#read(transaction, `id = $1 and $2::text is null and ${where}`, [id ?? null, null]);
    return order;
  }

  /** `where` takes $1 and $2. */
  async #read(
    transaction: Transaction,
    where: string,
    values: readonly [unknown, unknown],
  ): Promise<readonly FlagOrder[]> {
    const rows = await transaction.query<OrderRow>(
      `select id, tenant_id as "tenantId", scope, value, reason, revision, created_by as "createdBy",
              ${unixMs('created_at')} as "createdAt", ${unixMs('expires_at')} as "expiresAt",
              ${unixMs('lifted_at')} as "liftedAt"
       from tenantry.flags where ${where} and kind = $3 order by created_at desc, revision desc limit $4`,
      [...values, this.#kind.kind, READ_MAX],
    );
    return rows.map((row) => ({ ...row, revision: Number(row.revision) }));
  }
}

function refuseInvalid({ tenantId, expiresInSeconds, reason }: NewFlagOrder, wrong: string | false): void {
  const problem =
    (!isTenantId(tenantId) && 'the tenant id is malformed') ||
    wrong ||
    (!(expiresInSeconds > 0 && expiresInSeconds <= LONGEST_SECONDS) &&
      `an order lasts more than 0 and at most ${LONGEST_SECONDS} seconds`) ||
    (!(reason.length >= 1 && reason.length <= 1_000) && 'a reason has 1 to 1000 characters');
  if (problem !== false) throw new TenantryError('BAD_REQUEST', `No order was made: ${problem}`);
}
