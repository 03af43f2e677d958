import type { AnalyticsQuery } from '../../../domain/analytics-query.ts';
import type { Window } from '../../../domain/window.ts';
import type { UsageStep } from '../../usage-source.ts';
import { usageStepsSelect } from '../../usage-sql.ts';

/** Steps in which telemetry came in at all: `{ at }` in Unix seconds. */
export function usageSteps(window: Window, step: UsageStep): AnalyticsQuery {
  const steps = usageStepsSelect(window, step);
  return {
    question: 'usage-steps',
    sql: `SELECT {nonce:String} AS nonce, * FROM (${steps.sql}) ORDER BY at`,
    params: steps.params,
    scope: 'across-tenants',
  };
}
