import type { StaffActor } from '../../domain/actor.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';

/** The red button as all servers share it. Unix ms; `revision` is the flags' at which it was set. */
export interface SharedSwitch {
  readonly on: boolean;
  readonly reason: string;
  readonly by: string | null;
  readonly at: number | null;
  readonly revision: number;
}

const COLUMNS = `is_on as "on", reason, by, ${unixMs('at')} as at, revision::float8 as revision`;

/** Reads it in a transaction of the caller's. */
export async function readSharedSwitch(transaction: Transaction): Promise<SharedSwitch> {
  const [row] = await transaction.query<SharedSwitch>(`select ${COLUMNS} from tenantry.kill_switch`);
  return row ?? { on: false, reason: '', by: null, at: null, revision: 0 };
}

export class ControlSwitchStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Sets it for every server, with a revision of the flags: an app that acknowledges it has heard of the switch.
   * @param unlessAfter the change is dropped when somebody set it after this revision; undefined: never
   * @returns what holds now
   */
  async set(
    actor: StaffActor,
    wanted: { readonly on: boolean; readonly reason: string },
    unlessAfter?: number,
  ): Promise<SharedSwitch> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      // The row lock orders servers that set it at the same time; the revision's own lock comes second everywhere.
      const [held] = await transaction.query<SharedSwitch>(`select ${COLUMNS} from tenantry.kill_switch for update`);
      if (unlessAfter !== undefined && (held?.revision ?? 0) > unlessAfter) {
        transaction.unaudited('somebody else was faster');
        return held ?? readSharedSwitch(transaction);
      }
      const revision = await nextRevision(transaction, 'flags');
      await transaction.query(
        `update tenantry.kill_switch set is_on = $1, reason = $2, by = $3, at = clock_timestamp(), revision = $4`,
        [wanted.on, wanted.reason, actor.subject, revision],
      );
      const after = await readSharedSwitch(transaction);
      await transaction.audit({
        ...{ action: 'kill_switch.set', resource: 'kill-switch', after },
        ...(held === undefined ? {} : { before: held }),
      });
      return after;
    });
  }

  /** Which live app instances have obeyed a revision of the flags, and when; null: not yet. Unix ms. */
  async reach(
    actor: StaffActor,
    revision: number,
  ): Promise<readonly { readonly service: string; readonly instanceId: string; readonly ackedAt: number | null }[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query(
        `select i.service, i.instance_id as "instanceId", ${unixMs('a.at')} as "ackedAt"
         from tenantry.flag_instances i
         left join lateral (
           select min(acked_at) as at from tenantry.flag_acks
           where service = i.service and instance_id = i.instance_id and revision >= $1
         ) a on true
         where i.seen_at > clock_timestamp() - interval '30 seconds' order by a.at nulls last, i.service, i.instance_id`,
        [revision],
      ),
    );
  }
}
