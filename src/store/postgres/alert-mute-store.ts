import type { StaffActor } from '../../domain/actor.ts';
import type { AlertMute, NewAlertMute } from '../../domain/alert.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import { isUuid } from './uuid.ts';

const COLUMNS = `id, tenant_id as "tenantId", kind, reason, created_by as "createdBy",
  ${unixMs('created_at')} as "createdAt", ${unixMs('expires_at')} as "expiresAt"`;

/** Tenants of whom nobody wants to hear for a while. The outbox asks for them when it looks for what to tell. */
export class AlertMuteStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async create(actor: StaffActor, { tenantId, kind, reason, expiresInSeconds }: NewAlertMute): Promise<AlertMute> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      const [mute] = await transaction.query<AlertMute>(
        `insert into tenantry.alert_mutes (tenant_id, kind, reason, created_by, expires_at)
         values ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5)) returning ${COLUMNS}`,
        [tenantId, kind, reason, actor.subject, expiresInSeconds],
      );
      if (mute === undefined) throw new TenantryError('INTERNAL', 'The mute just written cannot be read');
      await transaction.audit({
        action: 'alert-mute.create',
        resource: `alert-mute/${mute.id}`,
        tenantId,
        after: mute,
      });
      return mute;
    });
  }

  /** Those in force, newest first. */
  async list(actor: StaffActor): Promise<readonly AlertMute[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<AlertMute>(
        `select ${COLUMNS} from tenantry.alert_mutes where expires_at > clock_timestamp()
         order by created_at desc, id limit 1000`,
      ),
    );
  }

  /** Ends a mute: what was held back meanwhile and still is so is told now. False if none is in force with this id. */
  async remove(actor: StaffActor, id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [gone] = await transaction.query<AlertMute>(
        `delete from tenantry.alert_mutes where id = $1 and expires_at > clock_timestamp() returning ${COLUMNS}`,
        [id],
      );
      if (gone === undefined) return false;
      const { tenantId, kind, reason, expiresAt } = gone;
      await transaction.audit({
        action: 'alert-mute.delete',
        resource: `alert-mute/${id}`,
        before: { tenantId, kind, reason, expiresAt },
      });
      return true;
    });
  }
}
