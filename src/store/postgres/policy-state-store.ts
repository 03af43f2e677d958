import type { StaffActor } from '../../domain/actor.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';

const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };
const OWN_MEMORY = "the leading detector's own memory";

/** What a detector that takes over must know. Unix ms. */
export interface PolicyMemory {
  /** Why automatic throttling stands still; null: it does not. */
  readonly page: string | null;
  readonly pageSince: number | null;
  /** Up to when tenants were judged; null: never. */
  readonly judgedUntil: number | null;
  /** The detector's own state as text; null: none. When saved, undefined leaves it as it is. */
  readonly detector?: string | null | undefined;
}

export class PolicyStateStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async load(): Promise<PolicyMemory> {
    const [row] = await this.#postgres.inReadTransaction(DETECTOR, (transaction) =>
      transaction.query<PolicyMemory>(
        `select page, ${unixMs('page_since')} as "pageSince", ${unixMs('judged_until')} as "judgedUntil", detector
         from tenantry.policy_state`,
      ),
    );
    return row ?? { page: null, pageSince: null, judgedUntil: null, detector: null };
  }

  async save({ page, pageSince, judgedUntil, detector }: PolicyMemory): Promise<void> {
    await this.#postgres.inStaffTransaction(DETECTOR, async (transaction) => {
      transaction.unaudited(OWN_MEMORY);
      await transaction.query(
        `update tenantry.policy_state
         set page = $1, page_since = ${fromUnixMs('$2')}, judged_until = ${fromUnixMs('$3')},
             detector = case when $4 then $5 else detector end`,
        [page, pageSince, judgedUntil, detector !== undefined, detector ?? null],
      );
    });
  }
}
