import { ANY_VALUE_TYPE, LEAF_ATTRIBUTES_TYPE } from './otlp-schema.ts';

/** Days that each level is kept. */
interface Retention {
  readonly spansDays: number;
  /** Data points of metrics. */
  readonly pointsDays: number;
  readonly minutesDays: number;
  readonly hoursDays: number;
  readonly daysDays: number;
}

export interface DdlOptions {
  /** Cluster whose replicas get every table; absent on a single server and in embedded mode. */
  readonly cluster: string | undefined;
  readonly retention: Retention;
}

/**
 * How many inserts back a repeated token is recognised. The loader has one segment in flight and repeats only that one
 * after a crash; 10,000 is hours of segments at one a second, and one short text each on disk.
 */
const DEDUPLICATION_WINDOW = 10_000;

/** One DDL text serves a single engine and a cluster of replicas; these are the only differences. */
export function fillDdl(text: string, { cluster, retention }: DdlOptions): string {
  const values: Readonly<Record<string, string>> = {
    on_cluster: cluster === undefined ? '' : `ON CLUSTER '${cluster.replaceAll("'", "\\'")}'`,
    replicated: cluster === undefined ? '' : 'Replicated',
    dedup_window:
      cluster === undefined
        ? `non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}`
        : `replicated_deduplication_window = ${DEDUPLICATION_WINDOW}, replicated_deduplication_window_seconds = 604800`,
    any_value: ANY_VALUE_TYPE,
    leaf_attributes: LEAF_ATTRIBUTES_TYPE,
    retain_spans_days: String(retention.spansDays),
    retain_points_days: String(retention.pointsDays),
    retain_minutes_days: String(retention.minutesDays),
    retain_hours_days: String(retention.hoursDays),
    retain_days_days: String(retention.daysDays),
  };
  return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`unknown macro {{${name}}} in a ClickHouse migration`);
    return value;
  });
}
