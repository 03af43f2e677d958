import type { StaffActor } from '../../domain/actor.ts';
import type {
  Signal,
  SignalEvidence,
  SignalId,
  SignalKind,
  SignalObservation,
  SignalStatus,
} from '../../domain/signal.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction } from './transaction.ts';

const SIGNALS: StaffActor = { kind: 'system', subject: 'signals' };
/** Ended signals are kept as long as hour rollups: what they speak of can be looked up so long. */
const KEPT = '400 days';

interface Watch extends SignalId {
  /** Unix ms. */
  readonly onSince: number | null;
  readonly offSince: number | null;
}

type OpenSignal = SignalId & Pick<Signal, 'id'>;

/** What one evaluation changes. */
export interface StoredSignalChanges {
  readonly begun: readonly (SignalObservation & { readonly since: number })[];
  readonly seen: readonly (SignalObservation & Pick<Signal, 'id'>)[];
  readonly ended: readonly OpenSignal[];
  readonly watches: readonly Watch[];
  readonly dropped: readonly SignalId[];
}

export interface SignalFilter {
  readonly tenantId?: TenantId;
  readonly kind?: SignalKind;
  /** Absent: all. */
  readonly status?: SignalStatus;
  readonly offset: number;
  readonly limit: number;
}

interface SignalRow {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly kind: SignalKind;
  readonly subject: string;
  readonly since: number;
  readonly seenAt: number;
  readonly strength: number;
  readonly sentence: string;
  readonly evidence: SignalEvidence;
  readonly endedAt: number | null;
  readonly dismissed_ms: number | null;
  readonly dismissed_by: string | null;
  readonly dismissed_reason: string | null;
  readonly snoozed_ms: number | null;
}

const COLUMNS = `id, tenant_id as "tenantId", kind, subject, ${unixMs('since')} as since, ${unixMs('seen_at')} as "seenAt",
  strength, sentence, evidence, ${unixMs('ended_at')} as "endedAt", ${unixMs('dismissed_at')} as dismissed_ms,
  dismissed_by, dismissed_reason, ${unixMs('snoozed_until')} as snoozed_ms`;

const IS_DISMISSED = `(dismissed_at is not null and coalesce(snoozed_until > clock_timestamp(), true))`;
const STATUS: Readonly<Record<SignalStatus, string>> = {
  open: `ended_at is null and not ${IS_DISMISSED}`,
  dismissed: `ended_at is null and ${IS_DISMISSED}`,
  ended: 'ended_at is not null',
};

/** Signals for sales: what evaluations find, and what people say to it. */
export class SignalStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Open signals and watches of all tenants. */
  async state(): Promise<{ readonly open: readonly OpenSignal[]; readonly watches: readonly Watch[] }> {
    return this.#postgres.inStaffTransaction(SIGNALS, async (transaction) => ({
      open: await transaction.query<OpenSignal>(
        'select id, tenant_id as "tenantId", kind, subject from tenantry.signals where ended_at is null',
      ),
      watches: await transaction.query<Watch>(
        `select tenant_id as "tenantId", kind, subject, ${unixMs('on_since')} as "onSince",
                ${unixMs('off_since')} as "offSince" from tenantry.signal_watches`,
      ),
    }));
  }

  /** Keeps what an evaluation at `now` (Unix ms) changed, all of it or nothing. Of tenants that nobody has entered nothing is kept. */
  async apply(changes: StoredSignalChanges, now: number): Promise<void> {
    await this.#postgres.inStaffTransaction(SIGNALS, async (transaction) => {
      transaction.unaudited('signals are worked out again and again; what people say to them is audited');
      await writeSignals(transaction, changes, now);
      await writeWatches(transaction, changes, now);
      await transaction.query(`delete from tenantry.signals where ended_at < clock_timestamp() - interval '${KEPT}'`);
    });
  }

  /** The strongest first, then the newest. */
  async list(actor: StaffActor, { tenantId, kind, status, offset, limit }: SignalFilter): Promise<readonly Signal[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<SignalRow>(
        `select ${COLUMNS} from tenantry.signals
         where ($1::text is null or tenant_id = $1) and ($2::text is null or kind = $2)
           and (${status === undefined ? 'true' : STATUS[status]})
         order by strength desc, since desc, id offset $3 limit $4`,
        [tenantId ?? null, kind ?? null, offset, limit],
      ),
    );
    return rows.map(signalOf);
  }

  /**
   * Puts an open signal aside: until a moment (Unix ms), or for as long as it lasts. Undefined: there is no such open one.
   */
  async dismiss(
    actor: StaffActor,
    id: string,
    { reason, until }: { readonly reason: string; readonly until: number | null },
  ): Promise<Signal | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(id)) return undefined;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [row] = await transaction.query<SignalRow>(
        `update tenantry.signals set dismissed_at = clock_timestamp(), dismissed_by = $2, dismissed_reason = $3,
                snoozed_until = ${fromUnixMs('$4')}
         where id = $1 and ended_at is null returning ${COLUMNS}`,
        [id, actor.subject, reason, until],
      );
      if (row === undefined) return undefined;
      await transaction.audit({
        action: 'signal.dismiss',
        resource: `signal/${id}`,
        tenantId: row.tenantId,
        after: { kind: row.kind, subject: row.subject, reason, until },
      });
      return signalOf(row);
    });
  }
}

