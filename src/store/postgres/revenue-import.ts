import type { StaffActor } from '../../domain/actor.ts';
import type { Invoice, RevenueFile, Subscription } from '../../domain/revenue.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { invoiceTerms, subscriptionTerms } from './revenue-rows.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { StaffTransaction } from './transaction.ts';

export interface RevenueImport {
  readonly id: string;
  /** False: this very file was imported before, and nothing was done. */
  readonly isNew: boolean;
  /** In the file. */
  readonly subscriptions: number;
  readonly invoices: number;
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
}

type FileToImport = RevenueFile & { readonly sha256: string; readonly fileName: string; readonly asOf: number };

/** One import at a time: two that change the same rows would each take the other's for what was there before. */
const ONE_AT_A_TIME = "select pg_advisory_xact_lock(7070, hashtext('revenue-import'))";
const IMPORT_COLUMNS = 'id, subscriptions, invoices, added, changed, unchanged';

interface Change {
  readonly resource: string;
  readonly tenantId: TenantId | null;
  readonly before: unknown;
  readonly after: unknown;
}

interface Tally {
  added: number;
  unchanged: number;
  readonly changes: Change[];
}

/** See `RevenueStore.import`. What changed is in the audit log row by row, what is new as a whole. */
export async function importRevenue(
  transaction: StaffTransaction,
  actor: StaffActor,
  file: FileToImport,
): Promise<RevenueImport> {
  await transaction.query(ONE_AT_A_TIME);
  const [known] = await transaction.query<RevenueImport>(
    `select ${IMPORT_COLUMNS}, false as "isNew" from tenantry.revenue_imports where sha256 = $1`,
    [file.sha256],
  );
  if (known !== undefined) {
    transaction.unaudited('nothing was done');
    return known;
  }
  const [{ id } = { id: '' }] = await transaction.query<{ id: string }>('select gen_random_uuid() as id');
  const tenants = await tenantsOf(transaction, file);
  const tally: Tally = { added: 0, unchanged: 0, changes: [] };
  const made = await recordImport(transaction, actor, file, id);
  const owned = <Row extends Subscription | Invoice>(row: Row): Row => ({ ...row, tenantId: tenants(row) });
  await putSubscriptions(transaction, file.subscriptions.map(owned), { asOf: file.asOf, id, tally });
  await putInvoices(transaction, file.invoices.map(owned), { id, tally });
  const counted = { added: tally.added, changed: tally.changes.length, unchanged: tally.unchanged };
  await transaction.query(
    'update tenantry.revenue_imports set added = $2, changed = $3, unchanged = $4 where id = $1',
    [id, counted.added, counted.changed, counted.unchanged],
  );
  for (const { tenantId, ...change } of tally.changes) {
    await transaction.audit({ action: 'revenue.change', ...(tenantId === null ? {} : { tenantId }), ...change });
  }
  await transaction.audit({
    action: 'revenue.import',
    resource: `revenue-import/${id}`,
    after: { fileName: file.fileName, ...made, ...counted },
  });
  return { id, isNew: true, ...made, ...counted };
}

async function recordImport(transaction: StaffTransaction, actor: StaffActor, file: FileToImport, id: string) {
  const made = { subscriptions: file.subscriptions.length, invoices: file.invoices.length };
  await transaction.query(
    `insert into tenantry.revenue_imports (id, sha256, file_name, format, as_of, subscriptions, invoices, added, changed, unchanged, created_by)
     values ($1, $2, $3, $4, ${fromUnixMs('$5')}, $6, $7, 0, 0, 0, $8)`,
    [id, file.sha256, file.fileName, file.format, file.asOf, made.subscriptions, made.invoices, actor.subject],
  );
  return made;
}

/** Whose a row is: as the file says, else as the mapping of customers does. Tenants that are new are entered. */
async function tenantsOf(
  transaction: StaffTransaction,
  file: RevenueFile,
): Promise<(row: { readonly customerId: string; readonly tenantId: TenantId | null }) => TenantId | null> {
  const rows = [...file.subscriptions, ...file.invoices];
  await enterTenants(transaction, [...new Set(rows.flatMap(({ tenantId }) => tenantId ?? []))]);
  const mapped = await transaction.query<{ customer_id: string; tenant_id: TenantId }>(
    'select customer_id, tenant_id from tenantry.revenue_customers where customer_id = any($1)',
    [[...new Set(rows.map(({ customerId }) => customerId))]],
  );
  const byCustomer = new Map(mapped.map((row) => [row.customer_id, row.tenant_id]));
  return ({ customerId, tenantId }) => tenantId ?? byCustomer.get(customerId) ?? null;
}

interface Known {
  readonly id: string;
  /** Of the version in force when the file was made, Unix ms; null: there is none. */
  readonly effective_from: number | null;
  readonly same: boolean | null;
  readonly terms: unknown;
}

