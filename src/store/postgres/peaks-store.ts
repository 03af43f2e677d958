import type { StaffActor } from '../../domain/actor.ts';
import type { KnownPeak, NewKnownPeak, PeakTime } from '../../domain/automation.ts';
import { EVERY_TENANT } from '../../domain/breaker.ts';
import { TenantryError } from '../../domain/errors.ts';
import { isTenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

const COLUMNS = `id, tenant_id as "tenantId", name, note, ${unixMs('from_at')} as "from", ${unixMs('to_at')} as "to",
  time_zone as "timeZone", weekdays, start_minute as "startMinute", length_minutes as "lengthMinutes",
  created_by as "createdBy", ${unixMs('created_at')} as "createdAt"`;

type Row = Pick<KnownPeak, 'id' | 'tenantId' | 'name' | 'note' | 'createdBy' | 'createdAt'> & {
  readonly from: number | null;
  readonly to: number | null;
  readonly timeZone: string | null;
  readonly weekdays: readonly number[] | null;
  readonly startMinute: number | null;
  readonly lengthMinutes: number | null;
};

/** The operator's calendar of times in which much load is expected. */
export class PeaksStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** All of them but those that are long over, oldest entry first. */
  async list(actor: StaffActor): Promise<readonly KnownPeak[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Row>(
        `select ${COLUMNS} from tenantry.known_peaks
         where to_at is null or to_at > clock_timestamp() - interval '400 days' order by created_at, id`,
      ),
    );
    return rows.map(toPeak);
  }

  /**
   * Enters a peak under an id, or takes the place of the one that has it.
   * @throws TenantryError BAD_REQUEST for values outside the table's bounds
   */
  async put(actor: StaffActor, id: string, peak: NewKnownPeak): Promise<KnownPeak> {
    const { tenantId, name, note, time } = peak;
    if (!isUuid(id)) throw new TenantryError('BAD_REQUEST', 'The id of a known peak is a UUID.');
    if (tenantId !== EVERY_TENANT && !isTenantId(tenantId)) {
      throw new TenantryError('BAD_REQUEST', 'The tenant id is malformed');
    }
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      if (isTenantId(tenantId)) await enterTenants(transaction, [tenantId]);
      const [before] = await transaction.query<Row>(
        `delete from tenantry.known_peaks where id = $1 returning ${COLUMNS}`,
        [id],
      );
      const [row] = await transaction.query<Row>(
        `insert into tenantry.known_peaks (id, tenant_id, name, note, from_at, to_at, time_zone, weekdays, start_minute,
           length_minutes, created_by)
         values ($1, $2, $3, $4, ${fromUnixMs('$5')}, ${fromUnixMs('$6')}, $7, $8, $9, $10, $11) returning ${COLUMNS}`,
        [id, tenantId, name, note, ...timeValues(time), actor.subject],
      );
      if (row === undefined) throw new TenantryError('INTERNAL', 'The peak just written cannot be read');
      await audit(transaction, 'known_peak.put', tenantId, id, {
        after: toPeak(row),
        ...(before === undefined ? {} : { before: toPeak(before) }),
      });
      return toPeak(row);
    });
  }

  /** False if there is none with this id. */
  async remove(actor: StaffActor, id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [before] = await transaction.query<Row>(
        `delete from tenantry.known_peaks where id = $1 returning ${COLUMNS}`,
        [id],
      );
      if (before === undefined) transaction.unaudited('there was nothing to remove');
      else await audit(transaction, 'known_peak.remove', before.tenantId, id, { before: toPeak(before) });
      return before !== undefined;
    });
  }
}

function timeValues(time: PeakTime): readonly unknown[] {
  return time.kind === 'once'
    ? [time.from, time.to, null, null, null, null]
    : [null, null, time.timeZone, time.weekdays, time.startMinute, time.lengthMinutes];
}

/** The table's check guarantees that a row is of one kind, whole. */
function toPeak(row: Row): KnownPeak {
  const { from, to, timeZone, weekdays, startMinute, lengthMinutes, ...peak } = row;
  const time: PeakTime =
    from !== null && to !== null
      ? { kind: 'once', from, to }
      : {
          kind: 'weekly',
          timeZone: timeZone ?? 'UTC',
          weekdays: weekdays ?? [],
          startMinute: startMinute ?? 0,
          lengthMinutes: lengthMinutes ?? 0,
        };
  return { ...peak, time };
}

async function audit(
  transaction: StaffTransaction,
  action: string,
  tenantId: string,
  id: string,
  change: { readonly before?: KnownPeak; readonly after?: KnownPeak },
): Promise<void> {
  const tenant = isTenantId(tenantId) ? { tenantId } : {};
  await transaction.audit({ action, resource: `known-peak/${id}`, ...tenant, ...change });
}
