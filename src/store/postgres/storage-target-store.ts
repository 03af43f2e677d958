import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { NewStorageTarget, StorageTarget, StorageTargetSettings } from '../../domain/storage-target.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';

/** What stands in a row; `kind` has a column of its own. */
interface TargetRow extends Omit<StorageTarget, 'settings'> {
  readonly kind: StorageTargetSettings['kind'];
  readonly settings: Omit<StorageTargetSettings, 'kind'>;
}

const COLUMNS = `id, name, kind, settings, interval_seconds as "intervalSeconds", created_by as "createdBy",
  ${unixMs('created_at')} as "createdAt", ${unixMs('asked_at')} as "askedAt"`;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What is asked how much tenants store. Secrets are referred to and never here. */
export class StorageTargetStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** In the order of names. */
  async list(actor: StaffActor): Promise<readonly StorageTarget[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<TargetRow>(`select ${COLUMNS} from tenantry.storage_targets order by name`),
    );
    return rows.map(targetOf);
  }

  /** @throws TenantryError CONFLICT when the name is taken */
  async create(actor: StaffActor, { name, intervalSeconds, settings }: NewStorageTarget): Promise<StorageTarget> {
    const { kind, ...rest } = settings;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [row] = await transaction.query<TargetRow>(
        `insert into tenantry.storage_targets (name, kind, settings, interval_seconds, created_by)
         values ($1, $2, $3, $4, $5) returning ${COLUMNS}`,
        [name, kind, JSON.stringify(rest), intervalSeconds, actor.subject],
      );
      if (row === undefined) throw new TenantryError('INTERNAL', 'The target just written cannot be read');
      const target = targetOf(row);
      await transaction.audit({ action: 'storage_target.create', resource: `storage-target/${row.id}`, after: target });
      return target;
    });
  }

  /** With its runs. False if there is none with this id. */
  async remove(actor: StaffActor, id: string): Promise<boolean> {
    if (!ID.test(id)) return false;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [row] = await transaction.query<TargetRow>(
        `delete from tenantry.storage_targets where id = $1 returning ${COLUMNS}`,
        [id],
      );
      if (row === undefined) return false;
      const before = targetOf(row);
      await transaction.audit({ action: 'storage_target.remove', resource: `storage-target/${id}`, before });
      return true;
    });
  }

  /** Has it measured as soon as may be. False if there is none with this id. */
  async ask(actor: StaffActor, id: string): Promise<boolean> {
    if (!ID.test(id)) return false;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const rows = await transaction.query(
        `update tenantry.storage_targets set asked_at = clock_timestamp() where id = $1 returning id`,
        [id],
      );
      if (rows.length === 0) return false;
      await transaction.audit({ action: 'storage_target.collect', resource: `storage-target/${id}` });
      return true;
    });
  }
}

function targetOf({ kind, settings, ...row }: TargetRow): StorageTarget {
  return { ...row, settings: { kind, ...settings } as StorageTargetSettings };
}
