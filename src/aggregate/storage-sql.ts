import type { QueryParam } from '../domain/analytics-query.ts';
import { LONGEST_HOLD_MS } from '../domain/storage.ts';
import { DAY_MS, HOUR_MS, SECOND_MS, type Window } from '../domain/window.ts';
import { type Fragment, tenantCondition, timeCondition, type Whose } from './rollup-source.ts';
import { type StorageSegment, storageSegments } from './storage-segments.ts';

/** Rows with TenantId, Store, Time, ByteMs and CoveredMs, as much of each as lies in its segment. */
export function storageRows(segments: readonly StorageSegment[], whose: Whose): Fragment {
  const tenant = tenantCondition(whose);
  const params: Record<string, QueryParam> = { ...tenant.params };
  const selects = segments.map(({ level, window, insideMs }, index) => {
    const time = timeCondition(window, `s${index}`);
    Object.assign(params, time.params, { [`s${index}_inside`]: insideMs });
    const whole = level === 'day' ? DAY_MS : HOUR_MS;
    const part = (column: string) => `intDiv(${column} * {s${index}_inside:UInt64}, ${whole})`;
    return `SELECT TenantId, Store, Time, ${part('r.ByteMs')} AS ByteMs, ${part('r.CoveredMs')} AS CoveredMs
            FROM storage_by_${level} AS r FINAL WHERE ${time.sql} AND ${tenant.sql}`;
  });
  return { sql: `(${selects.join(' UNION ALL ')})`, params };
}

export interface StorageListQuestion {
  readonly window: Window;
  readonly store: string | undefined;
  readonly limit: number;
  readonly offset: number;
}

/** One row a tenant and store: its last gauge before the window's end, and its byte-hours within the window. */
export interface StorageListRow {
  readonly tenant_id: string;
  readonly store: string;
  readonly kind: string;
  /** Texts of whole numbers, as they may be larger than a double is exact. */
  readonly bytes: string;
  readonly error_bytes: string | null;
  readonly objects: string | null;
  readonly method: string;
  /** Unix ms; 0: not within the longest time that a value holds. */
  readonly measured_at: number;
  readonly byte_ms: string;
  readonly covered_ms: number;
  /** Rows over all pages. */
  readonly total: number;
}

/** A store that is named is meant with its parts. */
export function storageList(question: StorageListQuestion, whose: Whose): Fragment {
  const { window, store, limit, offset } = question;
  const rows = storageRows(storageSegments(window), whose);
  const tenant = tenantCondition(whose);
  const ofStore = store === undefined ? '1' : `(Store = {store:String} OR startsWith(Store, {store_parts:String}))`;
  const from = Math.floor((window.to - LONGEST_HOLD_MS) / SECOND_MS);
  const known = `tuple(g.Kind, g.Bytes, g.ErrorBytes, g.Objects, g.Method, toUnixTimestamp64Milli(g.Time))`;
  return {
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, Store AS store, last.1 AS kind, toString(last.2) AS bytes,
                 toString(last.3) AS error_bytes, toString(last.4) AS objects, last.5 AS method, last.6 AS measured_at,
                 toString(byte_sum) AS byte_ms, covered_sum AS covered_ms, count() OVER () AS total
          FROM (
            SELECT TenantId, Store, argMax(Last, Last.6) AS last, sum(ByteMs) AS byte_sum, sum(CoveredMs) AS covered_sum
            FROM (
              SELECT TenantId, Store, argMax(${known}, g.Time) AS Last, toUInt128(0) AS ByteMs, toUInt64(0) AS CoveredMs
              FROM storage_gauges AS g FINAL
              WHERE Time >= toDateTime({gauges_from:UInt32}, 'UTC') AND Time < toDateTime({gauges_to:UInt32}, 'UTC')
                AND ${tenant.sql} AND ${ofStore}
              GROUP BY TenantId, Store
              UNION ALL
              SELECT TenantId, Store,
                     CAST(('', 0, NULL, NULL, '', 0),
                          'Tuple(LowCardinality(String), UInt64, Nullable(UInt64), Nullable(UInt64), LowCardinality(String), Int64)'),
                     sum(r.ByteMs), sum(r.CoveredMs)
              FROM ${rows.sql} AS r WHERE ${ofStore} GROUP BY TenantId, Store)
            GROUP BY TenantId, Store)
          WHERE last.2 > 0 OR byte_sum > 0
          ORDER BY byte_sum DESC, TenantId, Store LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    params: {
      ...rows.params,
      gauges_from: Math.max(0, from),
      gauges_to: Math.ceil(window.to / SECOND_MS),
      limit,
      offset,
      ...(store === undefined ? {} : { store, store_parts: `${store}:` }),
    },
  };
}
