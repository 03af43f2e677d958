import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import { LONGEST_HOLD_MS } from '../../../domain/storage.ts';
import { SECOND_MS } from '../../../domain/window.ts';

export interface StorageHolderRow {
  readonly tenant_id: string;
  readonly store: string;
  readonly kind: string;
}

/** Who has anything in a store or its parts by the newest gauges before `at` (Unix ms). */
export function storageHolders(store: string, at: number): AnalyticsQuery {
  return {
    question: 'storage-holders',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, Store AS store, argMax(g.Kind, g.Time) AS kind
          FROM storage_gauges AS g FINAL
          WHERE (Store = {store:String} OR startsWith(Store, {store_parts:String}))
            AND Time >= toDateTime({from:UInt32}, 'UTC') AND Time < toDateTime({to:UInt32}, 'UTC')
          GROUP BY TenantId, Store HAVING argMax(g.Bytes, g.Time) > 0`,
    params: {
      store,
      store_parts: `${store}:`,
      from: Math.max(0, Math.floor((at - LONGEST_HOLD_MS) / SECOND_MS)),
      to: Math.floor(at / SECOND_MS),
    },
    scope: 'across-tenants',
  };
}
