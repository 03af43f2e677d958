import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import type { ApiPorts } from '../../src/api/context.ts';
import type { MetricSeries } from '../../src/api/contract.ts';
import type { NeighborLoad, NeighborVerdict } from '../../src/api/neighbors-ports.ts';
import type {
  HealthPart,
  MeasuredFigures,
  MetricQuestion,
  TenantListAnswer,
  TenantListQuestion,
} from '../../src/api/ports.ts';
import type { Actor } from '../../src/domain/actor.ts';
import type { Anomaly } from '../../src/domain/anomaly.ts';
import type { ThrottleFlag } from '../../src/domain/flags.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { NewThrottle, ThrottleRecord } from '../../src/domain/throttle-record.ts';
import type { Window } from '../../src/domain/window.ts';
import { MemoryCertificates, MemoryDeletions, MemoryEmbeds, MemoryMembers } from './api-memory-accounts.ts';
import { MemoryAlerting } from './api-memory-alerts.ts';
import { MemoryArchives } from './api-memory-archives.ts';
import { MemoryBills, MemoryCosts } from './api-memory-bills.ts';
import { MemoryBreakers } from './api-memory-breakers.ts';
import { MemoryControl } from './api-memory-control.ts';
import { MemoryDegradations } from './api-memory-degradations.ts';
import { MemoryDeploys } from './api-memory-deploys.ts';
import { MemoryFeed, MemoryInstances } from './api-memory-feed.ts';
import { MemoryKeyAdmin, MemoryKeys } from './api-memory-keys.ts';
import { MemoryDirectory, MemoryLifecycle, MemoryPlans, MemoryTenantMetrics } from './api-memory-lifecycle.ts';
import { MemoryEvents, MemoryMeters } from './api-memory-meters.ts';
import { MemoryMonths, MemoryPrices } from './api-memory-prices.ts';
import { MemoryProfiles } from './api-memory-profiles.ts';
import { MemoryReports } from './api-memory-reports.ts';
import { MemoryRevenue } from './api-memory-revenue.ts';
import { MemorySales } from './api-memory-sales.ts';
import { MemoryPlanFeatures, MemoryScim } from './api-memory-scim.ts';
import { MemorySpend } from './api-memory-spend.ts';
import { MemorySql } from './api-memory-sql.ts';
import { MemoryStorage } from './api-memory-storage.ts';
import { memoryTelemetry } from './api-memory-telemetry.ts';
import { MemoryTraces } from './api-memory-traces.ts';
import { MemoryQueries, MemoryQueryAudits, MemoryUsage } from './api-memory-usage.ts';

/** Figures of a quiet tenant; tests overwrite what they are about. */
export function figuresOf(tenantId: string, changes: Partial<MeasuredFigures> = {}): MeasuredFigures {
  return {
    tenant_id: tenantId,
    requests: 120,
    errors: 3,
    p50_ms: 11.25,
    p95_ms: 42.5,
    p99_ms: 90.125,
    request_bytes: 1_200,
    response_bytes: 88_000,
    db_calls: 360,
    db_ms: 512.75,
    db_slow_calls: 1,
    cache_hits: 80,
    cache_misses: 20,
    ai_calls: 4,
    ai_input_tokens: 4_000,
    ai_output_tokens: 900,
    ai_cache_read_tokens: 0,
    ai_cache_write_tokens: 0,
    ai_reasoning_tokens: 0,
    ai_cost_micro: 18_750,
    ai_unpriced_calls: 0,
    cpu_seconds: 1.5,
    cpu_error_ratio: 0.05,
    requests_spark: [40, 40, 40],
    ...changes,
  };
}

/** In-memory figures that search, sort and page as the real reader does: by the question, ties by tenant id. */
class MemoryFigures {
  rows: MeasuredFigures[] = [];
  readonly listQuestions: TenantListQuestion[] = [];
  readonly metricQuestions: MetricQuestion[] = [];
  series: MetricSeries['series'] = [
    {
      group: {},
      points: [
        [1_750_000_000_000, 1.5],
        [1_750_000_060_000, null],
      ],
    },
  ];

  async tenants(question: TenantListQuestion): Promise<TenantListAnswer> {
    this.listQuestions.push(question);
    const { search, sort, order, onlyTenant, offset, limit } = question;
    const matching = this.rows.filter(
      (row) =>
        (onlyTenant === undefined || row.tenant_id === onlyTenant) &&
        (search === undefined || row.tenant_id.toLowerCase().includes(search.toLowerCase())),
    );
    const direction = order === 'asc' ? 1 : -1;
    const compare = (a: string | number | null, b: string | number | null) => {
      const [left, right] = [a ?? -1, b ?? -1];
      return left < right ? -direction : left > right ? direction : 0;
    };
    matching.sort((a, b) => compare(a[sort], b[sort]) || (a.tenant_id < b.tenant_id ? -1 : 1));
    return {
      items: matching.slice(offset, offset + limit),
      total: matching.length,
      sparkStepSeconds: 60,
      attributedShare: 0.97,
      dataUntil: 1_750_000_000_000,
    };
  }

  async metric(question: MetricQuestion): Promise<MetricSeries> {
    this.metricQuestions.push(question);
    return { metric: question.metric, unit: 'requests', step_seconds: question.stepSeconds, series: this.series };
  }
}

class MemoryThrottles {
  readonly records: ThrottleRecord[] = [];
  readonly #feed: MemoryFeed;
  readonly #now: () => number;

  constructor(feed: MemoryFeed, now: () => number) {
    this.#feed = feed;
    this.#now = now;
  }

