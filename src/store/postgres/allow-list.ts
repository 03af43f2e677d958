import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';
import { unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction } from './transaction.ts';

/** Also a CHECK of the table: what should last for ever belongs into the plan. */
const LONGEST_SECONDS = 366 * 86_400;

/** Times are Unix ms. */
export interface AllowListEntry {
  readonly tenantId: TenantId;
  readonly owner: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

const COLUMNS = `tenant_id as "tenantId", owner, reason, created_by as "createdBy",
  ${unixMs('created_at')} as "createdAt", ${unixMs('expires_at')} as "expiresAt"`;

/** Tenants that automation leaves alone, told to apps too: what was set before is lifted. Entries end by themselves, on the database's clock. */
export class AllowList {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Those that hold now, by tenant. */
  async list(actor: StaffActor): Promise<readonly AllowListEntry[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<AllowListEntry>(
        `select ${COLUMNS} from tenantry.allow_list where expires_at > clock_timestamp() order by tenant_id`,
      ),
    );
  }

  /**
   * Enters a tenant, or takes the place of its entry.
   * @throws TenantryError BAD_REQUEST for values outside the table's bounds
   */
  async put(
    actor: StaffActor,
    tenantId: TenantId,
    entry: { readonly owner: string; readonly reason: string; readonly expiresInSeconds: number },
  ): Promise<AllowListEntry> {
    const { owner, reason, expiresInSeconds } = entry;
    if (!isTenantId(tenantId) || !(expiresInSeconds > 0 && expiresInSeconds <= LONGEST_SECONDS)) {
      throw new TenantryError('BAD_REQUEST', 'An entry names a tenant and lasts at most 366 days.');
    }
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      const [stored] = await transaction.query<AllowListEntry>(
        `with moment as materialized (select clock_timestamp() as at)
         insert into tenantry.allow_list (tenant_id, owner, reason, created_by, created_at, expires_at)
         select $1, $2, $3, $4, at, at + make_interval(secs => $5) from moment
         on conflict (tenant_id) do update set owner = excluded.owner, reason = excluded.reason,
           created_by = excluded.created_by, created_at = excluded.created_at, expires_at = excluded.expires_at
         returning ${COLUMNS}`,
        [tenantId, owner, reason, actor.subject, expiresInSeconds],
      );
      if (stored === undefined) throw new TenantryError('INTERNAL', 'The entry just written cannot be read');
      const revision = await nextRevision(transaction, 'flags');
      await endFlags(transaction, actor, { tenantId, revision, endsThrottles: true });
      await transaction.query(
        `insert into tenantry.flags
           (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
         select tenant_id, 'allow', '{}', '{}', 'enforce', reason, created_by, created_at, expires_at, $2
         from tenantry.allow_list where tenant_id = $1`,
        [tenantId, revision],
      );
      await transaction.audit({
        action: 'allow_list.put',
        resource: `allow-list/${tenantId}`,
        tenantId,
        after: stored,
      });
      return stored;
    });
  }

  /** False if there was none that holds. */
  async remove(actor: StaffActor, tenantId: TenantId): Promise<boolean> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [removed] = await transaction.query<AllowListEntry & { holds: boolean }>(
        `delete from tenantry.allow_list where tenant_id = $1
         returning ${COLUMNS}, expires_at > clock_timestamp() as holds`,
        [tenantId],
      );
      if (removed === undefined) transaction.unaudited('there was nothing to remove');
      else {
        const revision = await nextRevision(transaction, 'flags');
        await endFlags(transaction, actor, { tenantId, revision, endsThrottles: false });
        await transaction.audit({
          action: 'allow_list.remove',
          resource: `allow-list/${tenantId}`,
          tenantId,
          before: removed,
        });
      }
      return removed?.holds === true;
    });
  }
}

/** Ends what apps were told of the tenant's entry and, if asked to, the automatic throttles that it is to be spared. */
async function endFlags(
  transaction: StaffTransaction,
  actor: StaffActor,
  { tenantId, revision, endsThrottles }: { tenantId: TenantId; revision: number; endsThrottles: boolean },
): Promise<void> {
  await transaction.query(
    `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = $2, lifted_revision = $3
     where tenant_id = $1 and (kind = 'allow' or ($4 and kind = 'throttle' and anomaly_id is not null))
       and lifted_at is null and expires_at > clock_timestamp()`,
    [tenantId, actor.subject, revision, endsThrottles],
  );
}
