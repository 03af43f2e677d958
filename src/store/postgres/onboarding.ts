import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import { differingTerms, type NewTenant, type Onboarded, type OnboardingTerms } from '../../domain/onboarding.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { putTenantCap } from './cap-store.ts';
import { insertKey, newSecret } from './key-rows.ts';
import { requirePlan, schedulePlan } from './lifecycle-plans.ts';
import { putRetention } from './lifecycle-retention.ts';
import { addMember } from './member-store.ts';
import type { Postgres } from './postgres.ts';
import { putProfile } from './profile-store.ts';
import { putBillingDay, putSeats } from './quota-store.ts';
import { nextRevision } from './revisions.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants, putPlan } from './tenant-directory.ts';
import type { StaffTransaction } from './transaction.ts';

interface Stored {
  readonly tenantId: TenantId;
  readonly terms: OnboardingTerms;
  readonly created: boolean;
  readonly keyId: string | null;
  readonly onboardedBy: string;
  readonly onboardedAt: number;
}

const COLUMNS = `tenant_id as "tenantId", terms, created, key_id as "keyId", onboarded_by as "onboardedBy",
  ${unixMs('onboarded_at')} as "onboardedAt"`;

/** Signs tenants up: everything or nothing. */
export class OnboardingStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * The same call again, with or without its idempotency key, answers what the first one did, without the key's secret.
   * @throws TenantryError CONFLICT for another call about the same tenant or under the same idempotency key, a tenant that
   *   is closed, a member that is there; BAD_REQUEST for a plan that there is not
   */
  async onboard(actor: StaffActor, wanted: NewTenant, idempotencyKey: string | undefined): Promise<Onboarded> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      if (idempotencyKey !== undefined) await refuseReused(transaction, actor, wanted.tenantId, idempotencyKey);
      const created = await enter(transaction, wanted.tenantId);
      const before = await readOnboarding(transaction, wanted.tenantId);
      if (before !== undefined) {
        transaction.unaudited('the call was made before, and nothing is done twice');
        return repeated(before, wanted.terms);
      }
      await refuseClosed(transaction, wanted.tenantId);
      await refusePast(transaction, wanted);
      await write(transaction, actor, wanted);
      const made = await makeFirstKey(transaction, actor, wanted);
      const stored = await remember(transaction, actor, wanted, { created, keyId: made?.id ?? null, idempotencyKey });
      await transaction.audit({
        ...{ action: 'tenant.onboard', resource: `tenant/${wanted.tenantId}`, tenantId: wanted.tenantId },
        before: created ? null : { known: true },
        after: { ...wanted.terms, keyId: stored.keyId },
      });
      return { ...stored, replayed: false, key: made?.key ?? null };
    });
  }
}

/** Two calls at once with the same key wait for each other here, whichever tenants they are about. */
async function refuseReused(
  transaction: StaffTransaction,
  actor: StaffActor,
  tenantId: TenantId,
  idempotencyKey: string,
): Promise<void> {
  await transaction.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `onboarding ${actor.subject} ${idempotencyKey}`,
  ]);
  const others = await transaction.query(
    `select 1 from tenantry.tenant_onboardings
     where onboarded_by = $1 and idempotency_key = $2 and tenant_id <> $3 limit 1`,
    [actor.subject, idempotencyKey, tenantId],
  );
  if (others.length === 0) return;
  throw new TenantryError('CONFLICT', 'This Idempotency-Key was sent with another call before.', {
    hint: 'Send a new one with each call, and the same one only with its repetitions.',
  });
}

/** Locks the tenant. @returns whether nobody had named it before */
async function enter(transaction: StaffTransaction, tenantId: TenantId): Promise<boolean> {
  const known = await transaction.query('select from tenantry.tenants where tenant_id = $1', [tenantId]);
  await enterTenants(transaction, [tenantId]);
  await transaction.query('select from tenantry.tenants where tenant_id = $1 for no key update', [tenantId]);
  return known.length === 0;
}

async function readOnboarding(transaction: StaffTransaction, tenantId: TenantId): Promise<Stored | undefined> {
  const [row] = await transaction.query<Stored>(
    `select ${COLUMNS} from tenantry.tenant_onboardings where tenant_id = $1`,
    [tenantId],
  );
  return row;
}

