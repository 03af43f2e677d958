import type {
  ForecastAsked,
  MarginAnswer,
  MarginQuestion,
  Revenue,
  RevenueFeature,
  RevenueFileToImport,
} from '../../src/api/revenue-ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { TenantRevenue } from '../../src/domain/revenue.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

const NOTHING = { revenueMicro: null, costMicro: null, marginMicro: null, marginPpm: null, gap: 'no_revenue' } as const;
const NO_SUMS = { ...NOTHING, tenants: 0, unknownTenants: 0, unknownRevenueMicro: 0n, unknownCostMicro: 0n };

/** Notes what it is asked, and answers with what tests put in. */
export class MemoryRevenue implements Revenue {
  readonly imported: RevenueFileToImport[] = [];
  readonly mapped = new Map<string, TenantId>();
  readonly marginQuestions: MarginQuestion[] = [];
  rows: readonly TenantRevenue[] = [];
  answer: Partial<MarginAnswer> = {};
  featureList: readonly RevenueFeature[] = [];

  async import(_actor: StaffActor, file: RevenueFileToImport) {
    this.imported.push(file);
    return {
      id: 'import-1',
      isNew: true,
      subscriptions: 1,
      invoices: 0,
      added: 1,
      changed: 0,
      unchanged: 0,
      unmapped: 1,
    };
  }

  async imports() {
    const tally = { isNew: true, subscriptions: 1, invoices: 0, added: 1, changed: 0, unchanged: 0 };
    return [{ id: 'import-1', fileName: 'f.csv', format: 'csv', asOf: 0, createdBy: 'ann', createdAt: 0, ...tally }];
  }

  async unmapped() {
    return [{ customerId: 'cus_9', subscriptions: 1, invoices: 2 }];
  }

  async map(_actor: StaffActor, customerId: string, tenantId: TenantId) {
    this.mapped.set(customerId, tenantId);
  }

  async tenants() {
    return this.rows;
  }

  async movements() {
    const amounts = { before: 1n, new: 2n, reactivation: 3n, expansion: 4n, contraction: 5n, churn: 1n, after: 4n };
    return [{ currency: 'USD', ...amounts, unknownTenants: 1 }];
  }

  async margins(question: MarginQuestion): Promise<MarginAnswer> {
    this.marginQuestions.push(question);
    const empty = { window: question.window, currency: 'USD', total: NO_SUMS, tenants: [], plans: [], features: [] };
    return { ...empty, ...this.answer };
  }

  async features() {
    return this.featureList;
  }

  async setFeatures(_actor: StaffActor, features: readonly RevenueFeature[]) {
    this.featureList = features;
  }

  async forecast({ now }: ForecastAsked) {
    const times = { monthFrom: now, monthTo: now + 1, knownUntil: now };
    const amounts = { toDateMicro: 5n, expectedMicro: 9n, lowMicro: null, highMicro: null };
    return { currency: 'USD', ...times, ...amounts, coverage: 0.8, basisDays: 3, gap: 'too few days' };
  }
}