function signalOf({ dismissed_ms, dismissed_by, dismissed_reason, snoozed_ms, ...signal }: SignalRow): Signal {
  return {
    ...signal,
    dismissal:
      dismissed_ms === null
        ? null
        : { at: dismissed_ms, by: dismissed_by ?? '', reason: dismissed_reason ?? '', until: snoozed_ms },
  };
}

async function writeSignals(
  transaction: StaffTransaction,
  { begun, seen, ended }: StoredSignalChanges,
  now: number,
): Promise<void> {
  const found = ({ grade: _grade, ...signal }: SignalObservation & { since?: number; id?: string }) => signal;
  if (begun.length > 0) {
    await transaction.query(
      `insert into tenantry.signals (tenant_id, kind, subject, since, seen_at, strength, sentence, evidence)
       select "tenantId", kind, subject, to_timestamp(since / 1000), ${fromUnixMs('$2')}, strength, sentence, evidence
       from jsonb_to_recordset($1::jsonb) as found ("tenantId" text, kind text, subject text, since float8,
              strength int, sentence text, evidence jsonb)
       where "tenantId" in (select tenant_id from tenantry.tenants)
       on conflict (tenant_id, kind, subject) where ended_at is null do nothing`,
      [JSON.stringify(begun.map(found)), now],
    );
  }
  if (seen.length > 0) {
    await transaction.query(
      `update tenantry.signals set seen_at = ${fromUnixMs('$2')}, strength = found.strength,
              sentence = found.sentence, evidence = found.evidence
       from jsonb_to_recordset($1::jsonb) as found (id uuid, strength int, sentence text, evidence jsonb)
       where signals.id = found.id and ended_at is null`,
      [JSON.stringify(seen.map(found)), now],
    );
  }
  if (ended.length > 0) {
    await transaction.query(
      `update tenantry.signals set ended_at = greatest(since, ${fromUnixMs('$2')})
       where id = any($1::uuid[]) and ended_at is null`,
      [ended.map(({ id }) => id), now],
    );
  }
}

async function writeWatches(
  transaction: StaffTransaction,
  { watches, dropped }: StoredSignalChanges,
  now: number,
): Promise<void> {
  if (watches.length > 0) {
    await transaction.query(
      `insert into tenantry.signal_watches (tenant_id, kind, subject, on_since, off_since, evaluated_at)
       select "tenantId", kind, subject, to_timestamp("onSince" / 1000), to_timestamp("offSince" / 1000), ${fromUnixMs('$2')}
       from jsonb_to_recordset($1::jsonb) as watch ("tenantId" text, kind text, subject text, "onSince" float8, "offSince" float8)
       where "tenantId" in (select tenant_id from tenantry.tenants)
       on conflict (tenant_id, kind, subject) do update
       set on_since = excluded.on_since, off_since = excluded.off_since, evaluated_at = excluded.evaluated_at`,
      [JSON.stringify(watches), now],
    );
  }
  if (dropped.length > 0) {
    await transaction.query(
      `delete from tenantry.signal_watches watch
       using jsonb_to_recordset($1::jsonb) as gone ("tenantId" text, kind text, subject text)
       where watch.tenant_id = gone."tenantId" and watch.kind = gone.kind and watch.subject = gone.subject`,
      [JSON.stringify(dropped)],
    );
  }
}
