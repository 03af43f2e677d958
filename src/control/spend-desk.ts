/**
 * Where apps ask for budget and settle. Everything of one tenant is worked through in order, as many requests in one
 * transaction as have come meanwhile: a burst of a thousand calls costs some twenty transactions, and however many wait
 * for one tenant, they hold one database connection.
 */
import { TenantryError } from '../domain/errors.ts';
import type { SpendAccountId } from '../domain/spend.ts';
import type { SpendAnswer, SpendReceipt, SpendReport, SpendRequest } from '../domain/spend-wire.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { SpendPage } from './spend-page.ts';
import type { SpendAsker, SpendBooks, SpendTools } from './spend-ports.ts';

interface Job {
  readonly ids: readonly string[];
  run(page: SpendPage): void;
  /** After the page is written. */
  done(): void;
  fail(error: unknown): void;
}

/** Tenants worked on at once: few, so that the pool keeps connections for everybody else. */
const MAX_TENANTS_AT_ONCE = 3;
const MAX_JOBS_PER_PAGE = 64;
/** Beyond this the answer would come too late to be of use. */
const MAX_WAITING = 20_000;
const EXPIRED_TENANTS_AT_ONCE = 200;

export class SpendDesk {
  readonly #books: SpendBooks;
  readonly #tools: SpendTools;
  /** In the order of their turn; a tenant that is being worked on is not in it. */
  readonly #queues = new Map<TenantId, Job[]>();
  readonly #busy = new Set<TenantId>();
  #waiting = 0;

  constructor(books: SpendBooks, tools: SpendTools) {
    this.#books = books;
    this.#tools = tools;
  }

  /** @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT: then nothing was reserved, or the same id finds it */
  async reserve(tenantId: TenantId, request: SpendRequest, asker: SpendAsker): Promise<SpendAnswer> {
    return this.#onPage(tenantId, [request.id], (page) => page.reserve(request, asker));
  }

  /** @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT: the same reports may be sent again */
  async report(tenantId: TenantId, reports: readonly SpendReport[], asker: SpendAsker): Promise<SpendReceipt[]> {
    const ids = reports.map((report) => report.id);
    return this.#onPage(tenantId, ids, (page) => reports.map((report) => page.report(report, asker)));
  }

  /** Charges reservations whose settlement did not come. @returns how many */
  async expireDue(): Promise<number> {
    const tenants = await this.#books.tenantsWithExpired(EXPIRED_TENANTS_AT_ONCE);
    const counts = await Promise.all(tenants.map((tenant) => this.#onPage(tenant, [], (page) => page.expireDue())));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Notes what the spans say was spent. */
  async observe(
    tenantId: TenantId,
    observed: readonly { readonly account: SpendAccountId; readonly micro: number }[],
  ): Promise<void> {
    await this.#onPage(tenantId, [], (page) => {
      for (const { account, micro } of observed) page.observe(account, micro);
    });
  }

  async #onPage<T>(tenantId: TenantId, ids: readonly string[], work: (page: SpendPage) => T): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      throw new TenantryError('STORE_UNAVAILABLE', 'Too many requests for budget wait already.', {
        hint: 'Try again in a moment; lease larger slices.',
      });
    }
    return new Promise<T>((resolve, reject) => {
      let result: T;
      const job: Job = {
        ids,
        run: (page) => {
          result = work(page);
        },
        done: () => resolve(result),
        fail: reject,
      };
      const queue = this.#queues.get(tenantId);
      if (queue === undefined) this.#queues.set(tenantId, [job]);
      else queue.push(job);
      this.#waiting += 1;
      this.#next();
    });
  }

  #next(): void {
    for (const [tenantId, queue] of this.#queues) {
      if (this.#busy.size >= MAX_TENANTS_AT_ONCE) return;
      if (this.#busy.has(tenantId)) continue;
      const jobs = queue.splice(0, MAX_JOBS_PER_PAGE);
      // Taken out and put back at the end: tenants take turns.
      this.#queues.delete(tenantId);
      if (queue.length > 0) this.#queues.set(tenantId, queue);
      this.#busy.add(tenantId);
      this.#work(tenantId, jobs)
        .catch((error: unknown) => {
          for (const job of jobs) job.fail(error);
        })
        .finally(() => {
          this.#waiting -= jobs.length;
          this.#busy.delete(tenantId);
          this.#next();
        });
    }
  }

  async #work(tenantId: TenantId, jobs: readonly Job[]): Promise<void> {
    const ids = [...new Set(jobs.flatMap((job) => job.ids))];
    await this.#books.onPage(tenantId, ids, (data) => {
      const page = new SpendPage(data, this.#tools);
      for (const job of jobs) job.run(page);
      return { changes: page.changes(), result: undefined };
    });
    for (const job of jobs) job.done();
  }
}