function repeated(before: Stored, terms: OnboardingTerms): Onboarded {
  const differing = differingTerms(before.terms, terms);
  const [first] = differing;
  if (first === undefined) return { ...before, replayed: true, key: null };
  throw new TenantryError(
    'CONFLICT',
    `The tenant was signed up before, with other terms: ${differing.join(', ')} ${differing.length === 1 ? 'differs' : 'differ'}.`,
    { hint: 'Change each of them by its own route, such as PUT /v1/tenants/{id}/plan.', pointer: `/${first}` },
  );
}

async function refuseClosed(transaction: StaffTransaction, tenantId: TenantId): Promise<void> {
  const [row] = await transaction.query<{ status: string }>(
    'select status from tenantry.tenants where tenant_id = $1',
    [tenantId],
  );
  if (row?.status !== 'closed') return;
  throw new TenantryError('CONFLICT', 'The tenant is closed.', {
    hint: 'POST /v1/tenants/{id}/reopen opens it again.',
  });
}

/** A slip, and never what somebody wants; a repetition may come later than the times that it names. */
async function refusePast(transaction: StaffTransaction, { trial, ingestKey }: NewTenant): Promise<void> {
  const [clock] = await transaction.query<{ now: number }>(`select ${unixMs('clock_timestamp()')} as now`);
  for (const [name, time] of [
    ['trial.ends_at', trial?.endsAt],
    ['ingest_key.expires_at', ingestKey?.expiresAt],
  ] as const) {
    if (time === undefined || time > (clock?.now ?? Number.NaN)) continue;
    const pointer = `/${name.replaceAll('.', '/')}`;
    throw new TenantryError('BAD_REQUEST', `body field "${name}": must lie in the future.`, { pointer });
  }
}

async function write(transaction: StaffTransaction, actor: StaffActor, wanted: NewTenant): Promise<void> {
  const { tenantId, profile, plan, seats, billingDay, caps, members, trial, retention } = wanted;
  if (Object.keys(profile).length > 0) await putProfile(transaction, actor, { tenantId, fields: profile });
  if (plan !== undefined) {
    await requirePlan(transaction, plan, '/plan');
    await putPlan(transaction, actor, tenantId, plan);
  }
  if (seats !== undefined) {
    const [clock] = await transaction.query<{ now: number }>(`select ${unixMs('clock_timestamp()')} as now`);
    await putSeats(transaction, actor, { tenantId, seats, at: clock?.now ?? Number.NaN });
  }
  if (billingDay !== undefined) await putBillingDay(transaction, actor, tenantId, billingDay);
  for (const terms of caps) await putTenantCap(transaction, actor, tenantId, terms);
  for (const member of members) await addMember(transaction, actor, tenantId, member);
  if (retention !== undefined) await putRetention(transaction, actor, { tenantId }, retention);
  if (trial === undefined) return;
  await transaction.query(`update tenantry.tenants set trial_ends_at = ${fromUnixMs('$2')} where tenant_id = $1`, [
    ...[tenantId, trial.endsAt],
  ]);
  if (trial.thenPlan === undefined) return;
  await requirePlan(transaction, trial.thenPlan, '/trial/then_plan');
  const change = { plan: trial.thenPlan, effectiveFrom: trial.endsAt, why: 'trial_end' } as const;
  await schedulePlan(transaction, actor, tenantId, change);
}

async function makeFirstKey(
  transaction: StaffTransaction,
  actor: StaffActor,
  { tenantId, ingestKey }: NewTenant,
): Promise<{ readonly id: string; readonly key: string } | undefined> {
  if (ingestKey === undefined) return undefined;
  await nextRevision(transaction, 'keys');
  const key = newSecret();
  const wanted = { ...ingestKey, scopes: ['ingest'] as const, tenantId };
  const { id } = await insertKey(transaction, wanted, { key, by: actor.subject, madeByTenant: false });
  await transaction.audit({ action: 'key.create', resource: `key/${id}`, tenantId, after: wanted });
  return { id, key };
}

async function remember(
  transaction: StaffTransaction,
  actor: StaffActor,
  { tenantId, terms }: NewTenant,
  made: { readonly created: boolean; readonly keyId: string | null; readonly idempotencyKey: string | undefined },
): Promise<Stored> {
  const [stored] = await transaction.query<Stored>(
    `insert into tenantry.tenant_onboardings (tenant_id, terms, created, key_id, idempotency_key, onboarded_by)
     values ($1, $2::jsonb, $3, $4, $5, $6) returning ${COLUMNS}`,
    [tenantId, JSON.stringify(terms), made.created, made.keyId, made.idempotencyKey ?? null, actor.subject],
  );
  if (stored === undefined) throw new TenantryError('INTERNAL', 'The onboarding just written cannot be read');
  return stored;
}
