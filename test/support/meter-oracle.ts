import { dividedRounded, scaledDecimal } from '../../src/domain/decimal.ts';
import type { MeterAggregation } from '../../src/domain/meter.ts';

/** An event as tests make it: one number, one text. */
export interface PlainEvent {
  readonly tenant: string;
  readonly id: string;
  /** Unix ms. */
  readonly at: number;
  /** Number as text; null: the event has none. */
  readonly amount: string | null;
  readonly model: string;
}

/** What an aggregation is over events that are each there once, in billionths; recomputed without the engine. */
export function recomputed(aggregation: MeterAggregation, events: readonly PlainEvent[]): bigint | null {
  const unit = 1_000_000_000n;
  const scaled = (text: string) => scaledDecimal(text, 9) ?? 0n;
  const measured = events.filter(({ amount }) => amount !== null);
  const values = measured.map(({ amount }) => scaled(amount ?? ''));
  const total = values.reduce((sum, value) => sum + value, 0n);
  const byValue = values.toSorted((a, b) => (a < b ? -1 : Number(a > b)));
  const byTime = measured.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  switch (aggregation) {
    case 'count':
      return BigInt(events.length) * unit;
    case 'sum':
      return total;
    case 'unique_count':
      return BigInt(new Set(events.map(({ model }) => model)).size) * unit;
    case 'avg':
      return values.length === 0 ? null : dividedRounded(total, BigInt(values.length));
    case 'min':
      return byValue.at(0) ?? null;
    case 'max':
      return byValue.at(-1) ?? null;
    case 'latest':
      return byTime.length === 0 ? null : scaled(byTime.at(-1)?.amount ?? '');
  }
}