async function putSubscriptions(
  transaction: StaffTransaction,
  subscriptions: readonly Subscription[],
  { asOf, id, tally }: { readonly asOf: number; readonly id: string; readonly tally: Tally },
): Promise<void> {
  const asked = columnsOf(subscriptions, subscriptionTerms);
  const known = await transaction.query<Known>(
    `select asked.id, ${unixMs('last.effective_from')} as effective_from, last.terms,
            last.terms = asked.terms and last.customer_id = asked.customer and last.tenant_id is not distinct from asked.tenant as same
     from unnest($1::text[], $2::jsonb[], $3::text[], $4::text[]) as asked (id, terms, tenant, customer)
     left join lateral (select effective_from, terms, tenant_id, customer_id from tenantry.revenue_subscriptions
                        where subscription_id = asked.id and effective_from <= ${fromUnixMs('$5')}
                        order by effective_from desc limit 1) as last on true`,
    [...asked, asOf],
  );
  const differing = sorted(subscriptions, known, subscriptionTerms, { kind: 'subscription', tally });
  const since = differing.map(({ row, last }) =>
    last?.effective_from == null ? row.startedAt : changedAt(row, last.effective_from, asOf),
  );
  // A correction of the newest version takes its place; a change comes behind it.
  await transaction.query(
    `insert into tenantry.revenue_subscriptions (subscription_id, effective_from, tenant_id, customer_id, terms, import_id)
     select id, ${fromUnixMs('since')}, tenant, customer, terms, $6
     from unnest($1::text[], $2::jsonb[], $3::text[], $4::text[], $5::float8[]) as given (id, terms, tenant, customer, since)
     on conflict (subscription_id, effective_from) do update
     set tenant_id = excluded.tenant_id, customer_id = excluded.customer_id, terms = excluded.terms, import_id = excluded.import_id`,
    [
      ...columnsOf(
        differing.map(({ row }) => row),
        subscriptionTerms,
      ),
      since,
      id,
    ],
  );
}

/** Files say how things are and not since when: from the moment that the file tells of, or from the end if there is one. */
function changedAt({ endedAt }: Subscription, last: number, asOf: number): number {
  return Math.max(last, endedAt !== null && endedAt < asOf ? endedAt : asOf);
}

async function putInvoices(
  transaction: StaffTransaction,
  invoices: readonly Invoice[],
  { id, tally }: { readonly id: string; readonly tally: Tally },
): Promise<void> {
  const known = await transaction.query<Known>(
    `select asked.id, case when last.invoice_id is null then null else 0 end as effective_from, last.terms,
            last.terms = asked.terms and last.customer_id = asked.customer and last.tenant_id is not distinct from asked.tenant as same
     from unnest($1::text[], $2::jsonb[], $3::text[], $4::text[]) as asked (id, terms, tenant, customer)
     left join tenantry.revenue_invoices as last on last.invoice_id = asked.id`,
    columnsOf(invoices, invoiceTerms),
  );
  const differing = sorted(invoices, known, invoiceTerms, { kind: 'invoice', tally }).map(({ row }) => row);
  const times = differing.map(({ lines }) => lines.flatMap(({ from, to }) => [from, to]));
  await transaction.query(
    `insert into tenantry.revenue_invoices (invoice_id, terms, tenant_id, customer_id, earned_from, earned_to, import_id)
     select id, terms, tenant, customer, ${fromUnixMs('begin')}, ${fromUnixMs('finish')}, $7
     from unnest($1::text[], $2::jsonb[], $3::text[], $4::text[], $5::float8[], $6::float8[]) as given (id, terms, tenant, customer, begin, finish)
     on conflict (invoice_id) do update
     set tenant_id = excluded.tenant_id, customer_id = excluded.customer_id, earned_from = excluded.earned_from,
         earned_to = excluded.earned_to, terms = excluded.terms, import_id = excluded.import_id, updated_at = clock_timestamp()`,
    [
      ...columnsOf(differing, invoiceTerms),
      times.map((own) => Math.min(...own)),
      times.map((own) => Math.max(...own)),
      id,
    ],
  );
}

/** Rows as columns: ids, terms, tenants, customers. */
function columnsOf<Row extends Subscription | Invoice>(
  rows: readonly Row[],
  termsOf: (row: Row) => string,
): unknown[][] {
  return [
    rows.map((row) => row.id),
    rows.map(termsOf),
    rows.map((row) => row.tenantId),
    rows.map((row) => row.customerId),
  ];
}

/** Rows that are new or not as they are kept, each with what is kept; all of them are tallied. */
function sorted<Row extends Subscription | Invoice>(
  rows: readonly Row[],
  known: readonly Known[],
  termsOf: (row: Row) => string,
  { kind, tally }: { readonly kind: string; readonly tally: Tally },
): { readonly row: Row; readonly last: Known | undefined }[] {
  const byId = new Map(known.map((last) => [last.id, last]));
  return rows.flatMap((row) => {
    const last = byId.get(row.id);
    if (last?.same === true) {
      tally.unchanged += 1;
      return [];
    }
    if (last?.effective_from == null) tally.added += 1;
    else {
      tally.changes.push({
        resource: `${kind}/${row.id}`,
        tenantId: row.tenantId,
        before: last.terms,
        after: JSON.parse(termsOf(row)),
      });
    }
    return [{ row, last }];
  });
}
