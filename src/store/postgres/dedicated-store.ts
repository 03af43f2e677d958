import type { Actor, StaffActor } from '../../domain/actor.ts';
import { DEFAULT_DEDICATED_TERMS, type DedicatedTerms, type Placement } from '../../domain/dedicated.ts';
import { TenantryError } from '../../domain/errors.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { enterTenants } from './tenant-directory.ts';
import type { Transaction } from './transaction.ts';

/** Amounts are text within the JSON: numbers there end at 2^53. */
type Stored<Item> = { readonly [Key in keyof Item]: Item[Key] extends bigint ? string : Item[Key] };
interface StoredTerms extends Omit<DedicatedTerms, 'offers' | 'pools'> {
  readonly offers: readonly Stored<DedicatedTerms['offers'][number]>[];
  readonly pools: readonly Stored<DedicatedTerms['pools'][number]>[];
}

/** What dedicated instances cost, and where people have placed tenants. */
export class DedicatedStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** The defaults until somebody has said anything. */
  async terms(actor: StaffActor): Promise<DedicatedTerms> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const terms = await readTerms(transaction);
      return terms === undefined ? DEFAULT_DEDICATED_TERMS : termsOf(terms);
    });
  }

  /** Replaces them all. */
  async putTerms(actor: StaffActor, terms: DedicatedTerms): Promise<DedicatedTerms> {
    const stored = storedTerms(terms);
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const before = await readTerms(transaction);
      await transaction.query(
        `insert into tenantry.dedicated_offers (id, terms, set_by) values (1, $1::jsonb, $2)
         on conflict (id) do update set terms = excluded.terms, set_by = excluded.set_by, set_at = clock_timestamp()`,
        [JSON.stringify(stored), actor.subject],
      );
      await transaction.audit({ action: 'dedicated-offers.set', resource: 'dedicated-offers', before, after: stored });
    });
    return terms;
  }

  /** Where people have placed the tenant; tenants of which nobody has said anything are in the pool. */
  async placement(actor: Actor, tenantId: TenantId): Promise<Placement> {
    const [row] = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<{ placement: Placement }>('select placement from tenantry.placements where tenant_id = $1', [
        tenantId,
      ]),
    );
    return row?.placement ?? 'pooled';
  }

  /** Places a tenant (entered if new). Nothing but a person does. */
  async putPlacement(
    actor: StaffActor,
    tenantId: TenantId,
    { placement, reason }: { readonly placement: Placement; readonly reason: string },
  ): Promise<void> {
    if (!isTenantId(tenantId)) throw new TenantryError('BAD_REQUEST', 'The tenant id is malformed');
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      const [before] = await transaction.query<{ placement: Placement; reason: string }>(
        'select placement, reason from tenantry.placements where tenant_id = $1 for update',
        [tenantId],
      );
      await transaction.query(
        `insert into tenantry.placements (tenant_id, placement, reason, set_by) values ($1, $2, $3, $4)
         on conflict (tenant_id) do update set placement = excluded.placement, reason = excluded.reason,
           set_by = excluded.set_by, set_at = clock_timestamp()`,
        [tenantId, placement, reason, actor.subject],
      );
      await transaction.audit({
        ...{ action: 'tenant.placement', resource: `tenant/${tenantId}`, tenantId },
        before: before ?? { placement: 'pooled' },
        after: { placement, reason },
      });
    });
  }
}

async function readTerms(transaction: Transaction): Promise<StoredTerms | undefined> {
  const [row] = await transaction.query<{ terms: StoredTerms }>('select terms from tenantry.dedicated_offers');
  return row?.terms;
}

function storedTerms({ offers, pools, ...terms }: DedicatedTerms): StoredTerms {
  return {
    ...terms,
    offers: offers.map((offer) => ({
      ...offer,
      ...{ priceMicro: String(offer.priceMicro), migrationMicro: String(offer.migrationMicro) },
    })),
    pools: pools.map((pool) => ({ ...pool, unitPriceMicro: String(pool.unitPriceMicro) })),
  };
}

function termsOf({ offers, pools, ...terms }: StoredTerms): DedicatedTerms {
  return {
    ...terms,
    offers: offers.map((offer) => ({
      ...offer,
      ...{ priceMicro: BigInt(offer.priceMicro), migrationMicro: BigInt(offer.migrationMicro) },
    })),
    pools: pools.map((pool) => ({ ...pool, unitPriceMicro: BigInt(pool.unitPriceMicro) })),
  };
}
