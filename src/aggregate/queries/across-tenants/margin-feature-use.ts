import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { Window } from '../../../domain/window.ts';
import { rowsInWindow } from '../../rollup-source.ts';

/** In order of rules; '' stands for any. */
export interface FeatureRoutes {
  readonly services: readonly string[];
  readonly routes: readonly string[];
}

export type FeatureMeasure = 'requests' | 'busy_ns' | 'bytes';

export interface FeatureUseRow {
  readonly tenant_id: string;
  /** Place of the first rule that fits, from 1; 0: none. */
  readonly rule: number;
  /** Digits: nanoseconds of a month do not fit a JSON number. */
  readonly amount: string;
}

const COLUMNS: Readonly<Record<FeatureMeasure, string>> = {
  requests: 'Requests',
  busy_ns: 'DurationNs',
  bytes: 'RequestBytes + ResponseBytes',
};

/** What each tenant used of what each rule takes, by the first rule that fits a request. */
export function featureUse(window: Window, rules: FeatureRoutes, measure: FeatureMeasure): AnalyticsQuery {
  const rows = rowsInWindow('requests', window, 'everybody');
  return {
    question: 'margin-feature-use',
    sql: `SELECT {nonce:String} AS nonce, toString(TenantId) AS tenant_id,
                 arrayFirstIndex((service, route) -> (service = '' OR service = ServiceName) AND (route = '' OR route = Route),
                                 {services:Array(String)}, {routes:Array(String)}) AS rule,
                 toString(sum(${COLUMNS[measure]})) AS amount
          FROM ${rows.sql} GROUP BY tenant_id, rule ORDER BY tenant_id, rule`,
    params: { ...rows.params, services: rules.services, routes: rules.routes },
    scope: 'across-tenants',
  };
}
