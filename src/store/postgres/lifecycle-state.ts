import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { StateVerdict, TenantStanding, TenantState } from '../../domain/tenant-state.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';

/** Who ends suspensions that have run out, and puts anew what apps are told. */
const KEEPER: StaffActor = { kind: 'system', subject: 'tenant-states' };
/**
 * What apps are told of a suspension that somebody ends. With every server gone for so long, apps let the tenant go: a
 * flag that nobody stands behind any more must not refuse customers for ever.
 */
const FLAG_DAYS = 7;
/** Put anew with less than this left, so about once a day. */
const RENEW_DAYS = 6;
const MOST_AT_ONCE = 500;

const STANDING = `t.tenant_id as "tenantId", coalesce(s.version, 0) as version, coalesce(s.status, t.status) as status,
  s.effect, s.reason_code as "reasonCode", s.reason, ${unixMs('s.until')} as until,
  ${unixMs('s.changed_at')} as "changedAt", s.changed_by as "changedBy", coalesce(s.by_person, false) as "byPerson"`;

/** Decides about a tenant as it stands; `now` is Unix ms on the database's clock. */
export type DecideState = (standing: TenantStanding, now: number) => StateVerdict;

export interface StateChange {
  readonly standing: TenantStanding;
  readonly changed: boolean;
}

/** Where tenants stand. Apps hear of every change by the flag stream, in the transaction of the change. */
export class TenantStateStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Undefined if nobody has named the tenant yet. */
  async read(actor: StaffActor, tenantId: TenantId): Promise<TenantStanding | undefined> {
    return this.#postgres.inReadTransaction(actor, (transaction) => readStanding(transaction, tenantId));
  }

  /**
   * Decides with the tenant locked, so that of two who decide at the same moment the second sees what the first did.
   * @param isPerson what the decision counts as afterwards
   * @returns undefined if nobody has named the tenant yet
   * @throws TenantryError whatever the verdict refuses with
   */
  async change(
    actor: StaffActor,
    tenantId: TenantId,
    isPerson: boolean,
    decide: DecideState,
  ): Promise<StateChange | undefined> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      changeState(transaction, actor, { tenantId, isPerson, decide }),
    );
  }

  /** Those that are closed, among `tenants` or (undefined) all. */
  async closed(tenants?: readonly TenantId[]): Promise<ReadonlySet<TenantId>> {
    return this.#withStatus(['closed'], tenants);
  }

  /** Those that are suspended or closed. */
  async held(): Promise<ReadonlySet<TenantId>> {
    return this.#withStatus(['suspended', 'closed'], undefined);
  }

  async #withStatus(statuses: readonly string[], tenants: readonly TenantId[] | undefined) {
    const rows = await this.#postgres.inReadTransaction(KEEPER, (transaction) =>
      transaction.query<{ tenantId: TenantId }>(
        `select tenant_id as "tenantId" from tenantry.tenant_states
         where status = any($1) and (until is null or until > clock_timestamp())
           and ($2::text[] is null or tenant_id = any($2))`,
        [statuses, tenants ?? null],
      ),
    );
    return new Set(rows.map(({ tenantId }) => tenantId));
  }

  /** Writes down which suspensions have run out. Apps have ended them by themselves. @returns how many */
  async endDue(decide: DecideState): Promise<number> {
    const due = await this.#postgres.inReadTransaction(KEEPER, (transaction) =>
      transaction.query<{ tenantId: TenantId }>(
        `select tenant_id as "tenantId" from tenantry.tenant_states
         where status = 'suspended' and until <= clock_timestamp() order by until limit $1`,
        [MOST_AT_ONCE],
      ),
    );
    for (const { tenantId } of due) await this.change(KEEPER, tenantId, false, decide);
    return due.length;
  }

  /** Puts flags anew whose end is near though the tenant is still held. @returns how many */
  async renewFlags(): Promise<number> {
    return this.#postgres.inStaffTransaction(KEEPER, async (transaction) => {
      const ending = await transaction.query<TenantStanding>(
        `select ${STANDING} from tenantry.tenants t join tenantry.tenant_states s using (tenant_id)
         where s.status <> 'active' and not exists (
           select from tenantry.flags f
           where f.tenant_id = t.tenant_id and f.kind = 'suspend' and f.lifted_at is null
             and f.expires_at >= least(s.until, clock_timestamp() + $1 * interval '1 day'))
           and (s.until is null or s.until > clock_timestamp())
         order by t.tenant_id limit $2 for no key update of t, s skip locked`,
        [RENEW_DAYS, MOST_AT_ONCE],
      );
      if (ending.length === 0) return 0;
      transaction.unaudited('a flag takes the place of one that says the same');
      const revision = await nextRevision(transaction, 'flags');
      for (const standing of ending) await tellApps(transaction, KEEPER, standing, revision);
      return ending.length;
    });
  }
}

