/** Wire types of `/v1/meters`; part of `contract.ts`. */
type MeterAggregationName = 'sum' | 'count' | 'unique_count' | 'avg' | 'min' | 'max' | 'latest';

export interface NewMeter {
  slug: string;
  /** `type` of the events that it counts. */
  event_type: string;
  aggregation: MeterAggregationName;
  /** JSON path into the event's data, such as `$.tokens`; needed by all but `count`. */
  value_property?: string;
  /** Name -> JSON path. */
  group_by?: Record<string, string>;
  unit?: string;
  description?: string;
}

export interface MeterItem {
  slug: string;
  event_type: string;
  aggregation: MeterAggregationName;
  value_property: string | null;
  group_by: Record<string, string>;
  unit: string;
  description: string;
  created_by: string;
  created_at: string;
}

export interface MeterList {
  items: MeterItem[];
}

export interface MeterValueItem {
  window_start: string;
  window_end: string;
  /** null: all tenants together. */
  tenant_id: string | null;
  group: Record<string, string>;
  /** The nearest number that JSON readers can hold; `exact` has all digits. null: no event had a value. */
  value: number | null;
  exact: string | null;
  /** Events of the type without a usable value; GET /v1/meters/{slug}/rejected lists them. */
  rejected_events: number;
}

export interface MeterValues {
  slug: string;
  aggregation: MeterAggregationName;
  unit: string;
  from: string;
  to: string;
  window_size: 'minute' | 'hour' | 'day' | 'month' | null;
  items: MeterValueItem[];
}

export interface RejectedEventList {
  items: { tenant_id: string; source: string; id: string; time: string }[];
}
