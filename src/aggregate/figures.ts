import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { isReservedTenant, type TenantId } from '../domain/tenant-id.ts';
import { alignOutwards, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type Window } from '../domain/window.ts';
import type { FiguresRow } from './figures-sql.ts';
import { coverage } from './queries/across-tenants/coverage.ts';
import { figures } from './queries/across-tenants/figures.ts';
import { type RankingKey, ranking } from './queries/across-tenants/ranking.ts';
import { requestsOverTime } from './queries/across-tenants/requests-over-time.ts';
import { tenantFigures } from './queries/tenant-figures.ts';
import { tenantRequestsOverTime } from './queries/tenant-requests-over-time.ts';
import type { RequestsAtStep } from './requests-over-time-sql.ts';

/** What AI usage cost. `costMicro` null: there were calls and none could be priced. */
interface AiCostFigure {
  readonly costMicro: bigint | null;
  readonly unpricedCalls: number;
}

/** The one place where AI usage is priced; `src/app` joins it with the price book. Tenants without calls are absent. */
export interface AiCostSource {
  /** Of everybody, or of the tenants given. */
  byTenant(window: Window, tenants?: readonly TenantId[]): Promise<ReadonlyMap<TenantId, AiCostFigure>>;
  /** Of one tenant in its own scope: for its own people. */
  ofTenant(window: Window, tenant: TenantId): Promise<AiCostFigure | undefined>;
}

export interface TenantListQuestion {
  readonly window: Window;
  readonly sort: RankingKey | 'ai_cost_micro';
  readonly order: 'asc' | 'desc';
  readonly search: string | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly onlyTenant: TenantId | undefined;
}

export interface MeasuredFigures extends Omit<FiguresRow, 'percentiles_ms' | 'cpu_samples'> {
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly p99_ms: number | null;
  /** Relative standard error of cpu_seconds, which is sampled; null: no sample. */
  readonly cpu_error_ratio: number | null;
  readonly ai_cost_micro: number | null;
  readonly ai_unpriced_calls: number;
  readonly requests_spark: number[];
}

export interface TenantListAnswer {
  readonly items: readonly MeasuredFigures[];
  readonly total: number;
  readonly sparkStepSeconds: number;
  readonly attributedShare: number | null;
  readonly dataUntil: number | null;
}

interface Page {
  readonly tenants: readonly TenantId[];
  readonly total: number;
}

/** More tenants than any list is ranked over in memory; the engine's own row limit is above it. */
const ALL_TENANTS = 90_000;

/** Whoever made no call to a model spent nothing, and that is known. Micro-units stay below 2^53: nine billion dollars. */
function costFigures(cost: AiCostFigure | undefined): Pick<MeasuredFigures, 'ai_cost_micro' | 'ai_unpriced_calls'> {
  if (cost === undefined) return { ai_cost_micro: 0, ai_unpriced_calls: 0 };
  const { costMicro, unpricedCalls } = cost;
  return { ai_cost_micro: costMicro === null ? null : Number(costMicro), ai_unpriced_calls: unpricedCalls };
}

/** Answers "which tenants, with what figures" from rollups. */
export class Figures {
  readonly #reader: AnalyticsReader;
  readonly #aiCosts: AiCostSource;

  constructor(reader: AnalyticsReader, aiCosts: AiCostSource) {
    this.#reader = reader;
    this.#aiCosts = aiCosts;
  }

  async tenants(question: TenantListQuestion): Promise<TenantListAnswer> {
    const { onlyTenant, window } = question;
    const [page, cover] = await Promise.all([
      onlyTenant === undefined ? this.#rank(question) : { tenants: [onlyTenant], total: 1 },
      // The share of unattributed spans is about everybody, so it is none of a tenant's business.
      onlyTenant === undefined ? this.#coverage(window) : { attributedShare: null, dataUntil: null },
    ]);
    const sparkStepSeconds = sparkStep(window);
    const items = page.tenants.length === 0 ? [] : await this.#page(page.tenants, question, sparkStepSeconds);
    return { items, total: onlyTenant === undefined ? page.total : items.length, sparkStepSeconds, ...cover };
  }

