import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import {
  type ProfileChange,
  type ProfileEdit,
  type ProfileFields,
  sameFields,
  type TenantProfile,
} from '../../domain/tenant-profile.ts';
import type { Postgres } from './postgres.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';

const PROFILE = `t.tenant_id as "tenantId", t.plan, t.display_name as "displayName", p.segment, p.owner,
  coalesce(p.tags, '{}') as tags, coalesce(p.revision, 0) as revision`;
const FROM_TENANTS = `from tenantry.tenants t left join tenantry.tenant_profiles p using (tenant_id)`;
const NOTHING: ProfileFields = { segment: null, owner: null, displayName: null, tags: [] };

interface ProfileFilter {
  readonly segment?: string | undefined;
  readonly owner?: string | undefined;
  readonly plan?: string | undefined;
  readonly search?: string | undefined;
}

interface PlannedChange extends ProfileChange {
  readonly revision: number;
}

/** Segments, account owners, names and tags of tenants. */
export class ProfileStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Every tenant that fits, with or without a profile, by id. `search`: part of the id or the name, of any case. */
  async list(
    actor: StaffActor,
    { segment, owner, plan, search }: ProfileFilter,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<readonly TenantProfile[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<TenantProfile>(
        `select ${PROFILE} ${FROM_TENANTS}
         where ($1::text is null or p.segment = $1) and ($2::text is null or p.owner = $2)
           and ($3::text is null or t.plan = $3)
           and ($4::text is null or strpos(lower(t.tenant_id), lower($4)) > 0
                or strpos(lower(t.display_name), lower($4)) > 0)
         order by t.tenant_id offset $5 limit $6`,
        [segment ?? null, owner ?? null, plan ?? null, search ?? null, page.offset, page.limit],
      ),
    );
  }

  /**
   * Takes the place of what was said of a tenant (entered if new); the same once more changes nothing.
   * @throws TenantryError CONFLICT when the profile has another revision than expected
   */
  async put(
    actor: StaffActor,
    tenantId: TenantId,
    fields: ProfileFields,
    expectedRevision: number | undefined,
  ): Promise<TenantProfile> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      return putProfile(transaction, actor, { tenantId, fields, expectedRevision });
    });
  }

  /**
   * What the edits change, all at once or, where `confirm` says no, not at all; by tenant. Each tenant stands in one edit.
   * @throws TenantryError whatever `confirm` throws, and nothing is changed
   */
  async change(
    actor: StaffActor,
    edits: readonly ProfileEdit[],
    confirm: (changes: readonly ProfileChange[]) => boolean,
  ): Promise<readonly ProfileChange[]> {
    const tenants = edits.map(({ tenantId }) => tenantId);
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const known = await lockedProfiles(transaction, tenants);
      const changes = edits
        .flatMap((edit) => planned(known.get(edit.tenantId), edit) ?? [])
        .sort((a, b) => (a.tenantId < b.tenantId ? -1 : 1));
      if (!confirm(changes) || changes.length === 0) {
        transaction.unaudited('nothing is changed');
        return changes;
      }
      await enterTenants(
        transaction,
        changes.flatMap(({ tenantId, isNewTenant }) => (isNewTenant ? [tenantId] : [])),
      );
      await write(transaction, actor, changes);
      return changes;
    });
  }
}

/** `ProfileStore.put` for a tenant that is there, within a transaction that does more. What `fields` leave out stays. */
export async function putProfile<Fields extends Partial<ProfileFields>>(
  transaction: StaffTransaction,
  actor: StaffActor,
  { tenantId, fields, expectedRevision }: { tenantId: TenantId; fields: Fields; expectedRevision?: number | undefined },
): Promise<TenantProfile & Fields> {
  const before = (await lockedProfiles(transaction, [tenantId])).get(tenantId);
  if (expectedRevision !== undefined && expectedRevision !== (before?.revision ?? 0)) throw changedMeanwhile();
  const change = planned(before, { tenantId, fields });
  if (change === undefined) transaction.unaudited('the profile says this already');
  else await write(transaction, actor, [change]);
  const revision = change?.revision ?? before?.revision ?? 0;
  return { ...NOTHING, ...before, ...fields, tenantId, plan: before?.plan ?? null, revision };
}

/** In the order of their ids, so that two who change the same tenants do not wait for each other. */
async function lockedProfiles(
  transaction: Transaction,
  tenants: readonly TenantId[],
): Promise<ReadonlyMap<TenantId, TenantProfile>> {
  await transaction.query(
    'select from tenantry.tenants where tenant_id = any($1) order by tenant_id for no key update',
    [tenants],
  );
  const rows = await transaction.query<TenantProfile>(`select ${PROFILE} ${FROM_TENANTS} where t.tenant_id = any($1)`, [
    tenants,
  ]);
  return new Map(rows.map((row) => [row.tenantId, row]));
}

function planned(known: TenantProfile | undefined, { tenantId, fields }: ProfileEdit): PlannedChange | undefined {
  const { segment, owner, displayName, tags } = known ?? NOTHING;
  const before = { segment, owner, displayName, tags };
  const after = { ...before, ...fields };
  if (sameFields(before, after)) return undefined;
  return { tenantId, isNewTenant: known === undefined, before, after, revision: (known?.revision ?? 0) + 1 };
}

async function write(
  transaction: StaffTransaction,
  actor: StaffActor,
  changes: readonly PlannedChange[],
): Promise<void> {
  const rows = changes.map(({ tenantId, after, revision }) => ({ tenant_id: tenantId, revision, ...after }));
  const asRows = `jsonb_to_recordset($1::jsonb)
    as r (tenant_id text, segment text, owner text, "displayName" text, tags text[], revision int)`;
  const json = JSON.stringify(rows);
  await transaction.query(
    `update tenantry.tenants t set display_name = r."displayName" from ${asRows}
     where t.tenant_id = r.tenant_id and t.display_name is distinct from r."displayName"`,
    [json],
  );
  await transaction.query(
    `insert into tenantry.tenant_profiles (tenant_id, segment, owner, tags, revision, set_by)
     select tenant_id, segment, owner, tags, revision, $2 from ${asRows}
     on conflict (tenant_id) do update set segment = excluded.segment, owner = excluded.owner, tags = excluded.tags,
       revision = excluded.revision, set_by = excluded.set_by, set_at = clock_timestamp()`,
    [json, actor.subject],
  );
  for (const { tenantId, before, after } of changes) {
    await transaction.audit({ action: 'tenant.profile', resource: `tenant/${tenantId}`, tenantId, before, after });
  }
}

function changedMeanwhile(): TenantryError {
  return new TenantryError('CONFLICT', 'Somebody else has changed this profile since.', {
    hint: 'Read it again and repeat the change with its revision.',
  });
}