/** `TenantStateStore.change` within a transaction that does more. */
export async function changeState(
  transaction: StaffTransaction,
  actor: StaffActor,
  { tenantId, isPerson, decide }: { tenantId: TenantId; isPerson: boolean; decide: DecideState },
): Promise<StateChange | undefined> {
  // Not `for update`: whoever writes a flag of the tenant holds its key, and waits for the revision that we take below.
  await transaction.query('select from tenantry.tenants where tenant_id = $1 for no key update', [tenantId]);
  const before = await readStanding(transaction, tenantId);
  if (before === undefined) return undefined;
  const [clock] = await transaction.query<{ now: number }>(`select ${unixMs('clock_timestamp()')} as now`);
  const verdict = decide(before, clock?.now ?? Number.NaN);
  if (verdict.kind === 'refused') throw new TenantryError(verdict.code, verdict.detail, { hint: verdict.hint });
  if (verdict.kind === 'unchanged') {
    transaction.unaudited('the tenant stands so already');
    return { standing: before, changed: false };
  }
  const revision = await nextRevision(transaction, 'flags');
  const standing = await write(transaction, actor, { before, next: verdict.next, isPerson });
  await tellApps(transaction, actor, standing, revision);
  // Ingest refuses the keys of closed tenants by the list of keys that it reads.
  if ((before.status === 'closed') !== (standing.status === 'closed')) await nextRevision(transaction, 'keys');
  await transaction.audit({
    action: actionOf(before, standing),
    resource: `tenant/${tenantId}`,
    tenantId,
    before: stateOf(before),
    after: { ...stateOf(standing), reason: standing.reason },
  });
  return { standing, changed: true };
}

async function readStanding(transaction: Transaction, tenantId: TenantId): Promise<TenantStanding | undefined> {
  const [row] = await transaction.query<TenantStanding>(
    `select ${STANDING} from tenantry.tenants t left join tenantry.tenant_states s using (tenant_id)
     where t.tenant_id = $1`,
    [tenantId],
  );
  return row;
}

async function write(
  transaction: StaffTransaction,
  actor: StaffActor,
  { before, next, isPerson }: { before: TenantStanding; next: TenantState; isPerson: boolean },
): Promise<TenantStanding> {
  const { tenantId } = before;
  const { status, effect, reasonCode, reason, until } = next;
  await transaction.query('update tenantry.tenants set status = $2 where tenant_id = $1', [tenantId, status]);
  await transaction.query(
    `insert into tenantry.tenant_states
       (tenant_id, version, status, effect, reason_code, reason, until, changed_at, changed_by, by_person)
     values ($1, $2, $3, $4, $5, $6, ${fromUnixMs('$7')}, clock_timestamp(), $8, $9)
     on conflict (tenant_id) do update
     set version = excluded.version, status = excluded.status, effect = excluded.effect,
         reason_code = excluded.reason_code, reason = excluded.reason, until = excluded.until,
         changed_at = excluded.changed_at, changed_by = excluded.changed_by, by_person = excluded.by_person`,
    [tenantId, before.version + 1, status, effect, reasonCode, reason, until, actor.subject, isPerson],
  );
  const standing = await readStanding(transaction, tenantId);
  if (standing === undefined) throw new TenantryError('INTERNAL', 'The state just written cannot be read');
  return standing;
}

/** In one revision the flag that apps have goes and, unless the tenant is let go, another one comes. */
async function tellApps(
  transaction: StaffTransaction,
  actor: StaffActor,
  { tenantId, status, effect, reasonCode, reason, until }: TenantStanding,
  revision: number,
): Promise<void> {
  await transaction.query(
    `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = $2, lifted_revision = $3
     where tenant_id = $1 and kind = 'suspend' and lifted_at is null and expires_at > clock_timestamp()`,
    [tenantId, actor.subject, revision],
  );
  if (status === 'active') return;
  const value = { status, effect: effect ?? 'refuse', reasonCode: reasonCode ?? 'other' };
  await transaction.query(
    `with moment as materialized (select clock_timestamp() as at)
     insert into tenantry.flags (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
     select $1, 'suspend', '{}', $2::jsonb, 'enforce', $3, $4, at,
            least(${fromUnixMs('$5')}, at + $6 * interval '1 day'), $7
     from moment where $5::float8 is null or ${fromUnixMs('$5')} > at`,
    [tenantId, JSON.stringify(value), reason ?? status, actor.subject, until, FLAG_DAYS, revision],
  );
}

function stateOf({ status, effect, reasonCode, until, version }: TenantStanding): object {
  return status === 'suspended' ? { status, effect, reasonCode, until, version } : { status, version };
}

function actionOf(before: TenantStanding, { status, changedBy }: TenantStanding): string {
  if (status === 'suspended') return 'tenant.suspend';
  if (status === 'closed') return 'tenant.close';
  if (before.status === 'closed') return 'tenant.reopen';
  return changedBy === KEEPER.subject ? 'tenant.suspension_end' : 'tenant.resume';
}
