import type { QueryAudits } from '../../src/api/queries-ports.ts';
import type {
  Queries,
  QueryVolume,
  SlowQuery,
  TenantCompute,
  UsageDesk,
  UsageQuestion,
  UsageService,
  UsageStep,
} from '../../src/api/usage-ports.ts';
import type { QueryAuditState } from '../../src/domain/query-audit.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { TenantUsage, UsageKey } from '../../src/domain/usage.ts';
import { DAY_MS } from '../../src/domain/window.ts';

/** Usage as entered by the test, narrowed as the real reader does; every question is kept. */
export class MemoryUsage implements UsageDesk {
  readonly kept = { minutes: 30 * DAY_MS, hours: 90 * DAY_MS };
  readonly usages: TenantUsage[] = [];
  readonly computes: TenantCompute[] = [];
  services: readonly UsageService[] = [{ service: 'shop', measures: ['requests'], computeBasis: 'request_time' }];
  readonly questions: UsageQuestion[] = [];

  add(tenant: string, values: Partial<Record<UsageKey, bigint>>, compute: Partial<TenantCompute> = {}): void {
    const tenantId = tenant as TenantId;
    this.usages.push({ tenantId, values: new Map(Object.entries(values) as [UsageKey, bigint][]) });
    this.computes.push({ tenantId, cpuNs: null, requestNs: null, services: ['shop'], ...compute });
  }

  async totals(question: UsageQuestion) {
    this.questions.push(question);
    return this.#of(this.usages, question).map(({ tenantId, values }) => ({
      tenantId,
      values: new Map([...values].filter(([key]) => question.metrics.includes(key))),
    }));
  }

  async series(question: UsageQuestion & { readonly step: UsageStep }) {
    const totals = await this.totals(question);
    return totals.map(({ tenantId, values }) => ({ tenantId, steps: [{ at: question.window.from, values }] }));
  }

  async compute(question: UsageQuestion) {
    return { services: this.services, tenants: this.#of(this.computes, question) };
  }

  #of<Item extends { readonly tenantId: TenantId }>(items: readonly Item[], { tenants }: UsageQuestion): Item[] {
    return items.filter(({ tenantId }) => tenants === undefined || tenants.includes(tenantId));
  }
}

/** One statement of each tenant that was entered. */
export class MemoryQueries implements Queries {
  readonly slowMs = 200;
  readonly tenants: TenantId[] = [];
  readonly questions: (Parameters<Queries['volume']>[0] | Parameters<Queries['slow']>[0])[] = [];

  async volume(question: Parameters<Queries['volume']>[0]) {
    this.questions.push(question);
    const asked = this.tenants.filter((tenant) => question.tenant === undefined || tenant === question.tenant);
    return { window: question.window, items: asked.map(volumeOf), total: asked.length };
  }

  async slow(question: Parameters<Queries['slow']>[0]) {
    this.questions.push(question);
    return this.tenants.filter((tenant) => tenant === question.tenantId).map(slowOf);
  }
}

const STATEMENT = { hash: '00ff', query: 'SELECT * FROM orders WHERE id = ?', dbSystem: 'postgresql', rows: null };

function volumeOf(tenantId: TenantId): QueryVolume {
  const figures = { calls: 4, errors: 1, slowCalls: 2, totalMs: 100, p50Ms: 20, p95Ms: 40, p99Ms: 45, timeShare: 0.5 };
  return { ...STATEMENT, ...figures, tenantId, services: ['shop'], tenants: 1 };
}

function slowOf(tenantId: TenantId): SlowQuery {
  const ids = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
  return { ...STATEMENT, ...ids, tenantId, startedAt: 0, durationMs: 250, service: 'shop', failed: false };
}

/** What the test has entered. */
export class MemoryQueryAudits implements QueryAudits {
  readonly items: QueryAuditState[] = [];

  async list() {
    return this.items;
  }
}
