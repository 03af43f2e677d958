/** What the operator counts out of the events that the app sends. */
export const METER_AGGREGATIONS = ['sum', 'count', 'unique_count', 'avg', 'min', 'max', 'latest'] as const;
export type MeterAggregation = (typeof METER_AGGREGATIONS)[number];

export const METER_SLUG = /^[a-z0-9]+(?:_[a-z0-9]+)*$/;
export const METER_WINDOWS = ['minute', 'hour', 'day', 'month'] as const;
export type MeterWindow = (typeof METER_WINDOWS)[number];

export interface MeterDefinition {
  readonly slug: string;
  readonly eventType: string;
  readonly aggregation: MeterAggregation;
  /** Canonical path of the value; null for `count`, which needs none. */
  readonly valuePath: string | null;
  /** Name in questions and answers -> canonical path. */
  readonly groupBy: Readonly<Record<string, string>>;
  /** What one is: `tokens`, `GB`. For people. */
  readonly unit: string;
  readonly description: string;
}

export interface Meter extends MeterDefinition {
  readonly createdBy: string;
  /** Unix ms. */
  readonly createdAt: number;
}
