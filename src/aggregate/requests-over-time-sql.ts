import type { Window } from '../domain/window.ts';
import { type Fragment, rollupTable, tenantCondition, timeCondition, type Whose } from './rollup-source.ts';
import { levelForStep } from './time-levels.ts';

export interface RequestsAtStep {
  readonly tenant_id: string;
  /** Unix seconds of the step's start. */
  readonly at: number;
  readonly requests: number;
}

/** Requests per tenant and step; the window is made of whole steps. Steps without a request are absent. */
export function requestsOverTimeSelect(window: Window, stepSeconds: number, whose: Whose): Fragment {
  const tenant = tenantCondition(whose);
  const time = timeCondition(window, 'w');
  return {
    sql: `SELECT TenantId AS tenant_id, intDiv(toUnixTimestamp(Time), {step:UInt32}) * {step:UInt32} AS at, sum(Requests) AS requests
          FROM ${rollupTable('requests', levelForStep(stepSeconds))} WHERE ${time.sql} AND ${tenant.sql} GROUP BY tenant_id, at`,
    params: { ...tenant.params, ...time.params, step: stepSeconds },
  };
}
