import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { Invoice, RevenueFile, SubscriptionVersion } from '../../domain/revenue.ts';
import { isTenantId, type TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import type { Postgres } from './postgres.ts';
import { importRevenue, type RevenueImport } from './revenue-import.ts';
import { type InvoiceRow, invoiceOf, type SubscriptionRow, subscriptionOf } from './revenue-rows.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import { enterTenants } from './tenant-directory.ts';
import type { Transaction } from './transaction.ts';

const IMPORTS_SHOWN = 100;
const UNMAPPED_SHOWN = 1_000;

/** A customer of the billing system that is no tenant yet. */
export interface UnmappedCustomer {
  readonly customerId: string;
  readonly subscriptions: number;
  readonly invoices: number;
}

export interface RevenueImportRecord extends RevenueImport {
  readonly fileName: string;
  readonly format: RevenueFile['format'];
  /** Unix ms. */
  readonly asOf: number;
  readonly createdBy: string;
  readonly createdAt: number;
}

/** Subscriptions, invoices, and whose they are. */
export class RevenueStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** All of the file or nothing; a file that is known already changes nothing. `asOf`: the moment it tells of, Unix ms. */
  async import(
    actor: StaffActor,
    file: RevenueFile & { readonly sha256: string; readonly fileName: string; readonly asOf: number },
  ): Promise<RevenueImport> {
    return this.#postgres.inStaffTransaction(actor, (transaction) => importRevenue(transaction, actor, file));
  }

  /** What `import` would do, and how many customers would be no tenant then. All of it is rolled back. */
  async preview(
    actor: StaffActor,
    file: RevenueFile & { readonly sha256: string; readonly fileName: string; readonly asOf: number },
  ): Promise<RevenueImport & { readonly unmapped: number }> {
    const done = new Error('looked at only');
    const seen: (RevenueImport & { readonly unmapped: number })[] = [];
    try {
      await this.#postgres.inStaffTransaction(actor, async (transaction) => {
        const made = await importRevenue(transaction, actor, file);
        seen.push({ ...made, unmapped: (await unmappedIn(transaction)).length });
        throw done;
      });
    } catch (thrown) {
      const [only] = seen;
      if (thrown === done && only !== undefined) return only;
      throw thrown;
    }
    throw done;
  }

  /** Newest first. */
  async imports(actor: StaffActor): Promise<readonly RevenueImportRecord[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<RevenueImportRecord>(
        `select id, file_name as "fileName", format, ${unixMs('as_of')} as "asOf", subscriptions, invoices, added, changed,
                unchanged, true as "isNew", created_by as "createdBy", ${unixMs('created_at')} as "createdAt"
         from tenantry.revenue_imports order by created_at desc, id limit $1`,
        [IMPORTS_SHOWN],
      ),
    );
  }

  /** Every version of every subscription. */
  async subscriptions(actor: StaffActor): Promise<readonly SubscriptionVersion[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<SubscriptionRow>(
        `select subscription_id, customer_id, tenant_id, ${unixMs('effective_from')} as effective_from, terms
         from tenantry.revenue_subscriptions order by subscription_id, effective_from`,
      ),
    );
    return rows.map(subscriptionOf);
  }

  /** Invoices with something that is earned in the window. */
  async invoices(actor: StaffActor, window: Window): Promise<readonly Invoice[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<InvoiceRow>(
        `select invoice_id, customer_id, tenant_id, terms from tenantry.revenue_invoices
         where earned_to >= ${fromUnixMs('$1')} and earned_from < ${fromUnixMs('$2')} order by invoice_id`,
        [window.from, window.to],
      ),
    );
    return rows.map(invoiceOf);
  }

  /** Customers that no tenant is known for, by id: what they pay is in no tenant's revenue. */
  async unmapped(actor: StaffActor): Promise<readonly UnmappedCustomer[]> {
    return this.#postgres.inStaffTransaction(actor, unmappedIn);
  }

  /** Says whose customer `customerId` is, for what is there without a tenant as well as for what comes. */
  async map(actor: StaffActor, customerId: string, tenantId: TenantId): Promise<void> {
    if (!isTenantId(tenantId)) throw new TenantryError('BAD_REQUEST', 'The tenant id is malformed');
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await enterTenants(transaction, [tenantId]);
      const [before] = await transaction.query<{ tenant_id: TenantId }>(
        'select tenant_id from tenantry.revenue_customers where customer_id = $1 for update',
        [customerId],
      );
      await transaction.query(
        `insert into tenantry.revenue_customers (customer_id, tenant_id, set_by) values ($1, $2, $3)
         on conflict (customer_id) do update set tenant_id = excluded.tenant_id, set_by = excluded.set_by, set_at = clock_timestamp()`,
        [customerId, tenantId, actor.subject],
      );
      // Rows whose file named a tenant keep it: the file knew better.
      for (const table of ['revenue_subscriptions', 'revenue_invoices'] as const) {
        await transaction.query(
          `update tenantry.${table} set tenant_id = $2 where customer_id = $1 and (tenant_id is null or tenant_id = $3)`,
          [customerId, tenantId, before?.tenant_id ?? null],
        );
      }
      await transaction.audit({
        action: 'revenue.map',
        resource: `customer/${customerId}`,
        tenantId,
        ...(before === undefined ? {} : { before: { tenantId: before.tenant_id } }),
        after: { tenantId },
      });
    });
  }
}

function unmappedIn(transaction: Transaction): Promise<readonly UnmappedCustomer[]> {
  return transaction.query<UnmappedCustomer>(
    `select customer_id as "customerId", count(distinct subscription_id)::int as subscriptions,
            count(distinct invoice_id)::int as invoices
     from (select customer_id, subscription_id, null as invoice_id from tenantry.revenue_subscriptions where tenant_id is null
           union all
           select customer_id, null, invoice_id from tenantry.revenue_invoices where tenant_id is null) as unknown
     group by customer_id order by customer_id limit $1`,
    [UNMAPPED_SHOWN],
  );
}
