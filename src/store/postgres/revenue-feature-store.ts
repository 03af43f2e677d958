import type { StaffActor } from '../../domain/actor.ts';
import type { Postgres } from './postgres.ts';
import type { Transaction } from './transaction.ts';

/** What the operator calls a feature (src/cost/margin-features.ts). */
export interface StoredFeature {
  readonly name: string;
  /** '' stands for any. */
  readonly routes: readonly { readonly service: string; readonly route: string }[];
  readonly plans: readonly string[];
}

/** Features in the order in which they are tried. */
export class RevenueFeatureStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async list(actor: StaffActor): Promise<readonly StoredFeature[]> {
    return this.#postgres.inStaffTransaction(actor, readFeatures);
  }

  /** Takes the place of all that were there. */
  async replace(actor: StaffActor, features: readonly StoredFeature[]): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await transaction.query('lock table tenantry.revenue_features in share row exclusive mode');
      const before = await readFeatures(transaction);
      await transaction.query('delete from tenantry.revenue_features');
      for (const [position, { name, routes, plans }] of features.entries()) {
        await transaction.query(
          'insert into tenantry.revenue_features (name, routes, plans, position) values ($1, $2::jsonb, $3, $4)',
          [name, JSON.stringify(routes), plans, position],
        );
      }
      await transaction.audit({ action: 'features.set', resource: 'features', before, after: features });
    });
  }
}

function readFeatures(transaction: Transaction): Promise<readonly StoredFeature[]> {
  return transaction.query<StoredFeature>(
    'select name, routes, plans from tenantry.revenue_features order by position',
  );
}
