import type { Actor, StaffActor, TenantActor } from '../../domain/actor.ts';
import { type DeletionRequest, deletionVerdict, type LegalHold } from '../../domain/deletion.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { TenantState } from '../../domain/tenant-state.ts';
import { DELETION_COLUMNS, type DeletionRow } from './deletion-columns.ts';
import { lockJob, refusalError } from './deletion-jobs.ts';
import { changeState, type DecideState } from './lifecycle-state.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import { enterTenants, type TenantDirectory } from './tenant-directory.ts';
import type { Transaction } from './transaction.ts';

/** Holds are the operator's: a tenant's role cannot read them, so they are asked for in the system's name. */
const KEEPER: StaffActor = { kind: 'system', subject: 'deletions' };

export interface DeletionWish {
  readonly reason: string;
  /** Which duty or right is fulfilled; empty: nobody says. */
  readonly legalBasis: string;
  /** How long the tenant can think again. */
  readonly waitingMs: number;
}

/** A state as `changeState` takes it: why the tenant is closed, or where it stood before. */
function becomes(next: TenantState): DecideState {
  return ({ status }) => (status === next.status ? { kind: 'unchanged' } : { kind: 'changed', next });
}

const CLOSED: TenantState = {
  ...{ status: 'closed', effect: null, reasonCode: null, until: null },
  reason: 'Its deletion was requested.',
};

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
      transaction.query<DeletionRow>(
        `select ${DELETION_COLUMNS} from tenantry.deletion_requests
         where ($1::text is null or tenant_id = $1) and (not $2 or state <> 'cancelled')
         order by requested_at desc, request_id limit $3`,
        [filter.tenantId ?? null, filter.openOnly, filter.limit],
      ),
    );
    return this.#withHolds(rows);
  }

  /**
   * The tenant is closed to use from now on.
   * @throws TenantryError CONFLICT under a legal hold, and when one stands already
   */
  async request(actor: StaffActor | TenantActor, tenantId: TenantId, wish: DeletionWish): Promise<DeletionRequest> {
    if (isForeign(actor, tenantId))
      throw new TenantryError('FORBIDDEN', 'Nobody asks for the deletion of another tenant.');
    await this.#directory.remember([tenantId]);
    const [by, inNameOf] = named(actor);
    const row = await this.#postgres.inStaffTransaction(by, async (transaction) => {
      const state = await standing(transaction, tenantId);
      if ((await transaction.query('select from tenantry.legal_holds where tenant_id = $1', [tenantId])).length > 0) {
        throw new TenantryError('CONFLICT', 'The operator is obliged to keep the data of this tenant at present.', {
          hint: 'Ask the operator until when; nothing was requested.',
        });
      }
      const [made] = await transaction.query<DeletionRow>(
        `insert into tenantry.deletion_requests
           (tenant_id, reason, legal_basis, requested_by, requested_by_operator, not_before, state_before)
         values ($1, $2, $3, $4, $5, clock_timestamp() + greatest($6, 1) * interval '1 millisecond', $7)
         on conflict (tenant_id) where state <> 'cancelled' do nothing returning ${DELETION_COLUMNS}`,
        [
          ...[tenantId, wish.reason, wish.legalBasis, actor.subject, actor.kind !== 'tenant', wish.waitingMs],
          state === undefined || state.status === 'closed' ? null : JSON.stringify(state),
        ],
      );
      if (made === undefined) {
        throw new TenantryError('CONFLICT', 'The deletion of this tenant has been requested already.', {
          hint: 'GET /v1/deletion-requests shows the request that stands; it can be cancelled.',
        });
      }
      await changeState(transaction, by, { tenantId, isPerson: true, decide: becomes(CLOSED) });
      const { reason, legalBasis } = wish;
      const after = { reason, legal_basis: legalBasis, not_before: new Date(made.notBefore).toISOString() };
      const resource = `deletion-request/${made.requestId}`;
      await transaction.audit({ action: 'deletion.request', resource, tenantId, after }, inNameOf);
      return made;
    });
    return { ...row, legalHold: false };
  }

  /**
   * Puts the tenant back to where it stood. Undefined if the tenant has no such request, or it was cancelled before.
   * @throws TenantryError CONFLICT when one of the tenant's people comes after the waiting period, or when it has begun
   */
  async cancel(
    actor: StaffActor | TenantActor,
    tenantId: TenantId,
    requestId: string,
  ): Promise<DeletionRequest | undefined> {
    if (isForeign(actor, tenantId)) return undefined;
    const [by, inNameOf] = named(actor);
    const row = await this.#postgres.inStaffTransaction(by, async (transaction) => {
      const found = await lockJob(transaction, { tenantId, requestId });
      if (found === undefined || found.state === 'cancelled') {
        transaction.unaudited('there is nothing to take back');
        return undefined;
      }
      const [clock] = await transaction.query<{ now: number }>(`select ${unixMs('clock_timestamp()')} as now`);
      const { state, notBefore } = found;
      const byTenant = actor.kind === 'tenant';
      const now = clock?.now ?? 0;
      const verdict = deletionVerdict({ state, event: 'cancel', now, notBefore, legalHold: false, byTenant });
      if ('refusal' in verdict) throw refusalError(verdict.refusal);
      const [ended] = await transaction.query<DeletionRow>(
        `update tenantry.deletion_requests
         set state = 'cancelled', ended_at = clock_timestamp(), ended_by = $3, ended_by_operator = $4, state_before = null
         where tenant_id = $1 and request_id = $2 returning ${DELETION_COLUMNS}`,
        [tenantId, requestId, actor.subject, !byTenant],
      );
      if (found.stateBefore !== null) {
        await changeState(transaction, by, { tenantId, isPerson: true, decide: becomes(found.stateBefore) });
      }
      await transaction.audit(
        {
          ...{ action: 'deletion.cancel', resource: `deletion-request/${requestId}`, tenantId },
          ...{ before: { state: 'requested' }, after: { state: 'cancelled' } },
        },
        inNameOf,
      );
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

  async #withHolds(rows: readonly DeletionRow[]): Promise<readonly DeletionRequest[]> {
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

/** A tenant's people may not write what closes the tenant: it is written by the system, and recorded in their name. */
function named(actor: StaffActor | TenantActor): readonly [StaffActor, TenantActor | undefined] {
  return actor.kind === 'tenant' ? [KEEPER, actor] : [actor, undefined];
}

/** As it is written by the system, row security would not stop it. */
function isForeign(actor: StaffActor | TenantActor, tenantId: TenantId): boolean {
  return actor.kind === 'tenant' && actor.tenantId !== tenantId;
}

/** Locks the tenant, too: of two requests and of a hold at the same moment one is first. */
async function standing(transaction: Transaction, tenantId: TenantId): Promise<TenantState | undefined> {
  const [row] = await transaction.query<TenantState>(
    `select coalesce(s.status, t.status) as status, s.effect, s.reason_code as "reasonCode", coalesce(s.reason, 'Its deletion was cancelled.') as reason,
            ${unixMs('s.until')} as until
     from tenantry.tenants t left join tenantry.tenant_states s using (tenant_id) where t.tenant_id = $1
     for no key update of t`,
    [tenantId],
  );
  return row;
}