  async #rank(question: TenantListQuestion): Promise<Page> {
    const { sort } = question;
    if (sort === 'ai_cost_micro') return this.#rankByCost(question);
    const rows = await this.#reader.rows<{ tenant_id: TenantId; total: number }>(ranking({ ...question, sort }));
    // Beyond the last page there is no row to carry the total.
    const total =
      rows[0]?.total ?? (question.offset === 0 ? 0 : (await this.#rank({ ...question, offset: 0, limit: 1 })).total);
    return { tenants: rows.map((row) => row.tenant_id), total };
  }

  /** Prices are not in the engine, so costs are worked out for all tenants and ranked here; unknown costs come last. */
  async #rankByCost(question: TenantListQuestion): Promise<Page> {
    const [everybody, costs] = await Promise.all([
      this.#reader.rows<{ tenant_id: TenantId }>(
        ranking({ ...question, sort: 'tenant_id', order: 'asc', limit: ALL_TENANTS, offset: 0 }),
      ),
      this.#aiCosts.byTenant(question.window),
    ]);
    const sign = question.order === 'asc' ? 1 : -1;
    const ranked = everybody
      .map(({ tenant_id }) => ({ tenant: tenant_id, cost: costFigures(costs.get(tenant_id)).ai_cost_micro }))
      .toSorted((left, right) => {
        if (isReservedTenant(left.tenant) !== isReservedTenant(right.tenant))
          return isReservedTenant(left.tenant) ? 1 : -1;
        if (left.cost === right.cost) return 0;
        if (left.cost === null || right.cost === null) return left.cost === null ? 1 : -1;
        return sign * (left.cost - right.cost);
      });
    const page = ranked.slice(question.offset, question.offset + question.limit);
    return { tenants: page.map(({ tenant }) => tenant), total: ranked.length };
  }

  async #page(
    tenants: readonly TenantId[],
    { window, onlyTenant }: TenantListQuestion,
    step: number,
  ): Promise<MeasuredFigures[]> {
    const sparkWindow = alignOutwards(window, step * SECOND_MS);
    const ask = this.#reader;
    const [rows, costs, sparks] = await Promise.all(
      onlyTenant === undefined
        ? [
            ask.rows<FiguresRow>(figures(window, tenants)),
            this.#aiCosts.byTenant(window, tenants),
            ask.rows<RequestsAtStep>(requestsOverTime(sparkWindow, step, tenants)),
          ]
        : [
            ask.rows<FiguresRow>(tenantFigures(onlyTenant, window)),
            this.#costOf(onlyTenant, window),
            ask.rows<RequestsAtStep>(tenantRequestsOverTime(onlyTenant, sparkWindow, step)),
          ],
    );
    const byTenant = new Map(rows.map((row) => [row.tenant_id, row]));
    const lines = sparkLines(sparks, sparkWindow, step);
    return tenants.flatMap((tenant) => {
      const row = byTenant.get(tenant);
      if (row === undefined) return [];
      const { percentiles_ms, cpu_samples, ...sums } = row;
      const [p50 = null, p95 = null, p99 = null] = percentiles_ms;
      const cost = costFigures(costs.get(tenant));
      const spark = lines.get(tenant) ?? emptyLine(sparkWindow, step);
      const latency = { p50_ms: p50, p95_ms: p95, p99_ms: p99 };
      return [{ ...sums, ...latency, cpu_error_ratio: errorRatio(cpu_samples), ...cost, requests_spark: spark }];
    });
  }

  async #costOf(tenant: TenantId, window: Window): Promise<ReadonlyMap<TenantId, AiCostFigure>> {
    const cost = await this.#aiCosts.ofTenant(window, tenant);
    return new Map(cost === undefined ? [] : [[tenant, cost]]);
  }

  async #coverage(window: Window): Promise<Pick<TenantListAnswer, 'attributedShare' | 'dataUntil'>> {
    const [row] = await this.#reader.rows<{ spans: number; attributed: number; newest: number }>(coverage(window));
    if (row === undefined) return { attributedShare: null, dataUntil: null };
    return {
      attributedShare: row.spans === 0 ? null : row.attributed / row.spans,
      dataUntil: row.newest === 0 ? null : row.newest * SECOND_MS + MINUTE_MS,
    };
  }
}

/** Samples come at random moments, so their number is as uncertain as its square root. */
function errorRatio(samples: number): number | null {
  return samples === 0 ? null : 1 / Math.sqrt(samples);
}

/** About 30 to 60 points, on a level that exists. */
function sparkStep(window: Window): number {
  const span = window.to - window.from;
  if (span <= HOUR_MS) return 60;
  if (span <= 6 * HOUR_MS) return 600;
  if (span <= 2 * DAY_MS) return 3_600;
  return span <= 14 * DAY_MS ? 6 * 3_600 : 86_400;
}

function emptyLine(window: Window, step: number): number[] {
  return new Array<number>(Math.round((window.to - window.from) / (step * SECOND_MS))).fill(0);
}

function sparkLines(rows: readonly RequestsAtStep[], window: Window, step: number): Map<string, number[]> {
  const lines = new Map<string, number[]>();
  for (const { tenant_id, at, requests } of rows) {
    const line = lines.get(tenant_id) ?? emptyLine(window, step);
    line[Math.round((at * SECOND_MS - window.from) / (step * SECOND_MS))] = requests;
    lines.set(tenant_id, line);
  }
  return lines;
}