  async create(actor: Actor, throttle: NewThrottle): Promise<ThrottleRecord> {
    const { tenantId, scope, limit, mode, reason, expiresInSeconds, anomalyId = null } = throttle;
    const expiresAt = this.#now() + expiresInSeconds * 1_000;
    const flag = this.#feed.put<ThrottleFlag>({
      kind: 'throttle',
      id: randomUUID(),
      tenantId,
      scope,
      limit,
      mode,
      reason,
      expiresAt,
    });
    const record: ThrottleRecord = {
      flag,
      createdBy: actor.subject,
      createdAt: this.#now(),
      liftedAt: null,
      liftedBy: null,
      anomalyId,
      acks: [{ instanceId: 'checkout-7f9c', service: 'checkout', ackedAt: this.#now() }],
    };
    this.records.unshift(record);
    return record;
  }

  async list(actor: Actor, filter: { tenantId?: TenantId; activeOnly: boolean; limit: number }) {
    const only = actor.kind === 'tenant' ? actor.tenantId : filter.tenantId;
    return this.records
      .filter((record) => only === undefined || record.flag.tenantId === only)
      .filter((record) => !filter.activeOnly || this.#isActive(record))
      .slice(0, filter.limit);
  }

  async lift(actor: Actor, id: string): Promise<ThrottleRecord | undefined> {
    const index = this.records.findIndex((record) => record.flag.id === id && this.#isActive(record));
    const record = this.records[index];
    if (record === undefined) return undefined;
    const lifted = { ...record, liftedAt: this.#now(), liftedBy: actor.subject };
    this.records[index] = lifted;
    this.#feed.remove(id);
    return lifted;
  }

  #isActive(record: ThrottleRecord): boolean {
    return record.liftedAt === null && record.flag.expiresAt > this.#now();
  }
}

class MemoryAnomalies {
  readonly items: (Anomaly & { throttleId: string | null })[] = [];

  async list(actor: Actor, filter: { window: Window; tenantId?: TenantId; limit: number }) {
    const only = actor.kind === 'tenant' ? actor.tenantId : filter.tenantId;
    const { from, to } = filter.window;
    return this.items
      .filter((item) => only === undefined || item.tenantId === only)
      .filter((item) => item.startedAt < to && (item.endedAt ?? Number.POSITIVE_INFINITY) > from)
      .slice(0, filter.limit);
  }
}

/** Answers what tests put in, for the window that was asked for last. */
class MemoryNeighbors {
  verdicts: readonly NeighborVerdict[] = [];
  load: NeighborLoad | undefined;
  readonly questions: { readonly service: string | undefined; readonly window: Window }[] = [];

  async look(question: { readonly service: string | undefined; readonly window: Window }) {
    this.questions.push(question);
    return {
      service: question.service ?? 'shop-api',
      services: ['shop-api'],
      verdicts: this.verdicts,
      load: this.load,
    };
  }
}

class MemoryHealth {
  answer: () => Promise<readonly HealthPart[]> = async () => [
    { name: 'clickhouse', ok: true, detail: 'embedded engine 26.7' },
    { name: 'postgres', ok: true, detail: 'embedded 18' },
  ];

  parts(): Promise<readonly HealthPart[]> {
    return this.answer();
  }
}

/** Every port of the api in memory, with the handles that tests turn. `now` is Unix milliseconds. */
export function createMemoryPorts(now: () => number) {
  const feed = new MemoryFeed(now);
  const keys = new MemoryKeys();
  const spend = new MemorySpend(now);
  const plans = new MemoryPlans();
  return {
    figures: new MemoryFigures(),
    plans,
    lifecycle: new MemoryLifecycle(plans, feed, now),
    throttles: new MemoryThrottles(feed, now),
    breakers: new MemoryBreakers(feed, now),
    degradations: new MemoryDegradations(feed, now),
    alerting: new MemoryAlerting(now),
    control: new MemoryControl(now),
    deploys: new MemoryDeploys(now),
    sales: new MemorySales(now),
    bills: new MemoryBills(now),
    costs: new MemoryCosts(),
    anomalies: new MemoryAnomalies(),
    neighbors: new MemoryNeighbors(),
    caps: spend,
    prices: new MemoryPrices(),
    months: new MemoryMonths(now),
    spend: spend.desk,
    flags: feed,
    instances: new MemoryInstances(),
    keys,
    keyAdmin: new MemoryKeyAdmin(keys, now),
    members: new MemoryMembers(now),
    scim: new MemoryScim(now),
    planFeatures: new MemoryPlanFeatures(),
    archives: new MemoryArchives(now),
    deletions: new MemoryDeletions(now),
    deletionCertificates: new MemoryCertificates(),
    embeds: new MemoryEmbeds(now),
    health: new MemoryHealth(),
    events: new MemoryEvents(),
    meters: new MemoryMeters(now),
    profiles: new MemoryProfiles(),
    revenue: new MemoryRevenue(),
    storage: new MemoryStorage(now),
    usage: new MemoryUsage(),
    reports: new MemoryReports(),
    queries: new MemoryQueries(),
    traces: new MemoryTraces(),
    queryAudits: new MemoryQueryAudits(),
    sql: new MemorySql(),
    ...memoryTelemetry(),
    directory: new MemoryDirectory(),
    tenantMetrics: new MemoryTenantMetrics(),
    registry: new Registry(),
  } satisfies ApiPorts;
}

export type MemoryPorts = ReturnType<typeof createMemoryPorts>;
