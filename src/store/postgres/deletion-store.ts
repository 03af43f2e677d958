import type { Actor, StaffActor, TenantActor } from '../../domain/actor.ts';
import { DELETION_WAITING_MS, type DeletionRequest, type LegalHold } from '../../domain/deletion.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import { enterTenants, type TenantDirectory } from './tenant-directory.ts';

/** Holds are the operator's: a tenant's role cannot read them, so they are asked for in the system's name. */
const KEEPER: StaffActor = { kind: 'system', subject: 'deletions' };

type Row = Omit<DeletionRequest, 'legalHold'>;

const COLUMNS = `request_id as "requestId", tenant_id as "tenantId", state, reason, requested_by as "requestedBy",
  requested_by_operator as "requestedByOperator", ${unixMs('requested_at')} as "requestedAt",
  ${unixMs('not_before')} as "notBefore", ${unixMs('ended_at')} as "endedAt", ended_by as "endedBy",
  ended_by_operator as "endedByOperator"`;

/** Wishes to be deleted, and what stands in their way. Deletes nothing. */
export class DeletionStore {
  readonly #postgres: Postgres;
  readonly #directory: Pick<TenantDirectory, 'remember'>;

  constructor(postgres: Postgres, directory: Pick<TenantDirectory, 'remember'>) {
    this.#postgres = postgres;
    this.#directory = directory;
  }

  /** Newest first. Tenant actors get their own only, whatever they ask for. */
  async list(
    actor: Actor,
    filter: { readonly tenantId: TenantId | undefined; readonly openOnly: boolean; readonly limit: number },
  ): Promise<readonly DeletionRequest[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Row>(
        `select ${COLUMNS} from tenantry.deletion_requests
         where ($1::text is null or tenant_id = $1) and (not $2 or state = 'requested')
         order by requested_at desc, request_id limit $3`,
        [filter.tenantId ?? null, filter.openOnly, filter.limit],
      ),
    );
    return this.#withHolds(rows);
  }

  /** @throws TenantryError CONFLICT under a legal hold, and when one stands already */
  async request(actor: StaffActor | TenantActor, tenantId: TenantId, reason: string): Promise<DeletionRequest> {
    await this.#directory.remember([tenantId]);
    if ((await this.#heldOf([tenantId])).has(tenantId)) {
      throw new TenantryError('CONFLICT', 'The operator is obliged to keep the data of this tenant at present.', {
        hint: 'Ask the operator until when; nothing was requested.',
      });
    }
    const row = await this.#postgres.inChangeTransaction(actor, async (transaction) => {
      const [made] = await transaction.query<Row>(
        `insert into tenantry.deletion_requests
           (tenant_id, reason, requested_by, requested_by_operator, not_before)
         values ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond')
         on conflict (tenant_id) where state = 'requested' do nothing returning ${COLUMNS}`,
        [tenantId, reason, actor.subject, actor.kind !== 'tenant', DELETION_WAITING_MS],
      );
      if (made === undefined) {
        throw new TenantryError('CONFLICT', 'The deletion of this tenant has been requested already.', {
          hint: 'GET /v1/deletion-requests shows the request that stands; it can be cancelled.',
        });
      }
      await transaction.audit({
        ...{ action: 'deletion.request', resource: `deletion-request/${made.requestId}`, tenantId },
        after: { reason, not_before: new Date(made.notBefore).toISOString() },
      });
      return made;
    });
    return { ...row, legalHold: false };
  }

  /**
   * Undefined if the tenant has no such request, or it was cancelled before.
   * @throws TenantryError CONFLICT when one of the tenant's people comes after the waiting period
   */
  async cancel(
    actor: StaffActor | TenantActor,
    tenantId: TenantId,
    requestId: string,
  ): Promise<DeletionRequest | undefined> {
    const row = await this.#postgres.inChangeTransaction(actor, async (transaction) => {
      const [standing] = await transaction.query<{ late: boolean }>(
        `select not_before <= clock_timestamp() as late from tenantry.deletion_requests
         where tenant_id = $1 and request_id = $2 and state = 'requested' for update`,
        [tenantId, requestId],
      );
      if (standing === undefined) return undefined;
      if (standing.late && actor.kind === 'tenant') {
        throw new TenantryError('CONFLICT', 'The waiting period is over: the deletion may be under way.', {
          hint: 'Ask the operator, who can still stop what has not been deleted.',
        });
      }
      const [ended] = await transaction.query<Row>(
        `update tenantry.deletion_requests
         set state = 'cancelled', ended_at = clock_timestamp(), ended_by = $3, ended_by_operator = $4
         where tenant_id = $1 and request_id = $2 returning ${COLUMNS}`,
        [tenantId, requestId, actor.subject, actor.kind !== 'tenant'],
      );
      await transaction.audit({
        ...{ action: 'deletion.cancel', resource: `deletion-request/${requestId}`, tenantId },
        before: { state: 'requested' },
        after: { state: 'cancelled' },
      });
      return ended;
    });
    return row === undefined ? undefined : (await this.#withHolds([row]))[0];
  }

  async holds(actor: StaffActor): Promise<readonly LegalHold[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<LegalHold>(
        `select tenant_id as "tenantId", reason, set_by as "setBy", ${unixMs('set_at')} as "setAt"
         from tenantry.legal_holds order by tenant_id`,
      ),
    );
  }

  /** Enters the tenant if it is new; takes the place of a hold that is there. */
  async hold(actor: StaffActor, tenantId: TenantId, reason: string): Promise<LegalHold> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      const [row] = await transaction.query<LegalHold>(
        `insert into tenantry.legal_holds (tenant_id, reason, set_by) values ($1, $2, $3)
         on conflict (tenant_id) do update set reason = excluded.reason, set_by = excluded.set_by, set_at = clock_timestamp()
         returning tenant_id as "tenantId", reason, set_by as "setBy", ${unixMs('set_at')} as "setAt"`,
        [tenantId, reason, actor.subject],
      );
      if (row === undefined) throw new TenantryError('INTERNAL', 'The hold just written cannot be read');
      await transaction.audit({
        ...{ action: 'legal-hold.set', resource: `legal-hold/${tenantId}`, tenantId },
        after: { reason },
      });
      return row;
    });
  }

  /** False if there was none. */
  async release(actor: StaffActor, tenantId: TenantId): Promise<boolean> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [row] = await transaction.query<{ reason: string }>(
        'delete from tenantry.legal_holds where tenant_id = $1 returning reason',
        [tenantId],
      );
      if (row === undefined) return false;
      await transaction.audit({
        ...{ action: 'legal-hold.release', resource: `legal-hold/${tenantId}`, tenantId },
        before: { reason: row.reason },
      });
      return true;
    });
  }

  async #withHolds(rows: readonly Row[]): Promise<readonly DeletionRequest[]> {
    if (rows.length === 0) return [];
    const held = await this.#heldOf(rows.map(({ tenantId }) => tenantId));
    return rows.map((row) => ({ ...row, legalHold: held.has(row.tenantId) }));
  }

  async #heldOf(tenants: readonly TenantId[]): Promise<ReadonlySet<TenantId>> {
    const rows = await this.#postgres.inStaffTransaction(KEEPER, (transaction) =>
      transaction.query<{ tenant_id: TenantId }>(
        'select tenant_id from tenantry.legal_holds where tenant_id = any($1)',
        [tenants],
      ),
    );
    return new Set(rows.map((row) => row.tenant_id));
  }
}
