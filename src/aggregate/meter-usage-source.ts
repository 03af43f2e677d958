import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { scaledDecimal } from '../domain/decimal.ts';
import type { MeterDefinition } from '../domain/meter.ts';
import { isTenantId } from '../domain/tenant-id.ts';
import type { UsageKey } from '../domain/usage.ts';
import { METER_PLACES } from '../domain/usage-event.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { MeterRow } from './meter-sql.ts';
import { meterValuesOfAll } from './queries/across-tenants/meter-values.ts';
import type { UsageRow, UsageSource, UsageSourceQuestion } from './usage-source.ts';

const PREFIX = 'meter:';

/**
 * The operator's own meters as usage: those that add up (`sum`, `count`). Whole numbers: a count as it is, a sum in
 * billionths of its unit (METER_PLACES), as what apps report may be fractions. Negative sums are left out: nothing can
 * be shared by them. A slug that no meter has is not measured.
 */
export class MeterUsageSource implements UsageSource {
  readonly #reader: AnalyticsReader;
  readonly #meters: () => Promise<readonly MeterDefinition[]>;

  constructor(reader: AnalyticsReader, meters: () => Promise<readonly MeterDefinition[]>) {
    this.#reader = reader;
    this.#meters = meters;
  }

  answers(metric: UsageKey): boolean {
    return metric.startsWith(PREFIX);
  }

  async read(question: UsageSourceQuestion): Promise<readonly UsageRow[]> {
    const asked = new Set(question.metrics.map((metric) => metric.slice(PREFIX.length)));
    const meters = (await this.#meters()).filter(
      ({ slug, aggregation }) => asked.has(slug) && (aggregation === 'sum' || aggregation === 'count'),
    );
    const answers = await Promise.all(meters.map((meter) => this.#readOne(meter, question)));
    const rows = new Map<string, UsageRow & { readonly values: Map<UsageKey, bigint> }>();
    for (const { tenantId, at, values } of answers.flat()) {
      const key = `${at} ${tenantId}`;
      const row = rows.get(key) ?? { tenantId, at, values: new Map() };
      rows.set(key, row);
      for (const [metric, value] of values) row.values.set(metric, value);
    }
    return [...rows.values()];
  }

  async #readOne(meter: MeterDefinition, { window, step, tenants }: UsageSourceQuestion): Promise<readonly UsageRow[]> {
    const rows = await this.#reader.rows<MeterRow>(
      meterValuesOfAll({
        meter,
        window,
        step,
        whose: tenants === undefined ? 'everybody' : { tenants },
        byTenant: true,
        groupBy: [],
      }),
    );
    return rows.flatMap(({ tenant_id: tenantId, at, events, amount }) => {
      const value = meter.aggregation === 'count' ? BigInt(events) : scaledDecimal(amount, METER_PLACES);
      if (!isTenantId(tenantId) || value === undefined || value < 0n) return [];
      const start = step === undefined ? window.from : at * SECOND_MS;
      return [{ tenantId, at: start, values: new Map<UsageKey, bigint>([[`${PREFIX}${meter.slug}`, value]]) }];
    });
  }
}
