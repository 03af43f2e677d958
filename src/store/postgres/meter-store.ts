import type { Actor, StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { Meter, MeterDefinition } from '../../domain/meter.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';

/** Each is a question over the events of its type; hundreds are a mistake. */
const MOST_METERS = 500;

const COLUMNS = `slug, event_type as "eventType", aggregation, value_path as "valuePath", group_by as "groupBy", unit,
  description, created_by as "createdBy", ${unixMs('created_at')} as "createdAt"`;

/** What meters there are. What they have counted is ClickHouse's. */
export class MeterStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** By slug. */
  async list(actor: Actor): Promise<readonly Meter[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Meter>(`select ${COLUMNS} from tenantry.meters order by slug`),
    );
  }

  async find(actor: Actor, slug: string): Promise<Meter | undefined> {
    return this.#postgres.inReadTransaction(actor, (transaction) => findMeter(transaction, slug));
  }

  /** @throws TenantryError CONFLICT when the slug is taken or there are too many */
  async create(actor: StaffActor, meter: MeterDefinition): Promise<Meter> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [row] = await transaction.query<{ n: number }>('select count(*)::int as n from tenantry.meters');
      if ((row?.n ?? 0) >= MOST_METERS) {
        throw new TenantryError('CONFLICT', `There are ${MOST_METERS} meters already.`, {
          hint: 'Delete one that is not needed; what it counted stays in the events.',
        });
      }
      if ((await findMeter(transaction, meter.slug)) !== undefined) throw slugTaken();
      const [made] = await transaction.query<Meter>(
        `insert into tenantry.meters (slug, event_type, aggregation, value_path, group_by, unit, description, created_by)
         values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8) on conflict do nothing returning ${COLUMNS}`,
        [
          meter.slug,
          meter.eventType,
          meter.aggregation,
          meter.valuePath,
          JSON.stringify(meter.groupBy),
          meter.unit,
          meter.description,
          actor.subject,
        ],
      );
      if (made === undefined) throw slugTaken();
      await transaction.audit({ action: 'meter.create', resource: `meter/${meter.slug}`, after: meter });
      return made;
    });
  }

  /** False if there is none with this slug. Events stay: the same meter made again counts the same. */
  async remove(actor: StaffActor, slug: string): Promise<boolean> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const meter = await findMeter(transaction, slug);
      if (meter === undefined) return false;
      await transaction.query('delete from tenantry.meters where slug = $1', [slug]);
      await transaction.audit({ action: 'meter.delete', resource: `meter/${slug}`, before: meter });
      return true;
    });
  }
}

async function findMeter(transaction: Transaction, slug: string): Promise<Meter | undefined> {
  const [row] = await transaction.query<Meter>(`select ${COLUMNS} from tenantry.meters where slug = $1`, [slug]);
  return row;
}

function slugTaken(): TenantryError {
  return new TenantryError('CONFLICT', 'There is a meter with this slug.', {
    hint: 'Choose another slug, or delete that meter first; a meter does not change.',
  });
}
