import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { dividedRounded, scaledDecimal } from '../domain/decimal.ts';
import type { MeterDefinition, MeterWindow } from '../domain/meter.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import { METER_PLACES } from '../domain/usage-event.ts';
import { alignOutwards, MINUTE_MS, SECOND_MS, type Window } from '../domain/window.ts';
import type { MeterRow } from './meter-sql.ts';
import { type MeterRejectedRow, meterRejected } from './queries/across-tenants/meter-rejected.ts';
import { meterValuesOfAll } from './queries/across-tenants/meter-values.ts';
import { meterValues } from './queries/meter-values.ts';

export interface MeterQuestion {
  readonly meter: MeterDefinition;
  /** Widened to whole minutes. */
  readonly window: Window;
  /** Calendar steps in UTC; absent: one value over the window. */
  readonly step?: MeterWindow | undefined;
  /** Set: this tenant's alone. */
  readonly tenant?: TenantId | undefined;
  readonly byTenant: boolean;
  /** Names of the meter's groups. */
  readonly groupBy: readonly string[];
}

export interface MeterValue {
  /** Within the window: the first and the last step may be cut off by it. */
  readonly window: Window;
  /** Null: of all tenants together. */
  readonly tenantId: TenantId | null;
  /** Group name -> text in the event; '' where an event had none. */
  readonly group: Readonly<Record<string, string>>;
  /** In units of 10^-METER_PLACES; null where no event had a value (of a sum or a count that is 0). */
  readonly value: bigint | null;
  /** Events of the type without a value for this meter: they are not counted. */
  readonly rejected: number;
}

export interface RejectedEvent {
  readonly tenantId: TenantId;
  readonly source: string;
  readonly id: string;
  /** Unix ms. */
  readonly time: number;
}

/** Values by step, tenant and group, in this order; steps and tenants without an event of the type are absent. */
export async function readMeter(reader: AnalyticsReader, question: MeterQuestion): Promise<readonly MeterValue[]> {
  const { meter, step, tenant, byTenant, groupBy } = question;
  const window = alignOutwards(question.window, MINUTE_MS);
  const asked = { meter, window, step, groupBy };
  const query =
    tenant === undefined ? meterValuesOfAll({ ...asked, whose: 'everybody', byTenant }) : meterValues(tenant, asked);
  const rows = await reader.rows<MeterRow>(query);
  return rows.map((row) => ({
    window: step === undefined ? window : stepWindow(row.at * SECOND_MS, step, window),
    tenantId: parseTenantId(row.tenant_id) ?? null,
    group: Object.fromEntries(groupBy.map((name, index) => [name, row.groups[index] ?? ''])),
    value: amountOf(meter, row),
    rejected: meter.aggregation === 'count' ? 0 : row.events - row.measured,
  }));
}

/** Events that a meter could not use, newest first. */
export async function readRejected(
  reader: AnalyticsReader,
  question: {
    readonly meter: MeterDefinition;
    readonly window: Window;
    readonly tenant?: TenantId | undefined;
    readonly limit: number;
  },
): Promise<readonly RejectedEvent[]> {
  const { meter, window, tenant, limit } = question;
  if (meter.valuePath === null) return [];
  const whose = tenant === undefined ? 'everybody' : { tenant };
  const rows = await reader.rows<MeterRejectedRow>(meterRejected({ meter, window, whose, limit }));
  return rows.flatMap(({ tenant_id: id, ...event }) => {
    const tenantId = parseTenantId(id);
    return tenantId === undefined ? [] : [{ tenantId, ...event }];
  });
}

const WHOLE = 10n ** BigInt(METER_PLACES);

function amountOf({ aggregation }: MeterDefinition, row: MeterRow): bigint | null {
  switch (aggregation) {
    case 'count':
      return BigInt(row.events) * WHOLE;
    case 'unique_count':
      return BigInt(row.distinct) * WHOLE;
    case 'sum':
      return scaled(row.amount);
    case 'avg':
      return row.measured === 0 ? null : dividedRounded(scaled(row.amount), BigInt(row.measured));
    case 'min':
    case 'max':
    case 'latest':
      return row.measured === 0 ? null : scaled(row.amount);
  }
}

function scaled(text: string): bigint {
  const value = scaledDecimal(text, METER_PLACES);
  if (value === undefined) throw new Error('the engine answered no decimal');
  return value;
}

function stepWindow(at: number, step: MeterWindow, whole: Window): Window {
  return { from: Math.max(at, whole.from), to: Math.min(stepEnd(at, step), whole.to) };
}

function stepEnd(at: number, step: MeterWindow): number {
  if (step !== 'month') return at + { minute: 60, hour: 3_600, day: 86_400 }[step] * SECOND_MS;
  const start = new Date(at);
  return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1);
}
